"""From scores to objects: which regions a query selects, and how good that is."""

import numpy as np

from tessera_training import boxes as geometry
from tessera_training.scenes import FOUND_OVERLAP

CLASS_FLOOR = -2.0  # a query for one object chooses among regions whose class channel is above this
PRESENCE_THRESHOLD = -1.0  # chosen by calibrate.py on training photos
RASTER = 64


def presence(total, class_logits):
    """Logit of whether a query for one object has a target: what the listwise loss holds against "nothing"."""
    candidates = total[class_logits > CLASS_FLOOR]
    return float(np.logaddexp.reduce(candidates, initial=-np.inf))


def select(total, class_logits, singular, boxes, presence_threshold=PRESENCE_THRESHOLD):
    """Logits [R] and boxes [R, 4] -> indices of the selected regions, best first."""
    if singular:
        if presence(total, class_logits) <= presence_threshold:
            return []
        return [int(np.where(class_logits > CLASS_FLOOR, total, -np.inf).argmax())]
    chosen = np.flatnonzero(total > 0)
    return [int(chosen[k]) for k in geometry.distinct(boxes[chosen], total[chosen])]


def selection_f1(chosen, targets):
    """Boxes [n, 4] against boxes [m, 4], matched one to one at IoU 0.5; 1 when both are empty."""
    if len(chosen) + len(targets) == 0:
        return 1.0
    table, matched = geometry.overlaps(chosen, targets), 0
    while table.size and table.max() >= FOUND_OVERLAP:
        one, other = np.unravel_index(table.argmax(), table.shape)
        table[one], table[:, other] = 0, 0
        matched += 1
    return 2 * matched / (len(chosen) + len(targets))


def covered(boxes):
    """The cells of a raster that boxes cover: [RASTER, RASTER]."""
    raster = np.zeros((RASTER, RASTER), bool)
    for x0, y0, x1, y1 in np.round(boxes * RASTER).astype(int):
        raster[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = True
    return raster


def box_iou(chosen, targets):
    """IoU of what the boxes cover together, the box version of gIoU's term; 1 when both are empty."""
    one, other = covered(chosen), covered(targets)
    union = (one | other).sum()
    return 1.0 if union == 0 else float((one & other).sum() / union)
