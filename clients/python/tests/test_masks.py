"""The decoder against pycocotools."""

import numpy as np
import pytest
from pycocotools import mask as coco

from tessera_client import decode_rle


def masks():
    random = np.random.default_rng(1)
    for height, width in ((1, 1), (1, 97), (83, 1), (7, 5), (64, 48), (240, 321)):
        yield np.zeros((height, width), dtype=bool)
        yield np.ones((height, width), dtype=bool)
        for density in (0.02, 0.5, 0.98):
            yield random.random((height, width)) < density
        blocks = random.random((-(-height // 8), -(-width // 8))) < 0.5
        yield np.kron(blocks, np.ones((8, 8), dtype=bool))[:height, :width]
    whole = np.zeros((2000, 3000), dtype=bool)
    whole[700:1500, 123:2900] = True
    yield whole


@pytest.mark.parametrize("mask", list(masks()), ids=lambda mask: f"{mask.shape}-{int(mask.sum())}")
def test_masks_of_pycocotools_are_decoded_exactly(mask):
    encoded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    for counts in (encoded["counts"], encoded["counts"].decode()):
        decoded = decode_rle({"size": encoded["size"], "counts": counts})
        assert decoded.dtype == np.bool_ and decoded.flags.c_contiguous
        assert np.array_equal(decoded, mask)


def test_uncompressed_counts_are_decoded():
    assert decode_rle({"size": [2, 3], "counts": [1, 2, 3]}).tolist() == [[False, True, False], [True, False, False]]
    assert decode_rle({"size": [2, 1], "counts": [0, 2]}).all()


@pytest.mark.parametrize(
    ("counts", "size"),
    [
        ("", [1, 1]),
        ("1", [2, 1]),
        ("2", [1, 1]),
        ("P", [1, 1]),
        ("p1", [1, 1]),
        ("1~", [1, 1]),
        ("1é", [1, 1]),
        ("ooooooooo0", [1, 1]),
        ("1K", [1, 1]),
        ([2, -1], [1, 1]),
        ([0], [0, 0]),
        ("1", [-1, -1]),
    ],
)
def test_malformed_masks_are_refused(counts, size):
    with pytest.raises(ValueError):
        decode_rle({"size": size, "counts": counts})


def test_any_text_gives_a_mask_or_a_value_error():
    random = np.random.default_rng(2)
    for _ in range(500):
        text = bytes(random.integers(40, 120, random.integers(0, 12), dtype=np.uint8))
        try:
            assert decode_rle({"size": [3, 4], "counts": text}).shape == (3, 4)
        except ValueError:
            pass
