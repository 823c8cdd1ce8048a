"""Folders of checkpoints as Hugging Face's libraries write them."""

import hashlib
import json
import pickle
from pathlib import Path

import torch
from safetensors import safe_open

SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"


class CheckpointError(Exception):
    """A checkpoint that cannot be exported; the message says why and what to do."""


class Folder:
    """Its texts, and what reads its weight files."""

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.is_dir():
            raise CheckpointError(f"There is no directory {self.path}.")

    def __contains__(self, name):
        return (self.path / name).is_file()

    def text(self, name):
        if name not in self:
            raise CheckpointError(f"{self.path} has no {name}; download the whole folder of the model.")
        try:
            text = (self.path / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise CheckpointError(f"{self.path / name} is no text.") from None
        if text.startswith("version https://git-lfs"):
            raise CheckpointError(f"{self.path / name} is a pointer of Git LFS; run `git lfs pull` in the folder.")
        return text

    def json(self, name):
        try:
            values = json.loads(self.text(name))
        except json.JSONDecodeError as error:
            raise CheckpointError(f"{self.path / name} is not JSON: {error}.") from None
        except RecursionError:
            raise CheckpointError(f"{self.path / name} has too many lists or objects inside each other.") from None
        if not isinstance(values, dict):
            raise CheckpointError(f"{self.path / name} is no JSON object.")
        return values

    # --- weights

    def weight_files(self):
        """Names of the files with the weights, safetensors before pickles."""
        for name in (SAFE, PICKLED):
            if name in self:
                return [name]
            if f"{name}.index.json" in self:
                places = self.json(f"{name}.index.json").get("weight_map")
                if not isinstance(places, dict) or not all(isinstance(file, str) for file in places.values()):
                    raise CheckpointError(f"{self.path / name}.index.json has no weight_map with the names of files.")
                return sorted(set(places.values()))
        raise CheckpointError(f"{self.path} has no weights: neither {SAFE} nor {PICKLED}, whole or in shards.")

    def open(self, file):
        """What gives the tensors of a weight file, whose pages stay mapped while it or one of its tensors is used."""
        if file not in self:
            raise CheckpointError(f"{self.path} has no {file}, one of its weight files; download it, too.")
        try:
            return open_weights(self.path / file)
        except CheckpointError:
            raise
        except Exception as error:
            raise CheckpointError(
                f"{self.path / file} is not readable: {error}. Download it again; "
                "a file of some hundred bytes is a pointer of Git LFS."
            ) from None

    def fingerprint(self):
        """SHA-256 of config.json and of the weights."""
        total = hashlib.sha256()
        for name in ["config.json", *self.weight_files()]:
            with open(self.path / name, "rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        return total.hexdigest()


def open_weights(path):
    if path.suffix == ".safetensors":
        return safe_open(path, framework="pt", device="cpu")
    if is_legacy(path):
        raise CheckpointError(
            f"{path} was written by PyTorch before 1.6 and cannot be read in parts. Load it with torch.load and "
            "weights_only=True, and write it again with torch.save or safetensors."
        )
    weights = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    if not isinstance(weights, dict):
        raise ValueError("there are no weights by their names in it")
    return weights


def is_legacy(path):
    """A pickle, not the ZIP file with one that torch.save has written since."""
    with open(path, "rb") as file:
        return file.read(1) == pickle.PROTO
