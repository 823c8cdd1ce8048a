"""Which image tokens the clustering layers see: the four selections of token-pruning, as a rank per token.

Image tokens are the grid's cells, then the regions. The detector's objectness takes the place of the vision tower's CLS
attention, which a detector does not have.
"""

import numpy as np

from tessera_training import boxes as geometry
from tessera_training.model import IMAGE_TOKENS
from tessera_training.scenes import GRID

INSTANCE_SCORE = 0.2  # a region counts as an instance from this score on


def objectness(scene):
    return np.concatenate([scene.grid.max(1), scene.scores.max(1)])


def cell_boxes():
    y, x = np.divmod(np.arange(GRID * GRID), GRID)
    return np.stack([x, y, x + 1, y + 1], 1) / GRID


def ranked(order):
    """Token indices, best first -> priority [128]; tokens not listed come last."""
    priority = np.zeros(IMAGE_TOKENS, np.float32)
    priority[np.array(order, int)] = np.arange(len(order), 0, -1)
    return priority


def random(scene, count, generator):
    return ranked(generator.permutation(IMAGE_TOKENS))


def uniform(scene, count, generator):
    return ranked(np.arange(count) * (IMAGE_TOKENS // max(1, count)))


def cls(scene, count, generator):
    return ranked(np.argsort(-objectness(scene), kind="stable"))


def seg_first(scene, count, generator):
    """Every instance gets tokens by its area, at least one; what is left goes by objectness."""
    centres = geometry.centres(np.concatenate([cell_boxes(), scene.regions]))
    by_objectness = np.argsort(-objectness(scene), kind="stable")
    strong = np.flatnonzero(scene.scores.max(1) >= INSTANCE_SCORE)
    instances = scene.regions[strong[geometry.distinct(scene.regions[strong], scene.scores[strong].max(1))]]
    shares = geometry.areas(instances) / max(geometry.areas(instances).sum(), 1e-9)
    chosen = []
    for box, share in zip(instances, shares):
        inside = ((centres >= box[:2]) & (centres <= box[2:])).all(1)
        own = [token for token in by_objectness if inside[token] and token not in chosen]
        chosen += own[: max(1, int(count * share))]
    return ranked([*chosen, *(token for token in by_objectness if token not in chosen)][:IMAGE_TOKENS])


SELECTIONS = {"random": random, "uniform": uniform, "cls": cls, "seg_first": seg_first}
