"""Exported CLIP bundles against transformers' CLIPModel, with random weights."""

import json
import shutil

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from clip_folders import SIZES, write_clip_folder

from tessera_export import clip_check
from tessera_export.clip import main
from tessera_export.clip_bundle import CUDA_GRAPHS
from tessera_export.clip_check import BOUNDS, differences, run

# Two layers of the very sizes of clip-vit-base-patch32: the last one of each tower is a graph of its own kind.
BASE_PATCH_32 = {
    "text_config": {
        "hidden_size": 512,
        "intermediate_size": 2048,
        "num_hidden_layers": 2,
        "num_attention_heads": 8,
        "max_position_embeddings": 77,
    },
    "vision_config": {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 2,
        "num_attention_heads": 12,
        "image_size": 224,
        "patch_size": 32,
    },
    "projection_dim": 512,
}
ONE_LAYER = {
    **SIZES,
    "text_config": SIZES["text_config"] | {"num_hidden_layers": 1},
    "vision_config": SIZES["vision_config"] | {"num_hidden_layers": 1},
}
# Logits are up to 20 here: so much the bound of unit embeddings grows.
LOGIT_BOUNDS = {"float32": 1e-4, "float16": 0.02}


def exported(directory, *, precision="float32", **options):
    checkpoint, bundle = directory / "checkpoint", directory / "small-clip"
    model = write_clip_folder(checkpoint, **options)
    words = ["--checkpoint", checkpoint, "--out", bundle, "--precision", precision, "--no-check"]
    assert main([str(word) for word in words]) == 0
    return model, checkpoint, bundle


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("clip"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"precision": "float16"},
        {"activation": "gelu"},
        {"safe": False},
        {"sizes": ONE_LAYER},
        {"sizes": BASE_PATCH_32},
    ],
    ids=["small", "half-precision", "gelu", "pickled", "one-layer", "base-patch-32"],
)
def test_embeddings_and_logits_are_those_of_transformers(tmp_path, options):
    _, checkpoint, bundle = exported(tmp_path, **options)
    image, text, logits = differences(checkpoint, bundle)
    precision = options.get("precision", "float32")
    assert max(image, text) <= BOUNDS[precision], (image, text)
    assert logits <= LOGIT_BOUNDS[precision], logits


@pytest.mark.parametrize(
    "options",
    [{}, {"precision": "float16"}, {"activation": "gelu"}, {"sizes": BASE_PATCH_32}],
    ids=["small", "half-precision", "gelu", "base-patch-32"],
)
def test_the_graphs_for_cuda_compute_the_same_in_half_precision(tmp_path, options):
    _, checkpoint, bundle = exported(tmp_path, **options)
    image, text, logits = differences(checkpoint, bundle, on_cuda=True)
    assert max(image, text) <= BOUNDS["float16"], (image, text)
    assert logits <= LOGIT_BOUNDS["float16"], logits
    for file in CUDA_GRAPHS.values():
        graph = onnx.load(bundle / file, load_external_data=False).graph
        products = [node for node in graph.node if node.op_type in ("MatMul", "Gemm", "FusedMatMul", "Conv")]
        weights = {tensor.name: tensor.data_type for tensor in graph.initializer}
        stored = [weights[name] for node in products for name in node.input if name in weights]
        assert len(stored) > 10 and set(stored) == {onnx.TensorProto.FLOAT16}
    own_weights = (bundle / "image-encoder-cuda.weights").exists()
    assert own_weights == (options.get("precision") != "float16")  # otherwise both use the same file


def test_the_graphs_for_cuda_can_be_left_out(tmp_path, capsys):
    write_clip_folder(tmp_path / "checkpoint")
    words = ["--checkpoint", tmp_path / "checkpoint", "--out", tmp_path / "clip"]
    assert main([str(word) for word in words]) == 0
    assert "largest differences of the graphs for CUDA" in capsys.readouterr().err
    assert main([*(str(word) for word in words), "--no-cuda"]) == 0
    assert "for CUDA" not in capsys.readouterr().err
    graphs = json.loads((tmp_path / "clip" / "bundle.json").read_text())["graphs"]
    assert not any("cuda" in graph for graph in graphs.values())
    assert not list((tmp_path / "clip").glob("*cuda*"))


def test_the_comparison_tells_other_weights_apart(small, tmp_path):
    _, _, bundle = small
    write_clip_folder(tmp_path, seed=1)
    assert min(differences(tmp_path, bundle)[:2]) > 0.1


@pytest.mark.parametrize(
    "found",
    [(np.nan, 0.0, 0.0), (0.0, np.nan, 0.0), (0.0, 0.0, np.inf), (1e-3, 0.0, 0.0)],
    ids=["image", "text", "logits", "larger"],
)
def test_a_bundle_that_computes_something_else_leaves_the_one_before(small, tmp_path, monkeypatch, capsys, found):
    _, checkpoint, bundle = small
    out = shutil.copytree(bundle, tmp_path / "clip")
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    monkeypatch.setattr(clip_check, "differences", lambda *_, **__: found)
    assert main(["--checkpoint", str(checkpoint), "--out", str(out), "--no-cuda"]) == 1
    assert "The bundle differs from transformers' CLIPModel" in capsys.readouterr().err
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]


def test_prompts_of_different_lengths_do_not_depend_on_their_batch(small):
    """All share what they begin with, two share all but the end, and each is encoded alone, too."""
    model, _, bundle = small
    end, table = model.config.text_config.eos_token_id, model.text_model.embeddings.token_embedding.weight.detach()
    texts = [[812, 5, 6, 7, end], [812, 5, 6, 8, 9, 10, end], [812, 5, 6, 8, 9, 11, end], [812, end]]
    ids = torch.tensor([text + [end] * (7 - len(text)) for text in texts])
    ends = np.array([len(text) - 1 for text in texts])
    together = run(bundle, "text_encoder", {"inputs_embeds": table[ids].numpy(), "end": ends})[0]
    with torch.no_grad():
        expected = model.text_projection(model.text_model(input_ids=ids).pooler_output).numpy()
    np.testing.assert_allclose(together, expected, rtol=1e-4, atol=1e-5)
    for index, text in enumerate(texts):
        feeds = {"inputs_embeds": table[torch.tensor([text])].numpy(), "end": ends[index : index + 1]}
        np.testing.assert_allclose(run(bundle, "text_encoder", feeds)[0][0], expected[index], rtol=1e-4, atol=1e-5)


# --- training


def step_problem(model, attributes=4, objects=3):
    """Soft tokens are the first rows of the token embedding, so that autograd differentiates by them."""
    random = np.random.default_rng(2)
    width, end = model.config.text_config.hidden_size, model.config.text_config.eos_token_id
    rows = attributes + objects
    pairs = [(a, attributes + o) for a in range(attributes) for o in range(objects)]
    ids = np.array([[812, 60, 61, 62, *pair, end] for pair in pairs])
    images = F.normalize(torch.from_numpy(random.normal(size=(9, model.config.projection_dim)).astype(np.float32)))
    return {
        "rows": rows,
        "ids": torch.from_numpy(ids),
        "theta": 0.2 * torch.from_numpy(random.normal(size=(rows, width)).astype(np.float32)),
        "mask": torch.from_numpy((random.random((rows, width)) > 0.2).astype(np.float32)) / 0.8,
        "images": images,
        "labels": torch.from_numpy(random.integers(0, len(pairs), 9)),
    }


def expected_step(model, problem, scale):
    """-> loss, gradient and the next theta, by autograd and torch.optim.Adam over transformers' text tower"""
    theta = torch.nn.Parameter(problem["theta"].clone())
    optimizer = torch.optim.Adam([theta], lr=5e-4, weight_decay=1e-5)
    embedding = model.text_model.embeddings.token_embedding
    table = embedding.weight.detach()
    soft = torch.cat([theta * problem["mask"], table[problem["rows"] :]])
    embedding.forward = lambda ids: F.embedding(ids, soft)
    try:
        pooled = model.text_model(input_ids=problem["ids"]).pooler_output
    finally:
        del embedding.forward
    text = F.normalize(model.text_projection(pooled), dim=-1)
    loss = F.cross_entropy(scale * problem["images"] @ text.T, problem["labels"])
    loss.backward()
    gradient = theta.grad.clone()
    optimizer.step()
    return loss.item(), gradient, theta.detach()


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
def test_the_gradient_of_soft_prompts_is_that_of_autograd(tmp_path, activation):
    model, _, bundle = exported(tmp_path, activation=activation)
    scale, problem = 20.0, step_problem(model)
    ids, rows = problem["ids"], problem["rows"]
    is_soft = ids < rows
    table = model.text_model.embeddings.token_embedding.weight.detach()
    zeros = torch.zeros_like(problem["theta"]).numpy()
    feeds = {
        "theta": problem["theta"].numpy(),
        "first_moment": zeros,
        "second_moment": zeros,
        "step": np.array(1, np.float32),
        "learning_rate": np.array(5e-4, np.float32),
        "weight_decay": np.array(1e-5, np.float32),
        "dropout_mask": problem["mask"].numpy(),
        "prompts": torch.where(is_soft[..., None], torch.zeros(()), table[ids]).numpy(),
        "rows": torch.where(is_soft, ids, rows).numpy(),
        "end": np.full(len(ids), ids.shape[1] - 1),
        "image_embeds": problem["images"].numpy(),
        "labels": problem["labels"].numpy(),
        "logit_scale": np.array(scale, np.float32),
    }
    loss, gradient, next_theta, *_ = run(bundle, "soft_prompt_step", feeds)
    expected_loss, expected_gradient, expected_theta = expected_step(model, problem, scale)
    assert abs(loss - expected_loss) <= 1e-4 * expected_loss
    largest = expected_gradient.abs().max().item()
    assert largest > 1e-3
    np.testing.assert_allclose(gradient, expected_gradient.numpy(), atol=1e-4 * largest)
    # Adam's first step is the learning rate in the gradient's direction, whatever its size.
    is_sure = expected_gradient.abs() > 1e-3 * largest
    np.testing.assert_allclose(next_theta[is_sure], expected_theta[is_sure].numpy(), atol=1e-6)


# --- the bundle


def test_the_manifest_has_what_the_checkpoint_says(small):
    model, _, bundle = small
    manifest = json.loads((bundle / "bundle.json").read_text())
    settings = manifest["settings"]
    assert (manifest["name"], manifest["pipeline"]) == ("small-clip", "dual-encoder")
    assert abs(settings["logit_scale"] - 20) < 1e-4  # stored as a logarithm
    assert (settings["image_size"], settings["resize"], settings["context_length"]) == (64, "crop", 77)
    assert settings["end_token"] == model.config.text_config.eos_token_id
    listed = {name: entry["bytes"] for name, entry in manifest["files"].items()}
    assert listed == {file.name: file.stat().st_size for file in bundle.iterdir() if file.name != "bundle.json"}
    for graph in manifest["graphs"].values():
        assert graph["file"] in listed
    for graph, file in CUDA_GRAPHS.items():
        cuda = manifest["graphs"][graph]["cuda"]
        assert cuda["file"] == file and file in listed
        for kind in ("inputs", "outputs"):
            assert cuda[kind] == manifest["graphs"][graph][kind]


def test_both_text_graphs_use_the_same_weights(small):
    _, _, bundle = small
    sizes = {name: (bundle / name).stat().st_size for name in ("text-encoder.onnx", "soft-prompt-step.onnx")}
    assert max(sizes.values()) < 100_000  # weights are beside them


def test_a_second_export_replaces_the_first_and_nothing_else(small, tmp_path, capsys):
    _, checkpoint, bundle = small
    words = ["--checkpoint", str(checkpoint), "--no-check", "--out"]
    before = (bundle / "bundle.json").read_text()
    assert main([*words, str(bundle)]) == 0
    assert (bundle / "bundle.json").read_text() == before
    other = tmp_path / "photos"
    other.mkdir()
    (other / "holiday.jpg").write_bytes(b"")
    assert main([*words, str(other)]) == 1
    assert "is no bundle" in capsys.readouterr().err
    assert [file.name for file in other.iterdir()] == ["holiday.jpg"]
