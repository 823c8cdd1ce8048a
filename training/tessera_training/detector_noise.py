"""What the detector makes of objects and of nothing, taken from the annotated training photos.

The model is non-parametric: of every annotated object it keeps the proposals that the detector made for it (none when
it was missed; several when it was split or doubled; their class scores with all confusions), and of every photo the
proposals that belong to no object. Scenes are then put together from these pieces.

    python -m tessera_training.detector_noise --photos CACHE/train.npz
"""

import argparse
import json
from dataclasses import dataclass

import numpy as np

from tessera_training import boxes as geometry
from tessera_training.photos import load

LEAST_AREA = 0.002  # of the photo; smaller objects are neither placed nor asked for
OWN_OVERLAP = 0.3  # a proposal belongs to the object it overlaps most, from this IoU on
FOUND_OVERLAP = 0.5


@dataclass
class Piece:
    """One annotated object and its proposals, in units of its box: (0, 0, 1, 1) is the object itself."""

    box: np.ndarray  # [4] where it was
    label: int
    boxes: np.ndarray  # [k, 4] relative
    scores: np.ndarray  # [k, 80]


class DetectorNoise:
    def __init__(self, photos):
        self.pieces, self.false_peaks = [], []
        for photo in photos:
            table = geometry.overlaps(photo.boxes, photo.object_boxes)  # [100, n]
            owner = np.where(table.max(1, initial=0) >= OWN_OVERLAP, table.argmax(1) if table.size else 0, -1)
            self.false_peaks.append((photo.boxes[owner < 0], photo.scores[owner < 0]))
            for index, (box, label) in enumerate(zip(photo.object_boxes, photo.object_classes)):
                if geometry.areas(box[None])[0] < LEAST_AREA:
                    continue
                origin, size = np.tile(box[:2], 2), np.tile(box[2:] - box[:2], 2)
                own = owner == index
                self.pieces.append(Piece(box, int(label), (photo.boxes[own] - origin) / size, photo.scores[own]))

    def statistics(self):
        found, doubled, confused, own = [], [], [], []
        for piece in self.pieces:
            good = geometry.overlaps(piece.boxes, np.array([[0, 0, 1, 1.0]]))[:, 0] >= FOUND_OVERLAP
            found.append(good.any())
            if good.any():
                best = piece.scores[good][piece.scores[good, piece.label].argmax()]
                doubled.append(int(good.sum()))
                confused.append(best.argmax() != piece.label)
                own.append(best[piece.label])
        false = np.concatenate([scores.max(1) for _, scores in self.false_peaks])
        return {
            "objects": len(self.pieces),
            "missed": round(1 - float(np.mean(found)), 3),
            "proposals_per_found_object": round(float(np.mean(doubled)), 2),
            "confused": round(float(np.mean(confused)), 3),
            "own_score_deciles": np.quantile(own, np.arange(0.1, 1, 0.1)).round(3).tolist(),
            "false_peaks_per_photo": round(len(false) / len(self.false_peaks), 1),
            "false_peak_score_deciles": np.quantile(false, np.arange(0.1, 1, 0.1)).round(3).tolist(),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", required=True)
    print(json.dumps(DetectorNoise(load(parser.parse_args().photos)).statistics(), indent=2))


if __name__ == "__main__":
    main()
