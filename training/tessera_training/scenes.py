"""Scenes in token space: what the detector reports of a photo, and the objects that are really there.

A scene is a real photo, a real photo with its classes exchanged, or a new layout of pieces of photos. Exchanging
classes keeps the detector's behaviour and takes away what could be learned by heart from few photos.
"""

from dataclasses import dataclass

import numpy as np

from tessera_training import boxes as geometry
from tessera_training.classes import CLASS_COUNT
from tessera_training.detector_noise import FOUND_OVERLAP, LEAST_AREA, DetectorNoise

REGIONS = 64  # region tokens
GRID = 8  # the photo is also seen as GRID × GRID cells
NEAR_MISS_OVERLAP = 0.35  # regions between this and FOUND_OVERLAP are neither right nor wrong


@dataclass
class Scene:
    regions: np.ndarray  # [64, 4] boxes, best first; boxes without area pad the end
    scores: np.ndarray  # [64, 80] class scores of the regions
    grid: np.ndarray  # [64, 80] highest class scores of the proposals centred in each cell, row by row
    objects: np.ndarray  # [n, 4]
    labels: np.ndarray  # [n]
    overlaps: np.ndarray  # [64, n] IoU of regions and objects

    def found(self):
        """Which objects have a region: [n]."""
        return self.overlaps.max(0, initial=0) >= FOUND_OVERLAP


def grid_scores(boxes, scores):
    grid = np.zeros((GRID * GRID, scores.shape[1]), np.float32)
    cells = np.clip((geometry.centres(boxes) * GRID).astype(int), 0, GRID - 1)
    np.maximum.at(grid, cells[:, 1] * GRID + cells[:, 0], scores)
    return grid


def make_scene(boxes, scores, objects, labels):
    """Any number of proposals, sorted here; of the objects those that can be asked for."""
    order = np.argsort(-scores.max(1, initial=0), kind="stable")[:100]
    boxes, scores = boxes[order], scores[order]
    grid = grid_scores(boxes, scores)
    missing = max(0, REGIONS - len(boxes))
    regions = np.pad(boxes[:REGIONS], ((0, missing), (0, 0))).astype(np.float32)
    scores = np.pad(scores[:REGIONS], ((0, missing), (0, 0))).astype(np.float32)
    large = geometry.areas(objects) >= LEAST_AREA
    objects, labels = objects[large], labels[large]
    return Scene(regions, scores, grid, objects, labels, geometry.overlaps(regions, objects))


def cropped(boxes, corner, size):
    """Boxes [n, 4] in units of a part of the photo, and which of them are mostly inside: [n]."""
    moved = (boxes - np.tile(corner, 2)) / np.tile(size, 2)
    inside = np.clip(moved, 0, 1).astype(np.float32)
    return inside, geometry.areas(inside) > 0.6 * geometry.areas(moved)


def photo_scene(photo):
    return make_scene(photo.boxes, photo.scores, photo.object_boxes, photo.object_classes)


class SceneSampler:
    """Draws training scenes; `random` is a numpy Generator."""

    def __init__(self, photos):
        self.photos = photos
        self.noise = DetectorNoise(photos)
        frequency = np.bincount([piece.label for piece in self.noise.pieces], minlength=CLASS_COUNT)
        self.class_weights = (frequency + 10.0) ** 0.5
        self.class_weights /= self.class_weights.sum()

    def sample(self, random):
        draw = random.random()
        if draw < 0.05:
            return photo_scene(self.photos[random.integers(len(self.photos))])
        if draw < 0.45:
            return self.exchanged(random)
        return self.composed(random)

    def exchanged(self, random):
        """Part of a real layout, stretched to a whole, in which every class plays the part of another one."""
        photo = self.photos[random.integers(len(self.photos))]
        plays = random.permutation(CLASS_COUNT)  # class c becomes plays[c]
        scores = np.empty_like(photo.scores)
        scores[:, plays] = photo.scores
        size = random.uniform(0.6, 1, 2)
        corner = random.random(2) * (1 - size)
        boxes, seen = cropped(photo.boxes, corner, size)
        objects, shown = cropped(photo.object_boxes, corner, size)
        return make_scene(boxes[seen], scores[seen], objects[shown], plays[photo.object_classes[shown]])

    def composed(self, random):
        cast = random.choice(CLASS_COUNT, size=random.integers(2, 7), replace=False, p=self.class_weights)
        labels = [int(label) for label in cast for _ in range(random.choice([1, 1, 1, 1, 2, 2, 3, 3, 4, 5]))][:14]
        false_boxes, false_scores = self.noise.false_peaks[random.integers(len(self.noise.false_peaks))]
        if random.random() < 0.7:
            false_scores = false_scores[:, random.permutation(CLASS_COUNT)]
        boxes, scores, objects, kept = [], [], [], []
        # Things of one class often share their size and stand in a row.
        row = {label: random.uniform(0.15, 0.85) for label in cast if random.random() < 0.4}
        models = {label: self.noise.pieces[random.integers(len(self.noise.pieces))] for label in cast}
        for label in labels:
            piece = self.noise.pieces[random.integers(len(self.noise.pieces))]
            if random.random() < 0.5:
                piece = models[label]
            box = self.place(random, piece, objects, row.get(label))
            if box is None:
                continue
            objects.append(box)
            kept.append(label)
            boxes.append(np.tile(box[:2], 2) + piece.boxes * np.tile(box[2:] - box[:2], 2))
            own = piece.scores.copy()
            own[:, [piece.label, label]] = own[:, [label, piece.label]]
            scores.append(own)
        objects = np.array(objects, np.float32).reshape(-1, 4)
        free = geometry.overlaps(false_boxes, objects).max(1, initial=0) < 0.4
        boxes = np.clip(np.concatenate([*boxes, false_boxes[free]]), 0, 1)
        return make_scene(boxes, np.concatenate([*scores, false_scores[free]]), objects, np.array(kept, np.int64))

    def place(self, random, piece, objects, row):
        """A box of about the piece's size that hides no other object, or None."""
        size = (piece.box[2:] - piece.box[:2]) * np.exp(random.normal(0, 0.25, 2) + random.normal(-0.15, 0.3))
        size = np.clip(size, 0.04, 0.9)
        for _ in range(8):
            centre = size / 2 + random.random(2) * (1 - size)
            if row is not None:
                centre[1] = np.clip(row + random.normal(0, 0.04), size[1] / 2, 1 - size[1] / 2)
            elif objects and random.random() < 0.3:  # beside, above or on another object
                other = objects[random.integers(len(objects))]
                reach = (other[2:] - other[:2] + size) / 2 * random.choice([-1, 0.5, 1], 2) * random.uniform(0.5, 1.2)
                centre = np.clip((other[:2] + other[2:]) / 2 + reach, size / 2, 1 - size / 2)
            box = np.concatenate([centre - size / 2, centre + size / 2]).astype(np.float32)
            if not objects or geometry.overlaps(box[None], np.array(objects)).max() < 0.35:
                return box
        return None
