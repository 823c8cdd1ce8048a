"""What the mask refiner learns from: crops around boxes of annotated objects, decoded once and kept in one file.

    python -m tessera_masks.crops --split train --models MODELS --data DATA --out RUN/train.pt

MODELS is the bundle tessera-mini. Each object is decoded in its own box, in that of the detection which fits it best,
and, for training, in some boxes that are off as a detector's are. Crowds, stuff and very small objects are left out.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from PIL import Image
from pycocotools import mask as masks

from tessera_masks.model import FEATURES, FINE, SIDE, crop_grid, sample
from tessera_training.boxes import areas, overlaps
from tessera_training.frozen import Detector, open_session
from tessera_training.photos import annotated_objects

LONGEST_SIDE = 1024  # of what SAM's encoder sees; its maps show a square of that size
LEAST_AREA = 8e-4  # of a box, of the photo's
SHIFTED_BOXES, SHIFT = 3, 0.045  # of an edge, in sides of the box; Student's t with three degrees of freedom
DETECTION_SCORE, DETECTION_OVERLAP = 0.1, 0.5
PROMPTS_PER_RUN = 8


class Vision:
    """The bundle's graphs; of the mask decoder also what goes into its refiner."""

    def __init__(self, models, threads):
        models = Path(models)
        self.detector = Detector(models, threads)
        self.encoder = open_session(models / "image-encoder.onnx", threads)
        decoder = onnx.load(models / "mask-decoder.onnx")
        decoder.graph.output.extend(onnx.ValueInfoProto(name=name) for name in ("unrefined_masks", "mask_pixels"))
        self.decoder = open_session(decoder.SerializeToString(), threads)

    def detections(self, image):
        """PIL image -> boxes [n, 4] in [0, 1], their classes [n]; the certain ones."""
        boxes, scores, classes = self.detector.run(image, "boxes", "scores", "classes")
        certain = scores > DETECTION_SCORE
        return boxes[certain], classes[certain]

    def embed(self, image, size):
        pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR))[None]
        return self.encoder.run(["embedding"], {"image": pixels, "sizes": np.array([size[::-1]], np.int64)})[0]

    def decode(self, embedding, boxes):
        """boxes [P, 4] in pixels of the padded square -> logits [P, h, h], features of pixels [P, 32, h, h]."""
        count = len(boxes)
        feeds = {
            "embedding": embedding,
            "points": boxes.reshape(count, 2, 2).astype(np.float32),
            "labels": np.tile(np.array([[2, 3]], np.int64), (count, 1)),
            "prompt_embeddings": np.zeros((count, 0, 256), np.float32),
        }
        logits, pixels = self.decoder.run(["unrefined_masks", "mask_pixels"], feeds)
        # Axes: prompt, cell row and column, row and column in the cell, row and column in its quarter, feature.
        cells = torch.from_numpy(pixels).reshape(count, 64, 64, 2, 2, 2, 2, FEATURES)
        rows = cells.permute(0, 7, 1, 3, 5, 2, 4, 6).reshape(count, FEATURES, *logits.shape[1:])
        return torch.from_numpy(logits), rows


def annotated_mask(annotation, image):
    """COCO's polygons or run lengths -> float32 [1, 1, height, width]"""
    drawn, size = annotation["segmentation"], (image.height, image.width)
    runs = drawn if isinstance(drawn, dict) else masks.merge(masks.frPyObjects(drawn, *size))
    return torch.from_numpy(masks.decode(runs).astype(np.float32))[None, None]


def boxes_of(own, label, detections, random):
    """The boxes in which an object is decoded: its `own`, its detection's and, with `random`, shifted ones."""
    found, classes = detections
    same = found[classes == label]
    fits = overlaps(same, own[None])[:, 0] if len(same) else np.zeros(1)
    detected = [same[fits.argmax()]] if fits.max() > DETECTION_OVERLAP else []
    sides = np.tile(own[2:] - own[:2], 2)
    shifts = [] if random is None else SHIFT * random.standard_t(3, (SHIFTED_BOXES, 4))
    return [own, *detected, *(np.clip(own + shift * sides, 0, 1) for shift in shifts)]


def crops_of(vision, image, objects, random):
    """`objects`: box, class and annotation of each -> their crops, dictionaries of tensors"""
    scale = LONGEST_SIDE / max(image.size)
    size = round(image.width * scale), round(image.height * scale)
    embedding, detections = vision.embed(image, size), vision.detections(image)
    jobs = [
        (box * np.tile(size, 2), annotated_mask(annotation, image))
        for own, label, annotation in objects
        for box in boxes_of(own, label, detections, random)
    ]
    jobs = [(box, mask) for box, mask in jobs if (box[2:] - box[:2]).min() > 4]
    shown = torch.tensor(size) / LONGEST_SIDE  # the part of the square that the image takes
    for start in range(0, len(jobs), PROMPTS_PER_RUN):
        batch = jobs[start : start + PROMPTS_PER_RUN]
        boxes = np.stack([box for box, _ in batch])
        logits, pixels = vision.decode(embedding, boxes)
        places = torch.from_numpy(boxes / LONGEST_SIDE).float()
        inside = (crop_grid(places, FINE) + 1) / 2 < shown
        targets = [
            F.avg_pool2d(sample(mask, (crop_grid(place[None], 2 * FINE) + 1) / shown - 1), 2)[0, 0]
            for place, (_, mask) in zip(places, batch)
        ]
        yield {
            "pixels": sample(pixels, crop_grid(places, SIDE)).half(),
            "logits": sample(logits[:, None], crop_grid(places, FINE))[:, 0].half(),
            "targets": (torch.stack(targets) * 255).round().byte(),
            "inside": inside.all(-1) & (crop_grid(places, FINE) > -1).all(-1),
            "areas": torch.stack([mask.mean() for _, mask in batch]),
        }


def collect(vision, data, split, photos=None):
    """-> pixels [n, 32, SIDE, SIDE]; logits, targets (255: object) and inside (the photo) [n, FINE, FINE]; areas [n]"""
    annotations = json.loads((Path(data) / f"instances_{split}2017.json").read_text())
    by_id = {annotation["id"]: annotation for annotation in annotations["annotations"]}
    random = np.random.default_rng(0) if split == "train" else None
    crops = []
    for name, (boxes, classes, ids) in list(annotated_objects(annotations).items())[:photos]:
        objects = [
            (boxes[index], classes[index], by_id[ids[index]]) for index in np.flatnonzero(areas(boxes) > LEAST_AREA)
        ]
        photo = Image.open(Path(data) / f"{split}2017" / name).convert("RGB")
        crops += crops_of(vision, photo, objects, random)
        print(f"{name}: {len(objects)} objects", flush=True)
    return {name: torch.cat([crop[name] for crop in crops]) for name in crops[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", choices=["train", "val"], required=True)
    parser.add_argument("--models", required=True, help="directory of the bundle tessera-mini")
    parser.add_argument("--data", required=True, help="directory with instances_*2017.json and the photos")
    parser.add_argument("--photos", type=int, help="only so many, to try it out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    crops = collect(Vision(arguments.models, arguments.threads), arguments.data, arguments.split, arguments.photos)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(crops, arguments.out)
    print(f"{len(crops['pixels'])} crops -> {arguments.out}")


if __name__ == "__main__":
    main()
