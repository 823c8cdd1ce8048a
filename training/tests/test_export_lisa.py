"""A whole miniature checkpoint folder: what the exporter reads, writes and refuses."""

import json
import shutil

import onnx
import pytest
import sentencepiece
import torch
from export_memory import memory_of_export
from miniature_lisa import LLAMA, write_miniature, write_shards
from odd_texts import odd_texts
from safetensors.torch import save_file
from transformers import LlamaTokenizer

from tessera_export.checkpoint import Checkpoint
from tessera_export.clip_shapes import tower_shapes
from tessera_export.folder import Folder
from tessera_export.lisa import Lisa, main
from tessera_export.lisa_weights import language_shapes, sam_shapes
from tessera_export.llama_tokenizer import from_sentencepiece, read_tokenizer


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
    tensors = {name: checkpoint[name].clone() for name in checkpoint}
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


def test_memory_does_not_grow_with_the_shards(tmp_path):
    """As many pages stay mapped as of a small share of these shards."""
    wide = LLAMA | {"hidden_size": 512, "intermediate_size": 1376, "num_hidden_layers": 40}
    write_miniature(tmp_path, llama=wide)
    largest = max(path.stat().st_size for path in (tmp_path / "lisa").glob("*.bin"))
    words = ["--checkpoint", tmp_path / "lisa", "--clip", tmp_path / "clip", "--out", tmp_path / "bundle"]
    before, most = memory_of_export(*words, mapped_bytes=4 << 20)
    assert largest > 130e6
    assert most - before < 0.6 * largest, f"{(most - before) / 1e6:.0f} MB for shards of {largest / 1e6:.0f} MB"


# --- what is refused


def rewrite(lisa, change):
    """The checkpoint with a change to its tensors by their names."""
    checkpoint = Checkpoint(lisa)
    tensors = {name: checkpoint[name].clone() for name in checkpoint}
    change(tensors)
    write_shards(lisa, tensors)


def with_tensor(name, tensor):
    return lambda tensors: tensors.update({name: tensor})


def edit(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.mm_projector.weight", "no checkpoint of LISA v1"),
        ("model.visual_model.image_encoder.pos_embed", "SAM is not in it"),
        ("model.layers.3.mlp.up_proj.weight", "have no tensor model.layers.3.mlp.up_proj.weight"),
    ],
)
def test_a_missing_weight_is_named(folders, tmp_path, name, message):
    rewrite(copied(folders, tmp_path), lambda tensors: tensors.pop(name))
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
    rewrite(copied(folders, tmp_path), with_tensor("model.mm_projector.weight", torch.zeros(64, 96)))
    assert "this is not the CLIP that the checkpoint was trained with" in refusal(tmp_path, tmp_path)


def test_scaled_rotary_positions_are_refused(folders, tmp_path):
    edit(copied(folders, tmp_path) / "config.json", rope_scaling={"type": "linear", "factor": 2.0})
    assert "scales rotary positions by linear" in refusal(tmp_path, tmp_path)


def test_a_token_without_its_place_is_refused(folders, tmp_path):
    lisa = copied(folders, tmp_path)
    added = json.loads((lisa / "added_tokens.json").read_text())
    (lisa / "added_tokens.json").write_text(json.dumps(added | {"[SEG]": 9999}))
    assert "does not follow the tokens before it" in refusal(tmp_path, tmp_path)


# --- shapes, types and values


def cut(name, *shape):
    """The first values of a tensor along each dimension."""
    return lambda tensors: tensors.update({name: tensors[name][tuple(slice(size) for size in shape)].clone()})


LAYER, ENCODER, DECODER = "model.layers.2.", "model.visual_model.image_encoder.", "model.visual_model.mask_decoder."


@pytest.mark.parametrize(
    ("name", "shape", "expected", "source"),
    [
        (f"{LAYER}self_attn.q_proj.weight", (32, 64), [64, 64], "config.json"),
        (f"{LAYER}mlp.down_proj.weight", (64, 96), [64, 160], "config.json"),
        ("model.norm.weight", (32,), [64], "config.json"),
        ("model.mm_projector.bias", (32,), [64], "config.json"),
        ("model.embed_tokens.weight", (700, 64), [804, 64], "config.json"),
        ("lm_head.weight", (700, 64), [804, 64], "config.json"),
        ("model.text_hidden_fcs.0.0.weight", (32, 64), [64, 64], "config.json"),
        ("model.text_hidden_fcs.0.2.weight", (128, 64), [256, 64], "config.json"),
        (f"{ENCODER}pos_embed", (1, 7, 14, 64), [1, 14, 14, 64], "the rest of SAM"),
        (f"{ENCODER}blocks.1.mlp.lin1.weight", (96, 64), [128, 64], "the rest of SAM"),
        (f"{ENCODER}blocks.1.attn.rel_pos_w", (9, 16), [27, 16], "the rest of SAM"),
        (f"{DECODER}iou_prediction_head.layers.2.weight", (1, 256), [4, 256], "the rest of SAM"),
    ],
)
def test_a_weight_of_another_shape_is_named(folders, tmp_path, name, shape, expected, source):
    rewrite(copied(folders, tmp_path), cut(name, *shape))
    assert f"{name} is {list(shape)}, but {source} makes it {expected}." in refusal(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            with_tensor("model.norm.weight", torch.full((64,), torch.nan)),
            "pytorch_model-00001-of-00002.bin has values that are not finite",
        ),
        (with_tensor("model.norm.weight", torch.full((64,), 1e6)), "model.norm.weight has values beyond float16"),
        (
            with_tensor("model.norm.weight", torch.ones(64, dtype=torch.int8)),
            "model.norm.weight has numbers of type torch.int8; only floating-point weights are read",
        ),
        (
            with_tensor(f"{LAYER}self_attn.q_proj.bias", torch.zeros(64)),
            f"has {LAYER}self_attn.q_proj.bias, which the model of config.json does not have",
        ),
    ],
)
def test_weights_that_make_another_model_are_named(folders, tmp_path, change, message):
    rewrite(copied(folders, tmp_path), change)
    assert message in refusal(tmp_path, tmp_path)


@pytest.mark.parametrize("shape", [(), (64,)])
def test_a_projector_without_rows_is_named(folders, tmp_path, shape):
    rewrite(copied(folders, tmp_path), with_tensor("model.mm_projector.weight", torch.zeros(shape)))
    assert f"model.mm_projector.weight is {list(shape)}, but has to have two" in refusal(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.eye(64).to_sparse(), "lm_head.weight in pytorch_model-00001-of-00002.bin is torch.sparse_coo on cpu"),
        (torch.empty(804, 64, device="meta"), "is torch.strided on meta; only dense tensors are read"),
    ],
)
def test_a_tensor_without_all_its_values_is_named(folders, tmp_path, tensor, message):
    lisa = copied(folders, tmp_path)
    torch.save({"lm_head.weight": tensor}, lisa / "pytorch_model-00001-of-00002.bin")
    assert message in refusal(tmp_path, tmp_path)


def test_weights_of_old_releases_of_pytorch_are_named(folders, tmp_path):
    file = copied(folders, tmp_path) / "pytorch_model-00001-of-00002.bin"
    torch.save({"lm_head.weight": torch.zeros(2)}, file, _use_new_zipfile_serialization=False)
    said = refusal(tmp_path, tmp_path)
    assert f"{file} was written by PyTorch before 1.6" in said and "Download it again" not in said


def test_what_is_no_tensor_is_named(folders, tmp_path):
    torch.save({"steps": 3}, copied(folders, tmp_path) / "pytorch_model-00002-of-00002.bin")
    assert "steps in pytorch_model-00002-of-00002.bin is no tensor" in refusal(tmp_path, tmp_path)


def test_every_weight_that_is_read_has_been_checked(folders, tmp_path, monkeypatch):
    read, original = set(), Checkpoint.__getitem__
    monkeypatch.setattr(Checkpoint, "__getitem__", lambda self, name: read.add(name) or original(self, name))
    export(folders, tmp_path / "bundle")
    lisa = Lisa(folders / "lisa", folders / "clip")
    language = language_shapes(lisa.llama, lisa.vision.width) | sam_shapes(lisa.sam_shape)
    assert (
        read >= language.keys()
        and read <= (language | tower_shapes(lisa.vision, lisa.vision.side, lisa.vision.patch)).keys()
    )


def test_layers_beyond_those_of_the_configuration_are_named(folders, tmp_path):
    lisa = copied(folders, tmp_path)
    edit(lisa / "config.json", num_hidden_layers=4)
    assert "has model.layers.4." in refusal(tmp_path, tmp_path)


def test_what_no_answer_needs_is_passed_over(folders, tmp_path):
    others = (
        "model.visual_model.prompt_encoder.mask_downscaling.0.weight",
        "model.vision_tower.vision_tower.x.weight",
        "model.rotary_emb.inv_freq",
    )
    rewrite(copied(folders, tmp_path), lambda tensors: tensors.update({name: torch.zeros(4) for name in others}))
    export(tmp_path, tmp_path / "bundle")


def test_a_head_that_is_the_embeddings_may_be_absent(folders, tmp_path):
    def with_equal_head(tensors):
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()

    lisa = copied(folders, tmp_path)
    edit(lisa / "config.json", tie_word_embeddings=True)
    rewrite(lisa, with_equal_head)
    export(tmp_path, tmp_path / "equal", "--name", "same")
    rewrite(lisa, lambda tensors: tensors.pop("lm_head.weight"))
    export(tmp_path, tmp_path / "absent", "--name", "same")
    equal, absent = (json.loads((tmp_path / name / "bundle.json").read_text()) for name in ("equal", "absent"))
    assert equal["files"] == absent["files"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_attention_heads": 3}, "3 attention heads and 3 of keys do not divide the hidden_size 64"),
        ({"num_key_value_heads": 3}, "4 attention heads and 3 of keys do not divide"),
        ({"hidden_act": "gelu"}, "hidden_act of {file} is 'gelu'; only 'silu' can be exported"),
        ({"attention_bias": True}, "attention_bias of {file} is True"),
        ({"mm_use_im_start_end": False}, "mm_use_im_start_end of {file} is False; only True can be exported"),
        ({"mm_vision_select_feature": "cls_patch"}, "mm_vision_select_feature of {file} is 'cls_patch'"),
        ({"mm_vision_select_layer": 9}, "mm_vision_select_layer 9 is none of the tower's layers"),
        ({"out_dim": 128}, "out_dim of {file} is 128"),
        ({"hidden_size": None}, "{file} has no hidden_size"),
        ({"hidden_size": "wide"}, "hidden_size of {file} is 'wide', but has to be a whole number above 0"),
        ({"bos_token_id": 804}, "bos_token_id of {file} is 804, but the model has 804 tokens"),
        ({"bos_token_id": "1"}, "bos_token_id of {file} is '1', but has to be a whole number"),
        ({"max_position_embeddings": 300}, "max_position_embeddings of {file} is 300, but the image and a prompt"),
        ({"rms_norm_eps": 0}, "rms_norm_eps of {file} is 0, but has to be a finite number above 0"),
        ({"rms_norm_eps": float("inf")}, "rms_norm_eps of {file} is inf"),
        ({"rope_theta": float("nan")}, "rope_theta of {file} is nan"),
        ({"rope_parameters": {"rope_theta": -1}}, "rope_theta of {file} is -1"),
        ({"quantization_config": {"bits": 4}}, "quantization_config of {file} is {'bits': 4}"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor of {file} is 0.5; only 1 can be exported"),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "partial_rotary_factor of {file} is 0.5"),
        ({"tie_word_embeddings": True}, "lm_head.weight differs from model.embed_tokens.weight"),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings of {file} is 1, but has to be true or false"),
        ({"rope_scaling": 2}, "rope_scaling of {file} is 2, but has to be an object"),
    ],
)
def test_a_configuration_that_the_graph_does_not_have_is_refused(folders, tmp_path, values, message):
    file = copied(folders, tmp_path) / "config.json"
    edit(file, **values)
    assert message.replace("{file}", str(file)) in refusal(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"resample": 2}, "preprocessor_config.json resizes with filter 2"),
        ({"do_center_crop": False}, "preprocessor_config.json switches do_center_crop off"),
        ({"image_mean": "x"}, "image_mean of preprocessor_config.json is 'x', but has to be three numbers"),
        ({"image_mean": [0.5, 0.5, float("inf")]}, "image_mean of preprocessor_config.json is [0.5, 0.5, inf]"),
        ({"image_std": [0.3, 0.3, 0]}, "image_std of preprocessor_config.json is [0.3, 0.3, 0], but has to be"),
    ],
)
def test_another_preprocessing_is_refused(folders, tmp_path, values, message):
    copied(folders, tmp_path)
    edit(tmp_path / "clip/preprocessor_config.json", **values)
    assert message in refusal(tmp_path, tmp_path)


def test_heads_that_do_not_divide_the_width_of_clip_are_refused(folders, tmp_path):
    copied(folders, tmp_path)
    file = tmp_path / "clip/config.json"
    edit(file, vision_config=json.loads(file.read_text())["vision_config"] | {"num_attention_heads": 5})
    assert "5 attention heads of vision_config do not divide its hidden_size 64" in refusal(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("lisa/config.json", "[]", "config.json is no JSON object"),
        ("lisa/tokenizer.model", "broken", "tokenizer.model is not readable"),
        ("lisa/tokenizer.json", "{}", "tokenizer.json is not readable"),
        ("lisa/added_tokens.json", '{"[SEG]": "x"}', "added_tokens.json is 'x', but has to be a whole number"),
        ("lisa/pytorch_model.bin.index.json", "{}", "index.json has no weight_map"),
        ("lisa/pytorch_model.bin.index.json", '{"weight_map": {"a": 1}}', "has no weight_map with the names of files"),
        ("lisa/config.json", '{"a":' * 100_000, "config.json has too many lists or objects inside each other"),
        ("lisa/tokenizer.json", '{"added_tokens": 3}', "tokenizer.json is not readable"),
        ("lisa/tokenizer.json", '{"model": []}', "tokenizer.json is not readable"),
        ("clip/preprocessor_config.json", "{", "preprocessor_config.json is not JSON"),
        ("clip/config.json", '{"vision_config": []}', "vision_config of config.json is [], but has to be an object"),
    ],
)
def test_a_broken_file_is_named(folders, tmp_path, file, text, message):
    copied(folders, tmp_path)
    (tmp_path / file).write_text(text)
    said = refusal(tmp_path, tmp_path)
    assert message in said and "\n" not in said


# --- the tokenizer


def test_the_tokenizer_equals_sentencepiece(folders):
    lisa = folders / "lisa"
    tokenizer = from_sentencepiece(str(lisa / "tokenizer.model"))
    original = sentencepiece.SentencePieceProcessor(model_file=str(lisa / "tokenizer.model"))
    different = [text for text in odd_texts() if tokenizer.encode(text).ids != original.encode(text)]
    assert not different, different[:3]


def test_added_tokens_take_the_spaces_around_them(folders):
    tokenizer, added = read_tokenizer(Folder(folders / "lisa"), 804)
    ids = [tokenizer.encode(text).ids for text in ("USER:<im_start>", "USER: <im_start>", "USER:  <im_start> \n")]
    assert ids[0] == ids[1] == ids[2] and ids[0][-1] == added["<im_start>"]


def saved_again(lisa):
    """The folder with its tokenizer as transformers 5 writes it."""
    tokenizer = LlamaTokenizer.from_pretrained(lisa, add_bos_token=True)
    for name in ("tokenizer.model", "added_tokens.json"):
        (lisa / name).unlink()
    tokenizer.save_pretrained(lisa)
    return lisa


def test_a_tokenizer_that_transformers_saved_again_is_the_same(folders, tmp_path):
    original, added = read_tokenizer(Folder(folders / "lisa"), 804)
    lisa = saved_again(copied(folders, tmp_path))
    assert not (lisa / "added_tokens.json").exists()
    tokenizer, found = read_tokenizer(Folder(lisa), 804)
    assert found.items() >= added.items()
    texts = [*odd_texts(), "USER: <im_start> <im_end>\n What is a [SEG] ?"]
    different = [text for text in texts if tokenizer.encode(text).ids != original.encode(text).ids]
    assert not different, different[:3]
    export(tmp_path, tmp_path / "bundle")
    assert json.loads((tmp_path / "bundle/bundle.json").read_text())["settings"]["seg_token"] == added["[SEG]"]


def test_added_tokens_may_be_in_the_configuration_of_the_tokenizer(folders, tmp_path):
    lisa = copied(folders, tmp_path)
    original, added = read_tokenizer(Folder(lisa), 804)
    (lisa / "added_tokens.json").unlink()
    decoder = {index: {"content": token} for token, index in added.items()}
    (lisa / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": decoder}))
    tokenizer, found = read_tokenizer(Folder(lisa), 804)
    assert found == added and tokenizer.to_str() == original.to_str()


def test_a_tokenizer_without_the_tokens_of_lisa_is_refused(folders, tmp_path):
    (copied(folders, tmp_path) / "added_tokens.json").unlink()
    assert "has no added tokens [SEG], <im_start>, <im_end>" in refusal(tmp_path, tmp_path)
