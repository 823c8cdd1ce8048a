"""Annotated photos as the detector sees them: proposals and objects, computed once and kept in one .npz file.

python -m tessera_training.photos --split train --models MODELS --data DATA --out CACHE/train.npz
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from tessera_training.classes import CLASS_NAMES
from tessera_training.frozen import Detector


@dataclass
class Photo:
    """Boxes are x0, y0, x1, y1 in [0, 1]."""

    name: str
    boxes: np.ndarray  # [100, 4] proposals, best first
    scores: np.ndarray  # [100, 80]
    object_boxes: np.ndarray  # [n, 4] annotated objects
    object_classes: np.ndarray  # [n]


def mirrored(boxes):
    return np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], 1)


def annotated_objects(annotations):
    """COCO annotations -> per file name: boxes [n, 4], classes [n], annotation ids; crowds and stuff are left out."""
    names = {category["id"]: category["name"] for category in annotations["categories"]}
    objects = {}
    for image in annotations["images"]:
        size = np.array([image["width"], image["height"]] * 2)
        boxes, classes, ids = [], [], []
        for annotation in annotations["annotations"]:
            name = names[annotation["category_id"]]
            if annotation["image_id"] != image["id"] or annotation["iscrowd"] or name not in CLASS_NAMES:
                continue
            x, y, width, height = annotation["bbox"]
            boxes.append(np.array([x, y, x + width, y + height]) / size)
            classes.append(CLASS_NAMES.index(name))
            ids.append(annotation["id"])
        objects[image["file_name"]] = np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int64), ids
    return objects


def collect(models, data, split, mirror):
    detector = Detector(models, threads=2)
    objects = annotated_objects(json.loads((Path(data) / f"instances_{split}2017.json").read_text()))
    photos = []
    for name, (object_boxes, object_classes, _) in objects.items():
        image = Image.open(Path(data) / f"{split}2017" / name)
        photos.append(Photo(name, *detector.propose(image), object_boxes, object_classes))
        if mirror:
            boxes, scores = detector.propose(ImageOps.mirror(image.convert("RGB")))
            photos.append(Photo(f"mirrored {name}", boxes, scores, mirrored(object_boxes), object_classes))
    return photos


def save(photos, path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        names=[photo.name for photo in photos],
        counts=[len(photo.object_classes) for photo in photos],
        boxes=np.stack([photo.boxes for photo in photos]),
        scores=np.stack([photo.scores for photo in photos]),
        object_boxes=np.concatenate([photo.object_boxes for photo in photos]),
        object_classes=np.concatenate([photo.object_classes for photo in photos]),
    )


def load(path):
    stored = np.load(path)
    ends = np.cumsum(stored["counts"])[:-1]
    columns = zip(
        stored["names"].tolist(),
        stored["boxes"],
        stored["scores"],
        np.split(stored["object_boxes"], ends),
        np.split(stored["object_classes"], ends),
    )
    return [Photo(*row) for row in columns]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", choices=["train", "val"], required=True)
    parser.add_argument("--models", required=True, help="directory with detector.onnx")
    parser.add_argument("--data", required=True, help="directory with instances_*2017.json and the photos")
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    photos = collect(arguments.models, arguments.data, arguments.split, mirror=arguments.split == "train")
    save(photos, arguments.out)
    print(f"{len(photos)} photos, {sum(len(photo.object_classes) for photo in photos)} objects -> {arguments.out}")


if __name__ == "__main__":
    main()
