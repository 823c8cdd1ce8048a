"""Weights in blocks against their definition, block by block."""

import pytest
import torch

from tessera_training.blocks import BLOCKS_AT_ONCE, SHRINKS, SIZE, quantize


def by_definition(block, bits):
    """[SIZE] -> values, scale, zero point of the range whose squared error is the least, the largest range first"""
    top = 2**bits - 1
    low, high = block.min().clamp(max=0), block.max().clamp(min=0)
    best = None
    for shrink in SHRINKS:
        scale = ((high - low) * shrink / top).clamp(min=1e-7).half().clamp(min=6e-8)
        zero = (-low * shrink / scale.float()).round().clamp(0, top)
        values = (block / scale.float() + zero).round().clamp(0, top)
        error = ((values - zero) * scale.float() - block).square().sum()
        if best is None or error < best[0]:
            best = error, values, scale, zero
    return best[1:]


def weights():
    """Blocks as trained weights have them, of one sign, of zeros, of tiny and of large values, with outliers."""
    torch.manual_seed(3)
    normal = torch.randn(6, 3 * SIZE) * 0.02
    normal[0] = normal[0].abs()
    normal[1] = -normal[1].abs()
    normal[2] = 0
    normal[3] *= 1e-6
    normal[4] *= 1e4
    normal[5, ::7] *= 20  # outliers, for which a smaller range pays
    return normal


@pytest.mark.parametrize("bits", [4, 8])
def test_every_block_is_as_defined(bits):
    weight = weights()
    quantized = quantize(weight, bits)
    for row, blocks in enumerate(weight.unflatten(1, (-1, SIZE))):
        for place, block in enumerate(blocks):
            values, scale, zero = by_definition(block, bits)
            assert torch.equal(quantized.values[row, place], values.to(torch.uint8))
            assert torch.equal(quantized.scales[row, place], scale)
            assert quantized.zeros[row, place] == zero


def test_parts_and_threads_change_nothing():
    threads = torch.get_num_threads()
    weight = weights().repeat(BLOCKS_AT_ONCE // 9, 1)  # two parts, the second one short
    whole, rows = quantize(weight, 4), quantize(weights(), 4)
    assert torch.equal(whole.values, rows.values.repeat(len(weight) // 6, 1, 1))
    assert torch.equal(whole.scales, rows.scales.repeat(len(weight) // 6, 1))
    assert torch.get_num_threads() == threads
    assert torch.equal(quantize(weight.T.contiguous().T, 4).values, whole.values)
