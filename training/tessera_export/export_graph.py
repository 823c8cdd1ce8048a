"""A graph whose weights are read from a checkpoint and written beside it one by one.

Precisions: `float32`; `float16`, in which weights and states are half precision, for GPUs; `int4`, in which products
with large weights take 4-bit blocks (MatMulNBits) and states are single precision.
"""

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from tessera_export.checkpoint import is_finite, require
from tessera_training.graph import FLOAT, Graph
from tessera_training.weight_files import WeightFile, block_product

PRECISIONS = ("float32", "float16", "int4")
FLOAT16 = onnx.TensorProto.FLOAT16
INLINE_BYTES = 1024  # what is smaller stays in the graph's own file


class ExportGraph(Graph):
    def __init__(self, name, contract, path, precision="float32"):
        super().__init__(name, contract)
        self.path, self.precision = path, precision
        self.type = FLOAT16 if precision == "float16" else FLOAT
        self.dtype = np.float16 if precision == "float16" else np.float32
        self.file = WeightFile(path.with_suffix(".bin"))

    def constant(self, values, dtype=None):
        return super().constant(values, dtype or self.dtype)

    def weight(self, name, tensor, half=False):
        """A weight as states are; with `half` it is stored in half precision whatever they are."""
        if name not in self.weights:
            kind = np.float16 if half else self.dtype
            converted = tensor.detach().to(torch.float16 if kind is np.float16 else torch.float32)
            require(is_finite(converted), f"{name} has values beyond {np.dtype(kind).name}")
            array = converted.numpy()
            if array.nbytes < INLINE_BYTES:
                self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
            else:
                onnx_type = FLOAT16 if kind is np.float16 else FLOAT
                self.initializers.append(self.file.tensor(name, array, onnx_type))
            self.weights[name] = name
        return name

    def product(self, x, name, weight, bits=4):
        """x times a weight [out, in]; with int4 in blocks of so many bits, where its rows are whole blocks."""
        if self.precision == "int4" and weight.shape[1] % 32 == 0:
            return block_product(self, self.file, x, name, weight, bits)
        return self.node("MatMul", x, self.weight(name, weight.T))

    def affine(self, x, name, weights, key):
        """x times `key`.weight [out, in], plus `key`.bias"""
        product = self.node("MatMul", x, self.weight(f"{name}.weight", weights[f"{key}.weight"].T))
        return self.add(product, self.weight(f"{name}.bias", weights[f"{key}.bias"]))

    def layer_norm(self, x, name, weights, key, epsilon):
        scale, bias = (self.weight(f"{name}.{part}", weights[f"{key}.{part}"]) for part in ("weight", "bias"))
        return self.node("LayerNormalization", x, scale, bias, axis=-1, epsilon=epsilon)

    def transpose(self, x, *order):
        return self.node("Transpose", x, perm=list(order))

    def split_heads(self, x, heads, size):
        """[B, n, heads * size] -> [B, heads, n, size]"""
        return self.transpose(self.reshape(x, 0, 0, heads, size), 0, 2, 1, 3)

    def merge_heads(self, x, width):
        return self.reshape(self.transpose(x, 0, 2, 1, 3), 0, 0, width)

    def save(self):
        onnx.save(self.unchecked_model(), self.path)
        onnx.checker.check_model(str(self.path))
        if self.file.length == 0:
            self.file.path.unlink(missing_ok=True)
