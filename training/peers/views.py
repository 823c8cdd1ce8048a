"""What the detector reads of a picture up to 2 : 1: as the service shows it, or with TESSERA_SQUARES=1 a square."""

import math
import os

import numpy as np
from PIL import Image, ImageOps

SIDE = 512
MULTIPLE = SIDE if os.environ.get("TESSERA_SQUARES") else 32
LEAST = 256
MEAN_COLOUR = (124, 116, 103)


def view_of(picture):
    """An RGB picture -> uint8 [1, height, width, 3]: its longest side 512 pixels, the other padded to a multiple."""
    scale = SIDE / max(picture.size)
    size = [min(SIDE, math.ceil(max(LEAST, round(side * scale)) / MULTIPLE) * MULTIPLE) for side in picture.size]
    return np.asarray(ImageOps.pad(picture, size, Image.Resampling.BILINEAR, color=MEAN_COLOUR))[None]


def boxes_in(boxes, view, size):
    """Boxes [N, 4] in shares of a view -> in pixels of the picture of this size"""
    _, height, width, _ = view.shape
    factor = max(size) / SIDE
    shown = np.array([width, height, width, height]) * factor
    return boxes * shown - (shown - np.array([*size, *size])) / 2
