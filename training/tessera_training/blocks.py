"""Weights in blocks of 32 values along the last axis, each with a scale and a zero point, as ONNX Runtime's MatMulNBits
and GatherBlockQuantized read them."""

from dataclasses import dataclass

import torch

SIZE = 32
SHRINKS = (1.0, 0.97, 0.94, 0.91, 0.88)  # of a block's range; a smaller one cuts off its ends and is finer inside
BLOCKS_AT_ONCE = 8192  # few enough that what is computed for them stays in a processor's cache


@dataclass
class Quantized:
    bits: int
    values: torch.Tensor  # uint8 [rows, blocks, SIZE], each in [0, 2 ** bits)
    scales: torch.Tensor  # float16 [rows, blocks]
    zeros: torch.Tensor  # uint8 [rows, blocks], each in [0, 2 ** bits)

    def weight(self):
        """-> float32 [rows, blocks * SIZE]"""
        return ((self.values.float() - self.zeros.float()[..., None]) * self.scales.float()[..., None]).flatten(1)


def quantize(weight, bits):
    """float32 [rows, columns] -> Quantized, each block with the range of the least squared error.

    Runs in the calling thread alone: a part is too small to share, and threads that wait for each other cost more."""
    blocks = weight.reshape(-1, SIZE)
    count = len(blocks)
    values = torch.empty(count, SIZE, dtype=torch.uint8)
    scales, zeros = torch.empty(count, dtype=torch.float16), torch.empty(count, dtype=torch.uint8)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for start in range(0, count, BLOCKS_AT_ONCE):
            part = slice(start, start + BLOCKS_AT_ONCE)
            values[part], scales[part], zeros[part] = quantize_part(blocks[part], 2**bits - 1)
    finally:
        torch.set_num_threads(threads)
    return Quantized(bits, *(tensor.unflatten(0, (len(weight), -1)) for tensor in (values, scales, zeros)))


def quantize_part(blocks, top):
    """[blocks, SIZE] -> values [blocks, SIZE] in [0, top], scales and zero points [blocks]; all float32"""
    low, high = blocks.amin(-1).clamp_(max=0), blocks.amax(-1).clamp_(min=0)
    best, buffer = None, torch.empty_like(blocks)

    def rounded(scales, zeros):
        values = torch.div(blocks, scales[:, None], out=buffer)
        return values.add_(zeros[:, None]).round_().clamp_(0, top)

    for shrink in SHRINKS:
        # As float16 has them, and never 0.
        scales = ((high - low) * shrink / top).clamp_(min=1e-7).half().clamp_(min=6e-8).float()
        zeros = (-low * shrink / scales).round_().clamp_(0, top)
        errors = rounded(scales, zeros).sub_(zeros[:, None]).mul_(scales[:, None]).sub_(blocks).square_().sum(-1)
        new = errors, scales, zeros
        best = new if best is None else [torch.where(errors < best[0], one, other) for one, other in zip(new, best)]
    _, scales, zeros = best
    return rounded(scales, zeros), scales, zeros
