"""SAM's image encoder in a known shape with random weights, to be timed. All blocks of a kind have the same weights."""

import re
from dataclasses import dataclass
from math import prod

import torch

from tessera_export.sam import PROMPT, write_image_encoder

PATCH = 16


@dataclass
class SamShape:
    width: int
    layers: int
    heads: int
    global_layers: tuple  # blocks that attend to the whole image
    window: int = 14  # of the other blocks
    grid: int = 64


SHAPES = {
    "sam-vit-h": SamShape(1280, 32, 16, (7, 15, 23, 31)),
    "sam-vit-b": SamShape(768, 12, 12, (2, 5, 8, 11)),
    "sam-tiny": SamShape(32, 2, 2, (1,), window=3, grid=8),
}


class RandomSam:
    """Weights by their names below `image_encoder.`, as `write_image_encoder` reads them."""

    def __init__(self, config):
        self.config, self.drawn = config, {}
        self.blocks = {name.split(".", 2)[2]: dims for name, dims in self.block_shapes().items()}
        width = config.width
        self.others = {
            "pos_embed": (1, config.grid, config.grid, width),
            "patch_embed.proj.weight": (width, 3, PATCH, PATCH),
            "patch_embed.proj.bias": (width,),
            "neck.0.weight": (PROMPT, width, 1, 1),
            "neck.2.weight": (PROMPT, PROMPT, 3, 3),
            **{f"neck.{layer}.{part}": (PROMPT,) for layer in (1, 3) for part in ("weight", "bias")},
        }

    def block_shapes(self):
        width = self.config.width
        linear = {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}
        linear |= {"mlp.lin1": (4 * width, width), "mlp.lin2": (width, 4 * width)}
        shapes = {f"blocks.0.{name}.weight": dims for name, dims in linear.items()}
        shapes |= {f"blocks.0.{name}.bias": dims[:1] for name, dims in linear.items()}
        return shapes | {
            f"blocks.0.{norm}.{part}": (width,) for norm in ("norm1", "norm2") for part in ("weight", "bias")
        }

    def __contains__(self, name):
        block = re.match(r"blocks\.(\d+)\.", name)
        return int(block[1]) < self.config.layers if block else name in self.others

    def shape(self, name):
        block = re.match(r"blocks\.(\d+)\.(.+)", name)
        if not block:
            return self.others[name]
        if block[2].startswith("attn.rel_pos"):
            side = self.config.grid if int(block[1]) in self.config.global_layers else self.config.window
            return (2 * side - 1, self.config.width // self.config.heads)
        return self.blocks[block[2]]

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
