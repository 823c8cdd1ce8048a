"""Weights of a Hugging Face folder, tensor by tensor: `.bin` or `.safetensors`, in one file or in shards.

Files are mapped into memory, so a tensor takes memory only while it is used.
"""

import json
from pathlib import Path

import torch
from safetensors import safe_open

INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
SINGLE = ("model.safetensors", "pytorch_model.bin")


class CheckpointError(Exception):
    """A folder is not what the exporter reads; the message says what is wrong with it."""


class Weights:
    def with_prefix(self, prefix):
        """The weights whose names begin with this, by the rest of their names."""
        return Prefixed(self, prefix)


class Checkpoint(Weights):
    """Tensors by name, in the type that they are stored in."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.open_file, self.open_tensors = None, None
        self.files = self.weight_map()  # name -> file

    def weight_map(self):
        for name in INDEXES:
            path = self.directory / name
            if path.exists():
                files = json.loads(path.read_text())["weight_map"]
                missing = sorted({file for file in files.values() if not (self.directory / file).exists()})
                if missing:
                    raise CheckpointError(f"{path} names {', '.join(missing)}, which the folder does not have")
                return files
        for name in SINGLE:
            if (self.directory / name).exists():
                return dict.fromkeys(self.opened(name).keys(), name)
        raise CheckpointError(f"{self.directory} has no weights: none of {', '.join(INDEXES + SINGLE)}")

    def opened(self, file):
        """The tensors of one file; those of the file before are let go."""
        if self.open_file != file:
            path = self.directory / file
            if path.stat().st_size < 1024:
                raise CheckpointError(f"{path} has {path.stat().st_size} bytes: fetch the real file (git lfs pull)")
            self.open_file, self.open_tensors = None, None
            if path.suffix == ".safetensors":
                self.open_tensors = safe_open(path, "pt")
            else:
                try:
                    self.open_tensors = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
                except Exception as error:
                    raise CheckpointError(f"{path} cannot be read: {error}") from error
            self.open_file = file
        return self.open_tensors

    def __contains__(self, name):
        return name in self.files

    def __getitem__(self, name):
        if name not in self.files:
            raise CheckpointError(f"{self.directory} has no weight {name}")
        tensors = self.opened(self.files[name])
        return tensors.get_tensor(name) if hasattr(tensors, "get_tensor") else tensors[name]

    def shape(self, name):
        if name in self.files and self.files[name].endswith(".safetensors"):
            return tuple(self.opened(self.files[name]).get_slice(name).get_shape())
        return tuple(self[name].shape)

    def config(self, file="config.json"):
        path = self.directory / file
        if not path.exists():
            raise CheckpointError(f"{self.directory} has no {file}")
        return json.loads(path.read_text())


class Prefixed(Weights):
    def __init__(self, weights, prefix):
        self.weights, self.prefix = weights, prefix

    def __contains__(self, name):
        return self.prefix + name in self.weights

    def __getitem__(self, name):
        return self.weights[self.prefix + name]

    def shape(self, name):
        return self.weights.shape(self.prefix + name)


def require(condition, message):
    if not condition:
        raise CheckpointError(message)
