"""Writes polygons and the masks that pycocotools and OpenCV make of them, for the tests of packages/masks.

    python3 -m venv .venv && .venv/bin/pip install numpy==2.4.6 pycocotools==2.0.11 opencv-python-headless==5.0.0.93
    .venv/bin/python training/golden/make_polygon_vectors.py packages/masks/test-vectors/polygons.json

The file is one JSON list with one line for each case:
  size      [height, width]
  polygons  lists x, y, x, y … in pixels
  coco      compressed RLE of their union by pycocotools
  opencv    compressed RLE of the first one by cv2.polylines and cv2.fillPoly, its corners moved into the image and cut
            to whole numbers
"""

import json
import sys

import cv2
import numpy as np
from pycocotools import mask as coco

SEED = 20261130
CASES = 400


def polygon(rng, height, width):
    corners = rng.integers(3, 12)
    kind = rng.random()
    if kind < 0.3:  # any corners: edges cross, some lie outside
        points = rng.uniform(-0.2, 1.2, (corners, 2)) * [width, height]
    elif kind < 0.4:  # thin and flat
        points = rng.uniform(0, 1, (corners, 2)) * [width, 1.5] + [0, rng.uniform(0, height)]
    else:  # around a point
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radii = rng.uniform(0.1, 0.6, corners) * min(height, width)
        points = np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, None] + rng.uniform(0.2, 0.8, 2) * [width, height]
    if rng.random() < 0.3:
        points = np.round(points)
    return np.round(points, 2)


def opencv_mask(points, height, width):
    mask = np.zeros((height, width), np.uint8)
    corners = np.array([np.clip(points, 0, [width - 1, height - 1])], np.int32)
    cv2.polylines(mask, corners, True, 1, 1)
    cv2.fillPoly(mask, corners, 1)
    return mask


def main(path):
    rng = np.random.default_rng(SEED)
    lines = []
    for _ in range(CASES):
        height, width = (int(size) for size in rng.integers(1, 60, 2))
        polygons = [polygon(rng, height, width) for _ in range(rng.integers(1, 4))]
        flat = [points.ravel().tolist() for points in polygons]
        counts = coco.merge(coco.frPyObjects(flat, height, width))["counts"].decode()
        opencv = coco.encode(np.asfortranarray(opencv_mask(polygons[0], height, width)))["counts"].decode()
        case = {"size": [height, width], "polygons": flat, "coco": counts, "opencv": opencv}
        lines.append(json.dumps(case, separators=(",", ":")))
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
