"""Geometry of boxes [n, 4] = x0, y0, x1, y1 in [0, 1]."""

import numpy as np


def areas(boxes):
    return np.clip(boxes[:, 2] - boxes[:, 0], 0, None) * np.clip(boxes[:, 3] - boxes[:, 1], 0, None)


def centres(boxes):
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def overlaps(one, other):
    """Intersection over union: [n, 4], [m, 4] -> [n, m]."""
    corners = np.maximum(one[:, None, :2], other[None, :, :2]), np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.clip(corners[1] - corners[0], 0, None).prod(2)
    return shared / np.maximum(areas(one)[:, None] + areas(other)[None] - shared, 1e-9)


def gaps(one, other):
    """Distance between the nearest edges, 0 when they touch or overlap: [n, 4], [m, 4] -> [n, m]."""
    apart = np.maximum(one[:, None, :2] - other[None, :, 2:], other[None, :, :2] - one[:, None, 2:])
    return np.linalg.norm(np.clip(apart, 0, None), axis=2)


def distinct(boxes, scores, threshold=0.7):
    """Non-maximum suppression: indices of the kept boxes, best first."""
    kept = []
    table = overlaps(boxes, boxes)
    for index in np.argsort(-scores, kind="stable"):
        if all(table[index, other] <= threshold for other in kept):
            kept.append(int(index))
    return kept
