"""Writes random masks and what pycocotools says about them, for the tests of packages/masks.

    python3 -m venv .venv && .venv/bin/pip install numpy==2.4.6 pycocotools==2.0.11
    .venv/bin/python training/golden/make_rle_vectors.py packages/masks/test-vectors/rle.json

The file is one JSON list with one line for each mask:
  size   [height, width]
  bits   base64 of the zlib-compressed pixels: row by row, eight a byte, the first in the highest bit
  counts compressed RLE
  area   pixels
  bbox   [x, y, width, height]
  iou    with the mask on the line before, where that has the same size (masks come in such pairs)
"""

import base64
import json
import sys
import zlib

import numpy as np
from pycocotools import mask as coco

SEED = 20240611
PAIRS = 560
LARGE_PAIRS = 12


def noise(rng, height, width):
    return rng.random((height, width)) < rng.uniform(0.02, 0.98)


def ellipses(rng, height, width):
    rows, columns = np.mgrid[0:height, 0:width]
    mask = np.zeros((height, width), bool)
    for _ in range(rng.integers(1, 5)):
        centre_y, centre_x = rng.uniform(0, height), rng.uniform(0, width)
        radius_y, radius_x = rng.uniform(0.5, height / 2 + 1), rng.uniform(0.5, width / 2 + 1)
        inside = ((rows - centre_y) / radius_y) ** 2 + ((columns - centre_x) / radius_x) ** 2 <= 1
        mask = mask & ~inside if rng.random() < 0.25 else mask | inside
    return mask


def rectangle(rng, height, width):
    top, bottom = sorted(rng.integers(0, height + 1, 2))
    left, right = sorted(rng.integers(0, width + 1, 2))
    mask = np.zeros((height, width), bool)
    mask[top:bottom, left:right] = True
    return mask


def stripes(rng, height, width):
    rows, columns = np.mgrid[0:height, 0:width]
    slope_y, slope_x = rng.integers(0, 4, 2)
    period = rng.integers(2, 9)
    return (rows * slope_y + columns * slope_x) % period < rng.integers(1, period)


def empty(_, height, width):
    return np.zeros((height, width), bool)


def full(_, height, width):
    return np.ones((height, width), bool)


KINDS = [noise, ellipses, ellipses, rectangle, rectangle, stripes, stripes, empty, full]


def shape(rng):
    draw = rng.random()
    if draw < 0.03:
        return 1, 1
    if draw < 0.10:
        return 1, int(rng.integers(2, 200))
    if draw < 0.17:
        return int(rng.integers(2, 200)), 1
    return int(rng.integers(2, 41)), int(rng.integers(2, 41))


def record(mask, previous):
    height, width = mask.shape
    encoded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    fields = {
        "size": [height, width],
        "bits": base64.b64encode(zlib.compress(np.packbits(mask).tobytes(), 9)).decode(),
        "counts": encoded["counts"].decode(),
        "area": int(coco.area(encoded)),
        "bbox": [int(value) for value in coco.toBbox(encoded)],
    }
    if previous is not None and previous.shape == mask.shape:
        before = coco.encode(np.asfortranarray(previous.astype(np.uint8)))
        fields["iou"] = float(coco.iou([encoded], [before], [0])[0, 0])
    return fields


def main(path):
    rng = np.random.default_rng(SEED)
    records = []
    previous = None
    for pair in range(PAIRS + LARGE_PAIRS):
        large = pair >= PAIRS
        height, width = (int(rng.integers(150, 700)), int(rng.integers(150, 700))) if large else shape(rng)
        for _ in range(2):
            kind = ellipses if large else KINDS[rng.integers(len(KINDS))]
            mask = kind(rng, height, width)
            records.append(record(mask, previous))
            previous = mask
    lines = ",\n".join(json.dumps(fields, separators=(",", ":")) for fields in records)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
