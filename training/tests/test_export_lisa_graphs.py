"""The graphs of a LISA bundle against transformers, with random weights."""

import numpy as np
import onnxruntime
import pytest
import torch
from lisa_reference import clip_reference, llama_reference, sam_reference
from miniature_lisa import CLIP, LLAMA, SAM, clip_weights, llama_weights, sam_weights

from tessera_export.checkpoint import Weights
from tessera_export.clip_vision import MEAN, STD, VisionConfig, write_vision_tower
from tessera_export.fields import Fields
from tessera_export.folder import CheckpointError
from tessera_export.language_model import LlamaConfig
from tessera_export.lisa_language import write_language_model
from tessera_export.sam import write_image_encoder, write_mask_decoder

VOCABULARY, SEG_TOKEN, IMAGE = 96, 90, 48
GROUPED = LLAMA | {"num_key_value_heads": 2, "rope_theta": 100_000.0}


class Tensors(Weights, dict):
    """Weights in memory as the exporter reads them from files."""

    def with_prefix(self, prefix):
        return Tensors({name.removeprefix(prefix): tensor for name, tensor in self.items() if name.startswith(prefix)})


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options)


def run(path, feeds):
    loaded = session(path)
    return dict(zip([output.name for output in loaded.get_outputs()], loaded.run(None, feeds)))


# --- the language model


class Language:
    """The exported model and the same weights in transformers, which runs each layer on the tokens of a plan."""

    def __init__(self, directory, precision, shape=LLAMA):
        self.weights = Tensors(llama_weights(VOCABULARY, shape))
        described = shape | {"vocab_size": VOCABULARY}
        self.config = LlamaConfig.read(Fields(described))
        self.path = directory / f"{precision}.onnx"
        write_language_model(self.weights, self.config, self.path, precision, IMAGE, SEG_TOKEN)
        self.session = session(self.path)
        self.reference = llama_reference(self.weights, described)

    def feeds(self, lengths=(7, 4, 9), seed=0):
        random = np.random.default_rng(seed)
        return {
            "prefix": random.integers(VOCABULARY, size=5),
            "image_embeddings": random.normal(size=(1, IMAGE, self.config.width)).astype(np.float32),
            "text": random.integers(VOCABULARY, size=(len(lengths), max(lengths))),
            "lengths": np.array(lengths),
            "priority": random.random(IMAGE).astype(np.float32),
            "image_tokens": np.full(self.config.layers, IMAGE),
        }

    def run(self, feeds):
        names = [output.name for output in self.session.get_outputs()]
        return dict(zip(names, self.session.run(names, feeds)))

    @torch.no_grad()
    def expected(self, feeds, query):
        """One query on its own, layer by layer with the tokens that take part -> outputs and tokens per layer."""
        model = self.reference.model
        text = feeds["text"][query, : feeds["lengths"][query]]
        before = len(feeds["prefix"])
        embeddings = torch.cat([
            model.embed_tokens(torch.from_numpy(feeds["prefix"])),
            torch.from_numpy(feeds["image_embeddings"][0]),
            model.embed_tokens(torch.from_numpy(text)),
        ])  # fmt: skip
        counts = feeds["image_tokens"]
        chosen = np.sort(np.argsort(-feeds["priority"], kind="stable")[: counts[0]])
        states, seen, attention = embeddings.clone(), [], None
        for number, layer in enumerate(model.layers):
            if number > 0 and counts[number] > counts[number - 1]:
                chosen = np.arange(IMAGE)
            elif number > 0 and counts[number] < counts[number - 1]:
                scores = attention[before : before + len(chosen)].numpy()
                chosen = np.sort(chosen[np.argsort(-scores, kind="stable")[: counts[number]]])
            rows = np.concatenate([
                np.arange(before), before + chosen, np.arange(before + IMAGE, len(embeddings))
            ])  # fmt: skip
            positions = torch.from_numpy(rows)[None]
            x = states[rows][None]
            rotary = model.rotary_emb(x, positions)
            mask = torch.full((len(rows), len(rows)), -1e9).triu(1)[None, None]
            normed = layer.input_layernorm(x)
            attended, weights = layer.self_attn(normed, position_embeddings=rotary, attention_mask=mask)
            x = x + attended
            x = x + layer.mlp(layer.post_attention_layernorm(x))
            states[rows] = x[0]
            attention = weights[0, :, -1].mean(0)
            seen.extend(chosen)
        final = model.norm(states[-1])
        fcs = [self.weights[f"model.text_hidden_fcs.0.{k}.{part}"] for k in (0, 2) for part in ("weight", "bias")]
        hidden = torch.relu(fcs[0] @ final + fcs[1])
        logits = self.reference.lm_head(final)
        others = torch.cat([logits[:SEG_TOKEN], logits[SEG_TOKEN + 1 :]])
        embedding = (fcs[2] @ hidden + fcs[3]).numpy()
        return embedding, float(logits[SEG_TOKEN] - others.logsumexp(0)), np.array(seen)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(scope="module")
def language(directory):
    return Language(directory, "float32")


SCHEDULES = {
    "off": [48] * 6,
    "clustered, scattered, pruned": [12, 12, 48, 48, 7, 7],
    "pruned to one": [1, 48, 48, 1, 1, 1],
    "fastv": [48, 48, 10, 10, 10, 10],
    "pyramid": [48, 24, 24, 12, 6, 6],
    "never returning": [9] * 6,
    "only clustered": [12, 12, 48, 48, 48, 48],
}


def difference(language, feeds):
    outputs, worst = language.run(feeds), 0.0
    for query in range(len(feeds["lengths"])):
        embedding, logit, tokens = language.expected(feeds, query)
        row = outputs["tokens"][query if len(outputs["tokens"]) > 1 else 0]
        assert (row == tokens).all()
        worst = max(worst, np.abs(outputs["embedding"][query] - embedding).max())
        worst = max(worst, abs(outputs["seg_logit"][query] - logit))
    return worst


@pytest.mark.parametrize("name", SCHEDULES)
def test_under_every_schedule_the_language_model_equals_transformers(language, name):
    assert difference(language, language.feeds() | {"image_tokens": np.array(SCHEDULES[name])}) <= 1e-4


def test_without_pruning_it_equals_a_plain_forward_pass_of_transformers(language):
    feeds = language.feeds(lengths=(8,))
    model = language.reference.model
    parts = [model.embed_tokens(torch.from_numpy(feeds[name]).reshape(1, -1)) for name in ("prefix", "text")]
    with torch.no_grad():
        inputs = torch.cat([parts[0], torch.from_numpy(feeds["image_embeddings"]), parts[1]], 1)
        final = model(inputs_embeds=inputs).last_hidden_state[0, -1]
        logits = language.reference.lm_head(final)
    others = torch.cat([logits[:SEG_TOKEN], logits[SEG_TOKEN + 1 :]])
    expected = float(logits[SEG_TOKEN] - others.logsumexp(0))
    for counts in ([IMAGE] * 6, [IMAGE, IMAGE, IMAGE, IMAGE, IMAGE, IMAGE]):
        outputs = language.run(feeds | {"image_tokens": np.array(counts)})
        assert abs(outputs["seg_logit"][0] - expected) <= 1e-4
    # A budget of all tokens in every stage is the unpruned model, whatever the first layer would have chosen.
    unpruned = language.run(feeds)["embedding"]
    reordered = language.run(feeds | {"priority": feeds["priority"][::-1].copy()})["embedding"]
    assert np.abs(unpruned - reordered).max() <= 1e-4


def test_grouped_query_attention_and_other_rotary_frequencies(directory):
    language = Language(directory, "float32", GROUPED)
    feeds = language.feeds()
    for name in ("off", "clustered, scattered, pruned"):
        assert difference(language, feeds | {"image_tokens": np.array(SCHEDULES[name])}) <= 1e-4


def test_a_query_gets_the_same_answer_alone(language):
    feeds = language.feeds() | {"image_tokens": np.array(SCHEDULES["clustered, scattered, pruned"])}
    together = language.run(feeds)
    for query, length in enumerate(feeds["lengths"]):
        own = feeds | {"text": feeds["text"][query : query + 1, :length], "lengths": np.array([length])}
        assert np.abs(language.run(own)["embedding"][0] - together["embedding"][query]).max() <= 1e-4


@pytest.mark.parametrize(("precision", "most"), [("float16", 0.02), ("int4", 0.4)])
def test_lower_precisions_stay_near(directory, language, precision, most):
    lower = Language(directory, precision)
    feeds = language.feeds()
    expected, found = language.run(feeds)["embedding"], lower.run(feeds)["embedding"]
    scale = np.abs(expected).max()
    assert 0 < np.abs(expected - found).max() / scale <= most
    schedule = feeds | {"image_tokens": np.array(SCHEDULES["clustered, scattered, pruned"])}
    assert np.isfinite(lower.run(schedule)["embedding"]).all()


# --- the vision tower


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
def test_the_vision_tower_equals_transformers(directory, activation):
    described = CLIP | {"hidden_act": activation}
    weights = Tensors(clip_weights(described))
    projector = Tensors(llama_weights(VOCABULARY)).with_prefix("model.mm_projector.")
    path = directory / f"vision-{activation}.onnx"
    config = VisionConfig.read({"vision_config": described})
    write_vision_tower(weights, config, projector, path, select_layer=-2)
    image = np.random.default_rng(3).integers(256, size=(1, 224, 224, 3), dtype=np.uint8)
    outputs = run(path, {"image": image})

    reference = clip_reference(weights, described)
    pixels = (torch.from_numpy(image).float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    with torch.no_grad():
        expected = reference(pixels.permute(0, 3, 1, 2), output_hidden_states=True, output_attentions=True)
        states = expected.hidden_states[-2][:, 1:] @ projector["weight"].T + projector["bias"]
    assert outputs["image_embeddings"].shape == (1, 256, LLAMA["hidden_size"])
    assert np.abs(outputs["image_embeddings"] - states.numpy()).max() <= 1e-4
    attention = expected.attentions[-2][0, :, 0, 1:].mean(0)
    assert np.abs(outputs["cls_attention"][0] - attention.numpy()).max() <= 1e-5

    together = run(path, {"image": np.concatenate([255 - image, image])})
    for name, alone in outputs.items():
        assert np.abs(together[name][1:] - alone).max() <= 1e-5


def test_a_tower_of_other_sizes_than_its_config_is_refused(directory):
    projector = Tensors(llama_weights(VOCABULARY)).with_prefix("model.mm_projector.")
    config = VisionConfig.read({"vision_config": CLIP | {"intermediate_size": 7}})
    with pytest.raises(CheckpointError, match=r"mlp\.fc1\.weight is .*, but config\.json makes it \[7, "):
        write_vision_tower(Tensors(clip_weights()), config, projector, directory / "refused.onnx", select_layer=-2)


# --- Segment Anything


@pytest.fixture(scope="module")
def sam():
    weights = Tensors(sam_weights())
    return weights, sam_reference(weights, SAM), SAM["grid"] * SAM["patch"]


def test_the_image_encoder_equals_transformers(directory, sam):
    weights, reference, side = sam
    path = directory / "image-encoder.onnx"
    write_image_encoder(weights.with_prefix("image_encoder."), path)
    height, width = 150, side
    image = np.random.default_rng(4).integers(256, size=(1, height, width, 3), dtype=np.uint8)
    found = run(path, {"image": image, "sizes": np.array([[height, width]])})["embedding"]
    mean, std = (
        torch.tensor(values).reshape(3, 1, 1) for values in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
    )
    pixels = torch.zeros(1, 3, side, side)
    pixels[0, :, :height, :width] = (torch.from_numpy(image[0]).permute(2, 0, 1).float() - mean) / std
    with torch.no_grad():
        expected = reference.get_image_embeddings(pixels)
    assert np.abs(found - expected.numpy()).max() <= 1e-3

    # An image of another size before it; what is beside an image is not looked at.
    tall = np.random.default_rng(5).integers(256, size=(1, side, 90, 3), dtype=np.uint8)
    padded = np.full((2, side, side, 3), 77, np.uint8)
    padded[0, :, :90], padded[1, :height, :width] = tall, image
    together = run(path, {"image": padded, "sizes": np.array([[side, 90], [height, width]])})["embedding"]
    first = run(path, {"image": tall, "sizes": np.array([[side, 90]])})["embedding"]
    assert np.abs(together - np.concatenate([first, found])).max() <= 1e-4


def test_the_mask_decoder_equals_transformers(directory, sam):
    weights, reference, side = sam
    path = directory / "mask-decoder.onnx"
    prompts, decoder = (weights.with_prefix(f"{part}.") for part in ("prompt_encoder", "mask_decoder"))
    write_mask_decoder(prompts, decoder, path, SAM["grid"], side)
    random = np.random.default_rng(5)
    embedding = random.normal(size=(1, 256, SAM["grid"], SAM["grid"])).astype(np.float32)
    count = 3
    injected = random.normal(size=(count, 1, 256)).astype(np.float32)
    points = (random.random((count, 2, 2)) * side).astype(np.float32)

    def found(points, labels, injected):
        feeds = {"embedding": embedding, "points": points, "labels": labels, "prompt_embeddings": injected}
        outputs = run(path, feeds)
        return outputs["low_res_masks"], outputs["iou"]

    def expected(sparse):
        """Sparse prompts [P, n, 256], each for itself."""
        positions = reference.get_image_wide_positional_embeddings()
        dense = reference.prompt_encoder.no_mask_embed.weight.reshape(1, 256, 1, 1).expand(1, -1, *embedding.shape[2:])
        with torch.no_grad():
            outputs = reference.mask_decoder(
                image_embeddings=torch.from_numpy(embedding), image_positional_embeddings=positions,
                sparse_prompt_embeddings=sparse[None], dense_prompt_embeddings=dense, multimask_output=False,
            )  # fmt: skip
        return outputs[0][0, :, 0].numpy(), outputs[1][0, :, 0].numpy()

    def near(one, other):
        for ours, theirs in zip(one, other):
            assert ours.shape == theirs.shape
            assert np.abs(ours - theirs).max() <= 1e-3

    none = np.zeros((count, 0, 2), np.float32), np.zeros((count, 0), np.int64)
    near(found(*none, injected), expected(torch.from_numpy(injected)))
    labels = np.array([[1, 0], [1, -1], [0, 1]])
    with torch.no_grad():
        own = reference.prompt_encoder(
            input_points=torch.from_numpy(points)[None], input_labels=torch.from_numpy(labels)[None],
            input_boxes=None, input_masks=None,
        )[0][0]  # fmt: skip
    own = own[:, :2]  # without the padding that stands for a box
    near(found(points, labels, injected), expected(torch.cat([own, torch.from_numpy(injected)], 1)))
    near(found(points, labels, injected[:, :0]), expected(own))
