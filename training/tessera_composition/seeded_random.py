"""Random numbers by their place instead of by a state, the same as in packages/dual-encoder/src/training.

`word(i) = mix(key + i * INCREMENT)` modulo 2 ** 32, with `key = mix(mix(mix(seed) + stream) + counter)`.
"""

import numpy as np

ORDER, DROPOUT = 1, 2  # streams: what the numbers are for
MASK = np.uint64(0xFFFFFFFF)
INCREMENT = np.uint64(0x9E3779B9)


def mix(value):
    """A bijection of 32-bit integers (as uint64): "lowbias32" (Wellons, "Prospecting for Hash Functions", 2018)."""
    value = value ^ (value >> np.uint64(16))
    value = value * np.uint64(0x7FEB352D) & MASK
    value = value ^ (value >> np.uint64(15))
    value = value * np.uint64(0x846CA68B) & MASK
    return value ^ (value >> np.uint64(16))


def words(seed, stream, counter, count):
    """-> `count` random 32-bit integers as uint64."""
    key = np.uint64(0)
    for part in (seed, stream, counter):
        key = mix(key + np.uint64(part) & MASK)
    return mix(key + np.arange(count, dtype=np.uint64) * INCREMENT & MASK)


def epoch_order(seed, epoch, count):
    """The order in which epoch `epoch` (from 1) shows `count` examples."""
    return np.argsort(words(seed, ORDER, epoch, count), kind="stable")


def dropout_mask(seed, step, shape, probability):
    """The mask of step `step` (from 1, over all epochs): 0 or 1 / (1 - probability), float32."""
    drops = words(seed, DROPOUT, step, int(np.prod(shape))) < probability * 2**32
    return np.where(drops, 0, 1 / (1 - probability)).astype(np.float32).reshape(shape)
