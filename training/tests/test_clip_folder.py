"""Which folders the exporter of CLIP takes, and what it says of the others."""

import json
import shutil

import pytest
import torch
from clip_folders import write_clip_folder
from safetensors.torch import load_file, save_file

from tessera_export.checkpoint import Checkpoint
from tessera_export.clip import main
from tessera_export.clip_folder import read_config, read_preprocessing
from tessera_export.clip_tokenizer import read_tokenizer
from tessera_export.folder import CheckpointError, Folder


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint")
    write_clip_folder(path)
    return path


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "checkpoint")


def edit(path, change):
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def read(folder):
    opened = Folder(folder)
    config = read_config(opened)
    return config, read_preprocessing(opened, config.image_size), read_tokenizer(opened, config)


def split_tokenizer(folder, change=lambda vocabulary, merges: None):
    """Vocabulary and merges in files of their own, after a change to them."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())["model"]
    change(tokenizer["vocab"], tokenizer["merges"])
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(tokenizer["vocab"]))
    lines = ["#version: 0.2", *(" ".join(merge) for merge in tokenizer["merges"]), ""]
    (folder / "merges.txt").write_text("\n".join(lines))


def test_the_layout_of_early_releases_says_the_same(folder, original):
    """Sizes as numbers, a second copy of the configurations, merges and vocabulary in files of their own."""
    expected = read(original)
    split_tokenizer(folder)
    edit(folder / "preprocessor_config.json", lambda values: values.update(size=64, crop_size=64))

    def moved(values):
        values["text_config_dict"] = values.pop("text_config")
        values["vision_config"]["num_hidden_layers"] = 9
        values["vision_config_dict"] = {"num_hidden_layers": 3}

    edit(folder / "config.json", moved)
    assert read(folder) == expected


def test_weights_may_be_in_shards(folder):
    whole = Checkpoint(folder)
    tensors = {name: whole[name] for name in whole}
    names = sorted(tensors)
    halves = {"pytorch_model-00001-of-00002.bin": names[::2], "pytorch_model-00002-of-00002.bin": names[1::2]}
    for file, part in halves.items():
        torch.save({name: tensors[name] for name in part}, folder / file)
    index = {name: file for file, part in halves.items() for name in part}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": index}))
    (folder / "model.safetensors").unlink()
    opened = Checkpoint(folder)
    for name in names:
        assert torch.equal(opened.tensor(name, *tensors[name].shape), tensors[name])


INFINITE, NORM = float("inf"), "text_model.final_layer_norm.weight"


def config_with(**values):
    return lambda path: edit(path / "config.json", lambda config: config.update(values))


def tower_with(tower, **values):
    return lambda path: edit(path / "config.json", lambda config: config[tower].update(values))


def images_with(**values):
    return lambda path: edit(path / "preprocessor_config.json", lambda images: images.update(values))


def weights_with(name, change):
    """`change`: from the tensor of this name, or None, to what takes its place"""

    def rewrite(path):
        tensors = load_file(path / "model.safetensors")
        tensors[name] = change(tensors.get(name))
        save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})

    return rewrite


def with_first(value):
    """The value in the place of a tensor's first."""

    def change(tensor):
        tensor = tensor.clone()
        tensor.view(-1)[0] = value
        return tensor

    return change


def tokenizer_with(change):
    return lambda path: edit(path / "tokenizer.json", lambda tokenizer: change(tokenizer["model"]))


def vocabulary_with(**ids):
    return lambda path: split_tokenizer(path, lambda vocabulary, _: vocabulary.update(ids))


def merges_with(change):
    return lambda path: split_tokenizer(path, lambda _, merges: change(merges))


def merges_file_with(text):
    def write(path):
        split_tokenizer(path)
        (path / "merges.txt").write_text(text)

    return write


def without(name):
    return lambda path: (path / name).unlink()


def with_file(name, content):
    return lambda path: (path / name).write_bytes(content)


@pytest.mark.parametrize(
    "change, said",
    [
        (without("config.json"), "has no config.json; download the whole folder"),
        (config_with(model_type="siglip"), 'not a CLIP model: config.json has model_type "siglip"'),
        (config_with(model_type="clip_text_model"), "one half of CLIP"),
        (tower_with("text_config", hidden_act="gelu_new"), 'hidden_act "gelu_new" of text_config cannot be exported'),
        (tower_with("vision_config", num_hidden_layers=4), "no tensor vision_model.encoder.layers.3"),
        (tower_with("vision_config", hidden_size=96), "but config.json makes it"),
        (tower_with("vision_config", patch_size=24), "do not fill an image"),
        (without("preprocessor_config.json"), "has no preprocessor_config.json"),
        (images_with(resample=2), "only bicubic"),
        (images_with(do_center_crop=False), "switches do_center_crop off"),
        (images_with(size={"shortest_edge": 80}), "only a shortest side that equals"),
        (images_with(size=96, crop_size=96), "gives images of 96 pixels, but the model reads 64"),
        (images_with(rescale_factor=1.0), "only 1/255"),
        (without("model.safetensors"), "has no weights"),
        (with_file("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n"), "pointer of Git LFS"),
        (with_file("config.json", b"version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
        (without("tokenizer.json"), "has no tokenizer"),
        (with_file("tokenizer.json", b'{"model": {"type": "Unigram"}}'), "is not CLIP's"),
        (tower_with("text_config", vocab_size=700), "embeds 700 tokens"),
        (merges_file_with(""), "merges.txt is cut short: its 0 merges leave out"),
        (merges_file_with("version https://git-lfs.github.com/spec/v1\n"), "merges.txt is a pointer of Git LFS"),
        (merges_with(lambda merges: merges.__delitem__(slice(200, None))), "merges.txt is cut short: its 200 merges"),
        (
            merges_with(lambda merges: merges.append("abc")),
            "merges.txt has the merge ['a', 'b', 'c'], which is no pair",
        ),
        (merges_with(lambda merges: merges.append(["q", "q"])), "merges q and q, but the vocabulary has no ['qq']"),
        (tokenizer_with(lambda model: model["merges"].clear()), "tokenizer.json is cut short"),
        (tokenizer_with(lambda model: model.update(merges="x")), "merges of {file} is 'x', but has to be a list"),
        (tokenizer_with(lambda model: model.update(vocab=[])), "vocab of {file} is [], but has to be an object"),
        (tokenizer_with(lambda model: model["vocab"].pop("Ā")), "has no pieces of single bytes such as ['Ā']"),
        (vocabulary_with(a=-1), "vocab.json gives 'a' the number -1, but the model embeds"),
        (vocabulary_with(a=1.5), "vocab.json gives 'a' the number 1.5"),
        (vocabulary_with(a="7"), "vocab.json gives 'a' the number '7'"),
        (vocabulary_with(a=5), "vocab.json gives several tokens the same number"),
        (with_file("tokenizer.json", b'{"model": []}'), "model of {file} is [], but has to be an object"),
        (with_file("config.json", b'{"a":' * 100_000), "config.json has too many lists or objects inside each other"),
        (config_with(projection_dim=40.0), "projection_dim of config.json is 40.0, but has to be a whole number"),
        (
            tower_with("text_config", layer_norm_eps=0),
            "layer_norm_eps of text_config of config.json is 0, but has to be",
        ),
        (tower_with("vision_config", layer_norm_eps=INFINITE), "layer_norm_eps of vision_config of config.json is inf"),
        (images_with(image_std=[0, 0.3, 0.3]), "image_std of preprocessor_config.json is [0, 0.3, 0.3], but has to be"),
        (images_with(image_std=[0.3, -0.3, 0.3]), "image_std of preprocessor_config.json is [0.3, -0.3, 0.3]"),
        (images_with(image_std=[float("nan"), 0.3, 0.3]), "image_std of preprocessor_config.json is [nan, 0.3, 0.3]"),
        (images_with(image_mean=[0.5, INFINITE, 0.5]), "image_mean of preprocessor_config.json is [0.5, inf, 0.5]"),
        (
            weights_with("logit_scale", with_first(1000.0)),
            "model.safetensors is 1000, but has to be a factor's logarithm",
        ),
        (weights_with("logit_scale", with_first(INFINITE)), "model.safetensors has values that are not finite"),
        (weights_with("logit_scale", lambda scale: scale.repeat(2)), "logit_scale is [2]"),
        (weights_with(NORM, with_first(float("nan"))), f"{NORM} of "),
        (weights_with(NORM, lambda norm: norm.to(torch.int8)), f"{NORM} has numbers of type I8; only floating-point"),
        (weights_with("text_projection.bias", lambda _: torch.zeros(40)), "has text_projection.bias, which the model"),
        (tower_with("vision_config", num_hidden_layers=2), "has vision_model.encoder.layers.2."),
        (tower_with("text_config", num_hidden_layers=2), "has text_model.encoder.layers.2."),
    ],
)
def test_other_folders_are_refused_with_the_reason(folder, tmp_path, capsys, change, said):
    change(folder)
    out = tmp_path / "bundle"
    assert main(["--checkpoint", str(folder), "--out", str(out), "--no-check"]) == 1
    assert said.replace("{file}", str(folder / "tokenizer.json")) in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_a_folder_that_is_not_there_is_named():
    with pytest.raises(CheckpointError, match="no directory /nowhere"):
        Folder("/nowhere")


def test_code_in_pickled_weights_is_not_run(folder):
    """weights_only refuses what is not tensors."""

    class Code:
        def __reduce__(self):
            return print, ("run",)

    (folder / "model.safetensors").unlink()
    torch.save({"logit_scale": Code()}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="is not readable"):
        Checkpoint(folder)


def test_weights_beyond_half_precision_are_refused(folder, tmp_path, capsys):
    tensors = load_file(folder / "model.safetensors")
    tensors["text_projection.weight"][0, 0] = 1e6
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    words = ["--checkpoint", str(folder), "--out", str(tmp_path / "bundle"), "--precision", "float16", "--no-check"]
    assert main(words) == 1
    assert "not finite in float16" in capsys.readouterr().err


def test_what_no_answer_needs_is_passed_over(folder, tmp_path):
    for tower in ("text_model", "vision_model"):
        weights_with(f"{tower}.embeddings.position_ids", lambda _: torch.arange(77)[None])(folder)
    assert main(["--checkpoint", str(folder), "--out", str(tmp_path / "bundle"), "--no-check"]) == 0


def test_what_the_model_does_not_depend_on_is_no_reason_to_refuse(folder, tmp_path):
    """A model card in Latin-1, and the scale in a list."""
    (folder / "README.md").write_bytes("---\nlicense: mit\n---\nModèle".encode("latin-1"))
    weights_with("logit_scale", lambda scale: scale[None])(folder)
    assert main(["--checkpoint", str(folder), "--out", str(tmp_path / "bundle")]) == 0
    manifest = json.loads((tmp_path / "bundle/bundle.json").read_text())
    assert manifest["license"] == "mit" and abs(manifest["settings"]["logit_scale"] - 20) < 1e-4
