"""Weights beside an ONNX graph, in files that ONNX Runtime maps into memory."""

import numpy as np
import torch
from onnx import TensorProto, helper

from tessera_training.blocks import SIZE, quantize
from tessera_training.graph import FLOAT

ROWS_AT_ONCE = 4096  # of a weight that is quantized, so that a large one does not take several times its memory


class WeightFile:
    """Raw tensors one behind another, for the external data of a graph; each is written as it comes."""

    def __init__(self, path):
        self.path, self.length = path, 0
        path.unlink(missing_ok=True)

    def tensor(self, name, array, dtype):
        data = np.ascontiguousarray(array)
        padding = -self.length % 64
        with self.path.open("ab") as file:
            file.write(bytes(padding))
            file.write(data.data)
        place = {"location": self.path.name, "offset": str(self.length + padding), "length": str(data.nbytes)}
        self.length += padding + data.nbytes
        tensor = TensorProto(name=name, data_type=dtype, dims=array.shape, data_location=TensorProto.EXTERNAL)
        for key, value in place.items():
            tensor.external_data.add(key=key, value=value)
        return tensor


def packed(values, bits):
    """Integers [..., n] -> bytes [..., n * bits / 8], low half first."""
    values = values.to(torch.uint8)
    return (values[..., 0::2] | (values[..., 1::2] << 4)).numpy() if bits == 4 else values.numpy()


def block_weights(graph, file, name, weight, bits):
    """A weight [out, in] in blocks, as MatMulNBits reads it -> names of values, scales, zero points"""
    parts = [quantize(rows.detach().float(), bits) for rows in weight.split(ROWS_AT_ONCE)]
    values, scales, zeros = (
        torch.cat([getattr(part, field) for part in parts]) for field in ("values", "scales", "zeros")
    )
    if bits == 4 and zeros.shape[1] % 2:
        zeros = torch.nn.functional.pad(zeros, (0, 1))
    half = f"{name}.scales.half"
    graph.initializers += [
        file.tensor(f"{name}.values", packed(values, bits), TensorProto.UINT8),
        file.tensor(half, scales.half().numpy(), TensorProto.FLOAT16),
        file.tensor(f"{name}.zeros", packed(zeros, bits), TensorProto.UINT8),
    ]
    graph.casts.append(helper.make_node("Cast", [half], [f"{name}.scales"], to=FLOAT))
    return f"{name}.values", f"{name}.scales", f"{name}.zeros"


def block_product(graph, file, x, name, weight, bits):
    """x times a weight [out, in] in blocks"""
    return stored_product(graph, x, block_weights(graph, file, name, weight, bits), weight.shape, bits)


def stored_product(graph, x, blocks, shape, bits):
    """x times a weight [out, in] of this shape, whose `block_weights` are there"""
    rows, columns = shape
    sizes = {"N": rows, "K": columns, "bits": bits, "block_size": SIZE, "accuracy_level": 4}
    return graph.node("MatMulNBits", x, *blocks, fused=True, **sizes)
