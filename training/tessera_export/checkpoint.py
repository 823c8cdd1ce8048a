"""Weights of a Hugging Face folder, tensor by tensor and in the type that they are stored in.

One file at a time is mapped into memory. Pages that were read count as memory while it is, so that it is mapped anew
when much of it was read.
"""

import math
import re
from dataclasses import dataclass

import torch

from tessera_export.folder import CheckpointError, Folder

MAPPED_BYTES = 64 << 20  # read of a file before it is mapped anew
# As safetensors names them, and as PyTorch does.
FLOATS = ("F64", "F32", "F16", "BF16", torch.float64, torch.float32, torch.float16, torch.bfloat16)


class Weights:
    def with_prefix(self, prefix):
        """The weights whose names begin with this, by the rest of their names."""
        return Prefixed(self, prefix)

    def shape(self, name):
        return tuple(self[name].shape)

    def tensor(self, name, *shape):
        """The tensor, whose shape has to be this."""
        found = self.shape(name)
        require(found == shape, f"{name} is {list(found)}, but config.json makes it {list(shape)}")
        return self[name]


@dataclass(frozen=True)
class Stored:
    file: str
    shape: tuple
    type: object  # of FLOATS, or another


class Checkpoint(Weights):
    def __init__(self, directory):
        self.folder = Folder(directory)
        self.directory = self.folder.path
        self.close()
        self.stored, self.tied = {}, {}
        for file in self.folder.weight_files():
            reader = self.folder.open(file)
            self.stored |= {name: stored(file, reader, name) for name in reader.keys()}

    def __contains__(self, name):
        return name in self.stored

    def __iter__(self):
        return iter(self.stored)

    def __getitem__(self, name):
        file = self.place(name).file
        if self.mapped != file or self.read_bytes > MAPPED_BYTES:
            self.close()
            self.reader, self.mapped = self.folder.open(file), file
        stored_name = self.tied.get(name, name)
        tensor = self.reader[stored_name] if isinstance(self.reader, dict) else self.reader.get_tensor(stored_name)
        self.read_bytes += tensor.nbytes
        require(is_finite(tensor), f"{name} of {self.directory / file} has values that are not finite")
        return tensor

    def close(self):
        """Gives up the memory of what was read; the next tensor maps its file again."""
        self.reader, self.mapped, self.read_bytes = None, None, 0

    def tie(self, name, other):
        """Gives a tensor a second name."""
        self.stored[name], self.tied[name] = self.place(other), other

    def place(self, name):
        if name not in self.stored:
            raise CheckpointError(f"The weights of {self.directory} have no tensor {name}.")
        return self.stored[name]

    def shape(self, name):
        return self.place(name).shape

    def require(self, shapes, source):
        """`shapes`: what each tensor has to be by its name; `source`: what says so"""
        for name, shape in shapes.items():
            found = self.place(name)
            require(found.shape == shape, f"{name} is {list(found.shape)}, but {source} makes it {list(shape)}")
            require(
                found.type in FLOATS, f"{name} has numbers of type {found.type}; only floating-point weights are read"
            )

    def refuse_others(self, shapes, unread):
        """`shapes`: by the names of what is read; `unread`: patterns of what may be there beside it"""
        harmless = re.compile("|".join(unread))
        others = [name for name in self if name not in shapes and not harmless.fullmatch(name)]
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        require(
            not others,
            f"{self.directory} has {', '.join(others[:3])}{more}, which the model of config.json does not have; "
            "without them it would be another model",
        )

    def config(self):
        return self.folder.json("config.json")


def stored(file, reader, name):
    if isinstance(reader, dict):
        tensor = reader[name]
        require(isinstance(tensor, torch.Tensor), f"{name} in {file} is no tensor")
        has_values = tensor.layout is torch.strided and tensor.device.type == "cpu"
        require(has_values, f"{name} in {file} is {tensor.layout} on {tensor.device}; only dense tensors are read")
        return Stored(file, tuple(tensor.shape), tensor.dtype)
    described = reader.get_slice(name)
    return Stored(file, tuple(described.get_shape()), described.get_dtype())


def is_finite(tensor):
    """Without a copy: the least and the largest value are not finite where any is not."""
    return all(math.isfinite(value) for value in tensor.detach().aminmax())


class Single(Weights):
    """Weights in single precision."""

    def __init__(self, weights):
        self.weights = weights

    def __getitem__(self, name):
        return self.weights[name].detach().float()

    def shape(self, name):
        return self.weights.shape(name)


class Prefixed(Weights):
    def __init__(self, weights, prefix):
        self.weights, self.prefix = weights, prefix

    def __contains__(self, name):
        return self.prefix + name in self.weights

    def __iter__(self):
        return (name.removeprefix(self.prefix) for name in self.weights if name.startswith(self.prefix))

    def __getitem__(self, name):
        return self.weights[self.prefix + name]

    def shape(self, name):
        return self.weights.shape(self.prefix + name)


def require(condition, message):
    if not condition:
        raise CheckpointError(f"{message}.")
