"""Weights of ONNX graphs in a file beside them, which several graphs can share."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from tessera_training.graph import FLOAT
from tessera_training.weight_files import WeightFile

DTYPES = {"float32": (np.float32, TensorProto.FLOAT), "float16": (np.float16, TensorProto.FLOAT16)}


class SharedWeightFile:
    """Raw tensors one behind another. Each is written by its name once: what a second graph has of the same name is the
    same tensor."""

    def __init__(self, path, precision):
        self.file, self.precision, self.tensors = WeightFile(path), precision, {}

    def store(self, name, tensor):
        """-> TensorProto that refers to the file"""
        if name not in self.tensors:
            dtype, kind = DTYPES[self.precision]
            with np.errstate(over="ignore"):  # reported below
                array = tensor.detach().numpy().astype(dtype)
            if not np.isfinite(array).all():
                raise OverflowError(f"{name} has values that are not finite in {self.precision}.")
            self.tensors[name] = self.file.tensor(name, array, kind)
        return self.tensors[name]


class WeightsBeside:
    """For a Graph whose weights are in a SharedWeightFile. Those in half precision are used in single precision: ONNX
    Runtime converts them once, when it loads the graph. `computes_in_half`: states are in half precision too."""

    def __init__(self, weight_file, computes_in_half, *arguments):
        self.weight_file = weight_file
        self.type = TensorProto.FLOAT16 if computes_in_half else FLOAT
        super().__init__(*arguments)

    def constant(self, values, dtype=None):
        return super().constant(values, dtype or (np.float32 if self.type == FLOAT else np.float16))

    def weight(self, name, tensor):
        if name not in self.weights:
            self.initializers.append(self.weight_file.store(name, tensor))
            self.weights[name] = name
            if self.weight_file.precision == "float16" and self.type == FLOAT:
                self.weights[name] = f"{name}.single"
                self.casts.append(helper.make_node("Cast", [name], [self.weights[name]], to=FLOAT))
        return self.weights[name]

    def model(self):
        """Not checked: that needs the weights where they are, see `save`."""
        return self.unchecked_model()


def save(model, path):
    """Writes a graph beside its weights, and checks it there."""
    onnx.save(model, str(path))
    onnx.checker.check_model(str(path))
