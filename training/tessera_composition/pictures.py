"""The pictures of the base model's training, and what is done to them.

Every picture is a square of SIDE pixels. Recolouring parts an object's colour from its class; stripes, dots and
another size give words for how objects look and how large they are.
"""

import colorsys
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from tessera_composition.colours import foreground
from tessera_training.photos import annotated_objects

SIDE = 256
PLAIN, STRIPED, DOTTED = "plain", "striped", "dotted"
SMALL, LARGE = "small", "large"


@dataclass
class Row:
    """One line of a data set's metadata.json."""

    image: str
    attribute: str
    object: str
    split: str


def read_rows(data):
    """Directory of apparel -> rows."""
    return [
        Row(r["image"], r["attr"], r["obj"], r["set"]) for r in json.loads((Path(data) / "metadata.json").read_text())
    ]


def square(image, box=None):
    """PIL image, optionally a part of it (x0, y0, x1, y1 in pixels) -> uint8 [SIDE, SIDE, 3]; stretched."""
    image = image.convert("RGB")
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))


def coco_crops(data, split="train", least=32):
    """Things of the annotated photos with a little around them: (pixels, class index) for each."""
    data = Path(data)
    annotations = json.loads((data / f"instances_{split}2017.json").read_text())
    for name, (boxes, classes, _) in annotated_objects(annotations).items():
        image = Image.open(data / f"{split}2017" / name).convert("RGB")
        size = np.array([image.width, image.height] * 2)
        for box, label in zip(boxes * size, classes):
            low, high = box[:2], box[2:]
            if (high - low).min() < least:
                continue
            margin = 0.1 * (high - low)
            low, high = np.maximum(low - margin, 0), np.minimum(high + margin, size[:2])
            yield square(image, (*low, *high)), int(label)


def mask_of(pixels):
    """The foreground of [SIDE, SIDE, 3], found at a quarter of the side: float32 [SIDE, SIDE] in 0–1."""
    found = foreground(pixels[::4, ::4]).astype(np.float32)
    return np.asarray(Image.fromarray(found).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def recoloured(pixels, random):
    """The foreground in another colour, with its shading, or the whole picture turned in hue."""
    value = pixels.astype(np.float32)
    if random.random() < 0.7:
        weight = np.clip(mask_of(pixels) * 3, 0, 1)[..., None]
        light = value.mean(-1, keepdims=True) / 255
        low, high = np.quantile(light[weight > 0.5], [0.1, 0.9]) if (weight > 0.5).any() else (0, 1)
        shading = np.clip((light - low) / max(high - low, 0.05), -0.3, 1.3)
        tint = 255 * np.array(colorsys.hsv_to_rgb(random.random(), random.random() ** 0.5, random.uniform(0.1, 1)))
        value = value * (1 - weight) + weight * tint * (0.75 + 0.35 * shading)
    else:
        value = value[..., random.permutation(3)]
        value = 255 * (value / 255) ** random.uniform(0.6, 1.6)
    return np.clip(value, 0, 255).astype(np.uint8)


def patterned(pixels, pattern, random):
    """Stripes or dots on the foreground, in a colour that stands out from it."""
    overlay = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(overlay)
    step, lean, across = int(random.integers(12, 26)), int(random.integers(0, 60)), random.random() < 0.5
    for at in range(-SIDE, 2 * SIDE, step):
        if pattern == STRIPED:
            draw.line([(0, at), (SIDE, at + lean)] if across else [(at, 0), (at + lean, SIDE)], 255, step // 3)
        else:
            for other in range(0, SIDE, step):
                x, y, radius = at + (other // step % 2) * step / 2, other, step / 4
                draw.ellipse([x - radius, y - radius, x + radius, y + radius], 255)
    mask = mask_of(pixels)
    weight = (np.asarray(overlay, np.float32) / 255 * np.clip(mask * 4, 0, 1))[..., None]
    shown = mask > 0.3
    dark = shown.any() and pixels[shown].mean() < 120
    ink = random.uniform(200, 255, 3) if dark else random.uniform(0, 70, 3)
    return (pixels * (1 - weight) + ink * weight).astype(np.uint8)


def shrunk(pixels, random):
    """The picture at a third to half of its size, somewhere on a canvas of its border's colour."""
    side = int(SIDE * random.uniform(0.33, 0.5))
    border = np.concatenate([pixels[:2].reshape(-1, 3), pixels[:, :2].reshape(-1, 3), pixels[:, -2:].reshape(-1, 3)])
    canvas = np.empty_like(pixels)
    canvas[:] = np.median(border, 0)
    y, x = random.integers(0, SIDE - side, 2)
    canvas[y : y + side, x : x + side] = np.asarray(
        Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
    )
    return canvas
