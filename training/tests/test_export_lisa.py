"""A whole miniature checkpoint folder: what the exporter reads, writes and refuses."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
import sentencepiece
import torch
from miniature_lisa import LLAMA, write_miniature, write_shards
from odd_texts import odd_texts
from safetensors.torch import save_file

from tessera_export.checkpoint import Checkpoint
from tessera_export.lisa import Lisa, main
from tessera_export.llama_tokenizer import from_sentencepiece, read_tokenizer

TRAINING = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    directory = tmp_path_factory.mktemp("miniature")
    write_miniature(directory)
    return directory


def copied(folders, target):
    for name in ("lisa", "clip"):
        shutil.copytree(folders / name, target / name)
    return target / "lisa"


def export(folders, out, *words):
    main(["--checkpoint", str(folders / "lisa"), "--clip", str(folders / "clip"), "--out", str(out), *words])


def refusal(folders, tmp_path):
    with pytest.raises(SystemExit) as failure:
        export(folders, tmp_path / "bundle")
    assert not list(tmp_path.glob("*bundle*")), "nothing is left of a bundle that was refused"
    return str(failure.value)


# --- files


def test_safetensors_and_pickles_give_the_same_bundle(folders, tmp_path):
    lisa = copied(folders, tmp_path)
    checkpoint = Checkpoint(lisa)
    tensors = {name: checkpoint[name].clone() for name in checkpoint.files}
    for path in lisa.glob("pytorch_model*"):
        path.unlink()
    save_file(tensors, str(lisa / "model.safetensors"))
    export(folders, tmp_path / "one", "--name", "same", "--precision", "float32")
    export(tmp_path, tmp_path / "other", "--name", "same", "--precision", "float32")
    one, other = (json.loads((tmp_path / name / "bundle.json").read_text()) for name in ("one", "other"))
    assert one["files"] == other["files"] and len(one["files"]) == 9


def test_the_manifest_says_what_the_folder_says(folders, tmp_path):
    export(folders, tmp_path / "lisa-mini", "--precision", "int4")
    manifest = json.loads((tmp_path / "lisa-mini/bundle.json").read_text())
    added = json.loads((folders / "lisa/added_tokens.json").read_text())
    settings = manifest["settings"]
    assert settings["seg_token"] == added["[SEG]"]
    assert settings["decoder"] == {"layers": 6, "width": 64, "feed_forward_width": 160, "grid_side": 16}
    assert not settings["is_calibrated"]
    batched = {name: graph.get("padded", []) for name, graph in manifest["graphs"].items() if "batch" in graph}
    assert batched == {"vision_tower": [], "image_encoder": ["height", "width"]}
    for graph in manifest["graphs"].values():
        onnx.checker.check_model(str(tmp_path / "lisa-mini" / graph["file"]))
    language = onnx.load(tmp_path / "lisa-mini/language-model.onnx", load_external_data=False)
    products = [node.op_type for node in language.graph.node if node.op_type == "MatMulNBits"]
    assert len(products) == 6 * 7 + 1


def test_a_dry_run_says_how_large_the_bundle_will_be(folders, tmp_path, capsys):
    for precision in ("float32", "float16", "int4"):
        export(folders, tmp_path / "bundle", "--precision", precision, "--dry-run")
        assert not (tmp_path / "bundle").exists()
        export(folders, tmp_path / precision, "--precision", precision, "--name", "lisa")
        said = capsys.readouterr().err
        expected = Lisa(folders / "lisa", folders / "clip").bytes(precision, "float32")["language_model"]
        written = (tmp_path / precision / "language-model.bin").stat().st_size
        assert "GB" in said and abs(written - expected) < 0.2 * expected + 200_000  # rotary tables aside


def test_memory_stays_below_the_largest_shard_and_a_fifth(tmp_path):
    """In a process of its own, which reads Linux's own account of its largest size."""
    wide = LLAMA | {"hidden_size": 512, "intermediate_size": 1376, "num_hidden_layers": 40}
    write_miniature(tmp_path, llama=wide)
    largest = max(path.stat().st_size for path in (tmp_path / "lisa").glob("*.bin"))
    code = f"""
from tessera_export.lisa import main
def most():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
before = most()
main(["--checkpoint", {str(tmp_path / "lisa")!r}, "--clip", {str(tmp_path / "clip")!r},
      "--out", {str(tmp_path / "bundle")!r}, "--precision", "float16"])
print(most() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=TRAINING, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert largest > 130e6
    assert int(done.stdout) < 1.2 * largest, f"{int(done.stdout) / 1e6:.0f} MB for shards of {largest / 1e6:.0f} MB"


# --- what is refused


def without(lisa, name):
    checkpoint = Checkpoint(lisa)
    tensors = {key: checkpoint[key].clone() for key in checkpoint.files if key != name}
    write_shards(lisa, tensors)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.mm_projector.weight", "no checkpoint of LISA v1"),
        ("model.visual_model.image_encoder.pos_embed", "SAM is not in it"),
        ("model.layers.3.mlp.up_proj.weight", "have no tensor model.layers.3.mlp.up_proj.weight"),
    ],
)
def test_a_missing_weight_is_named(folders, tmp_path, name, message):
    without(copied(folders, tmp_path), name)
    assert message in refusal(tmp_path, tmp_path)


def test_a_missing_shard_is_named(folders, tmp_path):
    lisa = copied(folders, tmp_path)
    (lisa / "pytorch_model-00002-of-00002.bin").unlink()
    assert "has no pytorch_model-00002-of-00002.bin, one of its weight files" in refusal(tmp_path, tmp_path)


def test_a_pointer_of_git_lfs_is_recognised(folders, tmp_path):
    lisa = copied(folders, tmp_path)
    (lisa / "pytorch_model-00001-of-00002.bin").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert "pointer of Git LFS" in refusal(tmp_path, tmp_path)


def test_another_clip_is_recognised(folders, tmp_path):
    lisa = copied(folders, tmp_path)
    checkpoint = Checkpoint(lisa)
    tensors = {key: checkpoint[key].clone() for key in checkpoint.files}
    tensors["model.mm_projector.weight"] = torch.zeros(64, 96)
    write_shards(lisa, tensors)
    assert "this is not the CLIP that the checkpoint was trained with" in refusal(tmp_path, tmp_path)


def test_scaled_rotary_positions_are_refused(folders, tmp_path):
    lisa = copied(folders, tmp_path)
    config = json.loads((lisa / "config.json").read_text()) | {"rope_scaling": {"type": "linear", "factor": 2.0}}
    (lisa / "config.json").write_text(json.dumps(config))
    assert "scales rotary positions by linear" in refusal(tmp_path, tmp_path)


def test_a_token_without_its_place_is_refused(folders, tmp_path):
    lisa = copied(folders, tmp_path)
    added = json.loads((lisa / "added_tokens.json").read_text())
    (lisa / "added_tokens.json").write_text(json.dumps(added | {"[SEG]": 9999}))
    assert "does not follow the tokens before it" in refusal(tmp_path, tmp_path)


# --- the tokenizer


def test_the_tokenizer_equals_sentencepiece(folders):
    lisa = folders / "lisa"
    tokenizer = from_sentencepiece(lisa / "tokenizer.model")
    original = sentencepiece.SentencePieceProcessor(model_file=str(lisa / "tokenizer.model"))
    different = [text for text in odd_texts() if tokenizer.encode(text).ids != original.encode(text)]
    assert not different, different[:3]


def test_added_tokens_take_the_spaces_around_them(folders):
    tokenizer, added = read_tokenizer(folders / "lisa")
    ids = [tokenizer.encode(text).ids for text in ("USER:<im_start>", "USER: <im_start>", "USER:  <im_start> \n")]
    assert ids[0] == ids[1] == ids[2] and ids[0][-1] == added["<im_start>"]
