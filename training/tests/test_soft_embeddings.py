"""Soft embeddings of the reference CSP code as vocabulary files."""

import json

import pytest
import torch
from clip_folders import write_clip_folder
from safetensors import safe_open

from tessera_export.clip import main as export
from tessera_export.soft_embeddings import main

PAIRS = {
    "train": "wet dog\ndry cat\nwet cat\nFaux.Fur Shoes\n",
    "val": "dry dog\nwet cat\n",
    "test": "old cat\nwet bird\n",
}
ATTRIBUTES, OBJECTS = ["Faux.Fur", "dry", "old", "wet"], ["Shoes", "bird", "cat", "dog"]
WIDTH = 48


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip")
    write_clip_folder(path / "checkpoint")
    assert export(["--checkpoint", str(path / "checkpoint"), "--out", str(path / "bundle"), "--no-check"]) == 0
    return path / "bundle"


@pytest.fixture
def split(tmp_path):
    directory = tmp_path / "compositional-split-natural"
    directory.mkdir()
    for name, lines in PAIRS.items():
        (directory / f"{name}_pairs.txt").write_text(lines)
    return directory


def convert(tmp_path, bundle, split, stored):
    torch.save(stored, tmp_path / "soft_embeddings.pt")
    out = tmp_path / "states.tessera-vocabulary"
    words = ["--embeddings", tmp_path / "soft_embeddings.pt", "--pairs", split, "--bundle", bundle, "--out", out]
    return main([str(word) for word in words]), out


def test_rows_get_the_sorted_names_of_all_sets(tmp_path, bundle, split):
    rows = torch.nn.Parameter(torch.randn(8, WIDTH).half())  # as the reference saves its module's parameter
    code, out = convert(tmp_path, bundle, split, {"soft_embeddings": rows})
    assert code == 0
    with safe_open(out, framework="pt") as file:
        metadata, stored = file.metadata(), file.get_tensor("soft_prompts")
    assert torch.equal(stored, rows.detach().float())
    assert json.loads(metadata["attributes"]) == ATTRIBUTES
    assert json.loads(metadata["objects"]) == OBJECTS
    assert json.loads(metadata["seen_pairs"]) == [line.split() for line in PAIRS["train"].splitlines()]
    assert (metadata["name"], metadata["model"], metadata["method"]) == ("states", "bundle", "csp")
    assert abs(json.loads(metadata["logit_scale"]) - 20) < 1e-4


@pytest.mark.parametrize(
    "stored, said",
    [
        ({"soft_embeddings": torch.zeros(7, WIDTH)}, "7 embeddings for 4 attributes and 4 objects"),
        ({"soft_embeddings": torch.zeros(8, 64)}, "trained for another CLIP"),
        ({"soft_embeddings": torch.full((8, WIDTH), torch.nan)}, "not finite"),
        ({"theta": torch.zeros(8, WIDTH)}, "has no matrix soft_embeddings"),
        ([torch.zeros(8, WIDTH)], "has no matrix soft_embeddings"),
        ({"soft_embeddings": torch.zeros(8)}, "has no matrix soft_embeddings"),
        ({"soft_embeddings": print}, "is not a file of tensors"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, bundle, split, stored, said, capsys):
    code, out = convert(tmp_path, bundle, split, stored)
    assert code == 1
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_missing_and_broken_pair_files_are_named(tmp_path, bundle, split, capsys):
    stored = {"soft_embeddings": torch.zeros(8, WIDTH)}
    (split / "val_pairs.txt").write_text("dry\n")
    assert convert(tmp_path, bundle, split, stored)[0] == 1
    assert 'has the line "dry"' in capsys.readouterr().err
    (split / "val_pairs.txt").unlink()
    assert convert(tmp_path, bundle, split, stored)[0] == 1
    assert "There is no" in capsys.readouterr().err
