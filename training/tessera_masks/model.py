"""The mask refiner: what the masks of a small Segment Anything lack, learned from annotated objects.

It sees what the mask decoder computes last, the features of every pixel and the logits of the mask, in a crop around
the box that was decoded, and gives a factor and an addend for the logits of every pixel in the crop. Pixels beyond the
crop are taken out of the mask: what spreads that far is mostly another object.
"""

import torch
import torch.nn.functional as F
from torch import nn

FEATURES = 32  # of a pixel, in SAM's decoder
MARGIN = 0.25  # of the box's sides that the crop shows on each side
SIDE = 64  # of the crop in which features are seen
FINE = 128  # of the crop in which logits are seen
OUTSIDE = -4.0  # the highest logit beyond the crop
WIDTH = 32
DILATIONS = 1, 2, 4, 1
LARGEST_EXPONENT, ADDEND = 2.0, 4.0


def mesh(x, y):
    """x [P, w], y [P, h] in -1..1 -> [P, h, w, 2] for grid_sample."""
    height, width = y.shape[1], x.shape[1]
    return torch.stack([x[:, None].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)], -1)


def crop_grid(boxes, side):
    """Where the crop of boxes [P, 4], in [0, 1] of the map, has its pixels: [P, side, side, 2] in -1..1 of the map."""
    steps = (torch.arange(side) + 0.5) / side * (1 + 2 * MARGIN) - MARGIN
    x0, y0, x1, y1 = boxes[..., None].unbind(1)
    return mesh((x0 + (x1 - x0) * steps) * 2 - 1, (y0 + (y1 - y0) * steps) * 2 - 1)


def map_grid(boxes, side):
    """Where the map's pixels lie in the crop: [P, side, side, 2]; -1..1 is inside."""
    steps = (torch.arange(side) + 0.5) / side
    x0, y0, x1, y1 = boxes[..., None].unbind(1)
    reach = 1 + 2 * MARGIN
    return mesh(((steps - x0) / (x1 - x0) * 2 - 1) / reach, ((steps - y0) / (y1 - y0) * 2 - 1) / reach)


def sample(values, grid, padding="zeros"):
    return F.grid_sample(values, grid, padding_mode=padding, align_corners=False)


def corrected(logits, correction):
    """logits [P, h, w]; correction [P, 2, h, w]: exponent of a factor, addend."""
    exponent, addend = correction.unbind(1)
    return logits * exponent.clamp(-LARGEST_EXPONENT, LARGEST_EXPONENT).exp() + ADDEND * addend


class Block(nn.Module):
    """A dilated depthwise convolution, then two linear layers for each pixel, beside a residual connection."""

    def __init__(self, width, dilation, dropout):
        super().__init__()
        self.norm = nn.GroupNorm(4, width)
        self.depthwise = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, groups=width)
        self.expand = nn.Conv2d(width, 2 * width, 1)
        self.project = nn.Conv2d(2 * width, width, 1)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x):
        return x + self.dropout(self.project(F.gelu(self.expand(self.depthwise(self.norm(x))))))


class MaskRefiner(nn.Module):
    def __init__(self, dropout=0.1):
        super().__init__()
        self.read = nn.Conv2d(FEATURES + 3, WIDTH, 1)
        self.down = nn.Conv2d(WIDTH, 2 * WIDTH, 2, stride=2)
        self.blocks = nn.Sequential(*(Block(2 * WIDTH, dilation, dropout) for dilation in DILATIONS))
        self.up = nn.Conv2d(2 * WIDTH, WIDTH, 1)
        self.last = Block(WIDTH, 1, dropout)
        self.correction = nn.Conv2d(WIDTH, 2, 1)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)
        within = (torch.arange(SIDE) + 0.5) / SIDE * (1 + 2 * MARGIN) - MARGIN
        within = ((within > 0) & (within < 1)).float()
        self.register_buffer("box", (within[:, None] * within)[None, None], persistent=False)

    def correct(self, pixels, logits):
        """Crops, pixels [P, 32, SIDE, SIDE] and logits [P, FINE, FINE] -> [P, 2, SIDE, SIDE]."""
        mask = F.avg_pool2d(logits[:, None], FINE // SIDE)
        box = self.box.expand(mask.shape[0], -1, -1, -1)
        seen = torch.cat([pixels / 4, torch.tanh(mask / 4), torch.sigmoid(mask), box], 1)
        near = F.gelu(self.read(seen))
        far = self.up(self.blocks(self.down(near)))
        return self.correction(self.last(near + F.interpolate(far, scale_factor=2.0, mode="bilinear")))

    def refine_crops(self, pixels, logits):
        """-> logits [P, FINE, FINE], as forward gives them in the crop."""
        correction = F.interpolate(self.correct(pixels, logits), scale_factor=FINE / SIDE, mode="bilinear")
        return corrected(logits, correction)

    def forward(self, pixels, logits, boxes):
        """Crops of pixels [P, 32, SIDE, SIDE], whole masks [P, h, h], boxes [P, 4] in [0, 1] -> masks [P, h, h]."""
        crops = sample(logits[:, None], crop_grid(boxes, FINE))[:, 0]
        place = map_grid(boxes, logits.shape[-1])
        refined = corrected(logits, sample(self.correct(pixels, crops), place, "border"))
        inside = (place.abs() <= 1).all(-1)
        return torch.where(inside, refined, logits.clamp(max=OUTSIDE))
