"""Weights in blocks of 32 values along the last axis, each with a scale and a zero point, as ONNX Runtime's MatMulNBits
and GatherBlockQuantized read them."""

from dataclasses import dataclass

import torch

SIZE = 32
SHRINKS = (1.0, 0.97, 0.94, 0.91, 0.88)  # of a block's range; a smaller one cuts off its ends and is finer inside


@dataclass
class Quantized:
    bits: int
    values: torch.Tensor  # [rows, blocks, SIZE] integers in [0, 2 ** bits)
    scales: torch.Tensor  # [rows, blocks] float16
    zeros: torch.Tensor  # [rows, blocks] integers in [0, 2 ** bits)

    def weight(self):
        """-> float32 [rows, blocks * SIZE]"""
        return ((self.values - self.zeros[..., None]) * self.scales.float()[..., None]).flatten(1)


def quantize(weight, bits):
    """[rows, columns] -> Quantized, each block with the range of the least squared error."""
    top = 2**bits - 1
    blocks = weight.unflatten(1, (-1, SIZE))
    low, high = blocks.amin(-1).clamp(max=0), blocks.amax(-1).clamp(min=0)
    best = None
    for shrink in SHRINKS:
        scales = ((high - low) * shrink / top).clamp(min=1e-7).half().clamp(min=6e-8)
        zeros = (-low * shrink / scales.float()).round().clamp(0, top)
        values = (blocks / scales.float()[..., None] + zeros[..., None]).round().clamp(0, top)
        error = ((values - zeros[..., None]) * scales.float()[..., None] - blocks).square().sum(-1)
        if best is None:
            best = [error, values, scales, zeros]
            continue
        better = error < best[0]
        for kept, new in zip(best, (error, values, scales, zeros)):
            kept[better] = new[better]
    return Quantized(bits, *best[1:])
