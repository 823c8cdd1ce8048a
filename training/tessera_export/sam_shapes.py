"""Segment Anything's weights by their names and shapes.

A checkpoint has no configuration of it: the shapes of some weights give its sizes, and these the shapes of all others.
"""

import re
from dataclasses import dataclass

from tessera_export.checkpoint import require

PROMPT = 256  # width of prompts and of the image's embedding
FEED = 2048  # inside the decoder's transformer
MASKS = 4
MASK_WIDTH = PROMPT // 8  # of the upscaled embedding


@dataclass(frozen=True)
class SamShape:
    width: int
    heads: int
    windows: tuple  # per block: side of the windows that it attends in; the grid's where it attends to the whole image
    hidden: int
    grid: int = 64
    patch: int = 16

    @classmethod
    def of(cls, weights):
        """`weights` by their names below `image_encoder.`"""
        numbers = [int(found[1]) for found in (re.match(r"blocks\.(\d+)\.", name) for name in weights) if found]
        require(numbers, "SAM's image encoder has no blocks")
        width, _, patch, _ = dimensions(weights, "patch_embed.proj.weight", 4)
        tables = [dimensions(weights, f"blocks.{number}.attn.rel_pos_h", 2) for number in range(max(numbers) + 1)]
        head = tables[0][1]
        require(width % head == 0, f"SAM's heads of {head} values do not divide its width {width}")
        windows = tuple((rows + 1) // 2 for rows, _ in tables)
        hidden, _ = dimensions(weights, "blocks.0.mlp.lin1.weight", 2)
        return cls(width, width // head, windows, hidden, max(windows), patch)

    @property
    def side(self):
        """Pixels of the largest image."""
        return self.grid * self.patch


def dimensions(weights, name, count):
    shape = weights.shape(name)
    require(len(shape) == count and all(shape), f"{name} of SAM is {list(shape)}, but has to have {count} dimensions")
    return shape


def linear(key, rows, columns):
    return {f"{key}.weight": (rows, columns), f"{key}.bias": (rows,)}


def norm(key, width):
    return {f"{key}.weight": (width,), f"{key}.bias": (width,)}


def encoder_shapes(sam):
    """By the names below `image_encoder.`"""
    width = sam.width
    shapes = {
        "patch_embed.proj.weight": (width, 3, sam.patch, sam.patch),
        "patch_embed.proj.bias": (width,),
        "pos_embed": (1, sam.grid, sam.grid, width),
        "neck.0.weight": (PROMPT, width, 1, 1),
        **norm("neck.1", PROMPT),
        "neck.2.weight": (PROMPT, PROMPT, 3, 3),
        **norm("neck.3", PROMPT),
    }
    for number, window in enumerate(sam.windows):
        key = f"blocks.{number}"
        shapes |= norm(f"{key}.norm1", width) | norm(f"{key}.norm2", width)
        shapes |= linear(f"{key}.attn.qkv", 3 * width, width) | linear(f"{key}.attn.proj", width, width)
        shapes |= {f"{key}.attn.rel_pos_{axis}": (2 * window - 1, width // sam.heads) for axis in "hw"}
        shapes |= linear(f"{key}.mlp.lin1", sam.hidden, width) | linear(f"{key}.mlp.lin2", width, sam.hidden)
    return shapes


def attention(key, inner):
    parts = (f"{key}.{part}_proj" for part in "qkv")
    return {k: v for part in parts for k, v in linear(part, inner, PROMPT).items()} | linear(
        f"{key}.out_proj", PROMPT, inner
    )


def perceptron(key, outputs):
    hidden = linear(f"{key}.layers.0", PROMPT, PROMPT) | linear(f"{key}.layers.1", PROMPT, PROMPT)
    return hidden | linear(f"{key}.layers.2", outputs, PROMPT)


def prompt_shapes():
    """By the names below `prompt_encoder.`"""
    kinds = ("not_a_point_embed", "no_mask_embed", *(f"point_embeddings.{kind}" for kind in range(4)))
    matrix = {"pe_layer.positional_encoding_gaussian_matrix": (2, PROMPT // 2)}
    return matrix | {f"{kind}.weight": (1, PROMPT) for kind in kinds}


def decoder_shapes():
    """By the names below `mask_decoder.`, of the mask for unambiguous prompts"""
    shapes = {"iou_token.weight": (1, PROMPT), "mask_tokens.weight": (MASKS, PROMPT)}
    for number in range(2):
        key = f"transformer.layers.{number}"
        shapes |= attention(f"{key}.self_attn", PROMPT)
        shapes |= attention(f"{key}.cross_attn_token_to_image", PROMPT // 2)
        shapes |= attention(f"{key}.cross_attn_image_to_token", PROMPT // 2)
        shapes |= linear(f"{key}.mlp.lin1", FEED, PROMPT) | linear(f"{key}.mlp.lin2", PROMPT, FEED)
        for place in range(1, 5):
            shapes |= norm(f"{key}.norm{place}", PROMPT)
    shapes |= attention("transformer.final_attn_token_to_image", PROMPT // 2)
    shapes |= norm("transformer.norm_final_attn", PROMPT)
    for number, inputs in ((0, PROMPT), (3, 2 * MASK_WIDTH)):
        outputs = inputs // 4 if number == 0 else MASK_WIDTH
        shapes[f"output_upscaling.{number}.weight"] = (inputs, outputs, 2, 2)
        shapes[f"output_upscaling.{number}.bias"] = (outputs,)
    shapes |= norm("output_upscaling.1", 2 * MASK_WIDTH)
    return shapes | perceptron("output_hypernetworks_mlps.0", MASK_WIDTH) | perceptron("iou_prediction_head", MASKS)
