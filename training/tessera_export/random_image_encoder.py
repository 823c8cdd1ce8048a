"""SAM's image encoder in a known shape with random weights, to be timed. All blocks of a kind have the same weights."""

import re
from math import prod

import torch

from tessera_export.sam import write_image_encoder
from tessera_export.sam_shapes import SamShape, encoder_shapes


def shape(width, layers, heads, global_layers, window=14, grid=64):
    windows = tuple(grid if number in global_layers else window for number in range(layers))
    return SamShape(width, heads, windows, 4 * width, grid)


SHAPES = {
    "sam-vit-h": shape(1280, 32, 16, (7, 15, 23, 31)),
    "sam-vit-b": shape(768, 12, 12, (2, 5, 8, 11)),
    "sam-tiny": shape(32, 2, 2, (1,), window=3, grid=8),
}


class RandomSam:
    """Weights by their names below `image_encoder.`, as `write_image_encoder` reads them."""

    def __init__(self, config):
        self.shapes, self.drawn = encoder_shapes(config), {}

    def __contains__(self, name):
        return name in self.shapes

    def shape(self, name):
        return self.shapes[name]

    def __getitem__(self, name):
        dims = self.shape(name)
        key = re.sub(r"blocks\.\d+", "blocks", name), dims
        if key not in self.drawn:
            is_norm = "norm" in name or name in ("neck.1.weight", "neck.3.weight")
            random = torch.randn(dims) * (0.1 if len(dims) == 1 else prod(dims[1:]) ** -0.5)
            self.drawn[key] = 1 + random if is_norm and name.endswith("weight") else random
        return self.drawn[key]


def write(name, path, precision):
    """Writes an encoder of one of SHAPES and gives its shape."""
    torch.manual_seed(1)
    write_image_encoder(RandomSam(SHAPES[name]), path, precision)
    return SHAPES[name]
