"""The reasoner: a LLaMA-like decoder over detector tokens and a query that scores the detector's regions.

    [64 grid tokens][64 region tokens] | [text pieces][mentioned objects][SEG]

Image tokens see each other in both directions (a prefix language model, as PaliGemma's), text tokens see the image and
what precedes them in their query. So a region can tell its rank among its like, and image states serve every query.

A region's score is the sum of two channels. The class channel is the calibrated detector rule, which SEG may correct.
The context channel compares SEG after the last layer with the region's own state inside the decoder, at the layer where
scattering ends (see pruning.py).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from tessera_training.batches import HEAD, OTHER, PIECE, RANKS, SCALE, SEG, STANDINGS, TEXT_WIDTH
from tessera_training.classes import CLASS_COUNT
from tessera_training.phrases import FORMS
from tessera_training.scenes import GRID, REGIONS

HIDDEN = -1e4  # added to the attention logit of what a token may not see
IMAGE_TOKENS = GRID * GRID + REGIONS


@dataclass
class Config:
    width: int = 192
    layers: int = 10
    heads: int = 4
    hidden: int = 512
    cluster_layers: int = 4  # a: layers that see the selected image tokens when pruning
    scatter_layers: int = 2  # b: layers that see all of them


def rotary_table(positions, size):
    """Positions [..., n] -> cos, sin [..., n, size / 2]."""
    frequencies = 10_000.0 ** (-torch.arange(0, size, 2, device=positions.device, dtype=torch.float32) / size)
    angles = positions[..., None].float() * frequencies
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    """x [B, heads, n, size], halves rotated against each other; cos, sin [B or 1, n, size / 2]."""
    one, other = x.chunk(2, -1)
    cos, sin = cos[:, None].to(x.dtype), sin[:, None].to(x.dtype)
    return torch.cat([one * cos - other * sin, one * sin + other * cos], -1)


def attention(q, k, bias):
    """q [B, heads, n, size], k [B, heads, m, size], bias [B or 1, 1, n, m] -> weights [B, heads, n, m].

    Written out: on CPU the backward pass of the fused kernel takes four times as long as this one at this size.
    """
    return (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + bias).softmax(-1).to(q.dtype)


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, self.heads = config.width, config.heads
        self.attention_norm, self.feed_norm = RMSNorm(width), RMSNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.gate_up = nn.Linear(width, 2 * config.hidden, bias=False)
        self.down = nn.Linear(config.hidden, width, bias=False)

    def project(self, x, rotary):
        """x [B, n, width] -> q, k, v [B, heads, n, size], rotated."""
        q, k, v = self.qkv(self.attention_norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return rotate(q, *rotary), rotate(k, *rotary), v

    def finish(self, x, attended):
        """x [B, n, width] and what its heads attended to [B, heads, n, size] -> x after the layer."""
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        gate, up = self.gate_up(self.feed_norm(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)

    def forward(self, x, rotary, mask):
        q, k, v = self.project(x, rotary)
        return self.finish(x, attention(q, k, mask) @ v)


class BoxEncoding(nn.Module):
    """Sines of a box's centre, corners and size; the highest has four periods across the photo."""

    def __init__(self, width):
        super().__init__()
        self.register_buffer("frequencies", torch.pi * torch.tensor([0.5, 1, 2, 4, 8]), persistent=False)
        self.layers = nn.Sequential(nn.Linear(10 * 10 + 2, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, boxes, score):
        """boxes [B, n, 4], highest class score [B, n] -> [B, n, width]."""
        size = (boxes[..., 2:] - boxes[..., :2]).clamp(min=1e-3)
        centre = (boxes[..., 2:] + boxes[..., :2]) / 2
        values = torch.cat([centre, boxes, size, size.log() / 6], -1)  # [B, n, 10]
        angles = (values[..., None] * self.frequencies).flatten(-2)  # [B, n, 50]
        strength = torch.stack([score, score.clamp(min=1e-3).log() / 4], -1)
        return self.layers(torch.cat([angles.sin(), angles.cos(), strength], -1))


class Reasoner(nn.Module):
    def __init__(self, config, class_vectors):
        super().__init__()
        self.config, width = config, config.width
        self.register_buffer("class_vectors", SCALE * torch.as_tensor(class_vectors, dtype=torch.float32))  # [80, 512]
        cells = torch.arange(GRID) / GRID
        y, x = torch.meshgrid(cells, cells, indexing="ij")
        corners = torch.stack([x, y, x + 1 / GRID, y + 1 / GRID], -1).reshape(1, -1, 4)
        self.register_buffer("cells", corners, persistent=False)

        self.class_embedding = nn.Linear(TEXT_WIDTH, width, bias=False)
        self.piece_embedding = nn.Linear(TEXT_WIDTH, width, bias=False)
        self.sentence_embedding = nn.Linear(TEXT_WIDTH, width, bias=False)
        self.kind_embedding = nn.Embedding(4, width)
        self.grid_boxes, self.region_boxes = BoxEncoding(width), BoxEncoding(width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.seg_norm, self.region_norm = RMSNorm(width), RMSNorm(width)

        self.context_query = nn.Linear(width, width)
        self.context_key = nn.Linear(width, width, bias=False)
        self.class_query = nn.Linear(width, width, bias=False)
        self.class_key = nn.Linear(TEXT_WIDTH, width, bias=False)
        self.heads = nn.Linear(width, 3)  # bias of the context channel, whether it counts, singular
        # For training only: what SEG, a region and a mentioned object have to know.
        self.form = nn.Linear(width, len(FORMS))  # SEG, half-way: what is asked
        self.place = nn.Linear(width, 4)  # region: where it is
        self.standing = nn.Linear(width, len(STANDINGS) * RANKS)  # region: its ranks among its like
        self.anchor = nn.Linear(width, 4)  # first other mentioned object: where it is
        self.aim = nn.Linear(width, 4)  # SEG: where the one object asked for is
        self.calibration = nn.Parameter(torch.tensor([1.8, 2.5]))  # slope and offset of the class channel
        self.apply(self.initialise)
        for block in self.blocks:
            for layer in (block.out, block.down):
                nn.init.normal_(layer.weight, std=(2 * config.layers * layer.in_features) ** -0.5)
            # Half of the heads start by looking for what is like the token itself: words and objects for each other.
            with torch.no_grad():
                queries, keys, _ = block.qkv.weight.chunk(3)
                keys[: width // 2] = queries[: width // 2]
        # Step 0 is the calibrated detector rule.
        for layer in (self.context_query, self.class_query, self.heads):
            nn.init.zeros_(layer.weight)

    @staticmethod
    def initialise(module):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.5)

    # --- embedding

    def class_mix(self, scores):
        """Class scores [B, n, 80] -> the classes' vectors weighed by squared score [B, n, width]."""
        weights = scores.square()
        weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-6)
        return self.class_embedding(weights @ self.class_vectors)

    def embed_image(self, regions, scores, grid):
        """regions [B, 64, 4], scores [B, 64, 80], grid [B, 64, 80] -> [B, 128, width]."""
        cells = self.cells.expand(grid.shape[0], -1, -1)
        grid = self.class_mix(grid) + self.grid_boxes(cells, grid.amax(-1))
        return torch.cat([grid, self.class_mix(scores) + self.region_boxes(regions, scores.amax(-1))], 1)

    def embed_text(self, features, kind, seg, prior):
        """features [B, n, 512], kind [B, n], index of SEG [B, Q], prior [B, Q, 80] -> [B, n, width].

        SEG starts as the sentence and the classes asked for."""
        kind = kind[..., None]
        x = self.piece_embedding(features) * (kind == PIECE)
        x = x + self.class_embedding(features) * ((kind == HEAD) | (kind == OTHER))
        x = x + self.sentence_embedding(features) * (kind == SEG)
        head = prior / prior.sum(-1, keepdim=True).clamp(min=1e-9)
        head = self.class_embedding(head @ self.class_vectors).to(x.dtype)
        x = x.scatter_add(1, seg[..., None].expand(-1, -1, x.shape[-1]), head)
        return x + self.kind_embedding(kind[..., 0])

    # --- scoring

    def class_channel(self, seg, prior, scores):
        """seg [B, Q, width], prior [B, Q, 80], scores [B, R, 80] -> logits [B, Q, R]."""
        correction = self.class_query(seg) @ self.class_key(self.class_vectors).T / self.config.width**0.5
        weights = torch.sigmoid(torch.logit(prior, eps=0.005) + correction)
        best = (weights[:, :, None] * scores[:, None]).amax(-1)
        return self.calibration[0] * torch.logit(best, eps=0.01) + self.calibration[1]

    def context_channel(self, seg, states):
        """seg [B, Q, width], region states [B, R, width] -> logits [B, Q, R]."""
        keys = self.context_key(self.region_norm(states))
        return self.context_query(seg) @ keys.transpose(1, 2) / self.config.width**0.5

    def score(self, seg_states, region_states, prior, scores):
        """Final SEG states [B, Q, width], region states [B, R, width] -> the first four outputs of `forward`."""
        seg = self.seg_norm(seg_states)
        bias, gate, singular = self.heads(seg).split(1, -1)
        context = self.context_channel(seg, region_states) + bias
        return self.class_channel(seg, prior, scores), context, gate, singular[..., 0]

    # --- training and unpruned inference: all queries of a scene in one row

    def forward(self, batch, hide_image=False):
        """A batch of batches.py -> class logits, context logits [B, Q, R]; logits of whether the context counts
        [B, Q, 1] and of whether one object is asked for [B, Q]; and by name what only training looks at.

        With `hide_image` the query sees no image token and the regions have no states: what the text alone can do."""
        image = self.embed_image(batch["regions"], batch["scores"], batch["grid"])
        text = self.embed_text(batch["features"], batch["token_kind"], batch["seg"], batch["prior"])
        x = torch.cat([image, text], 1)
        count = image.shape[1]
        owner = F.pad(batch["token_query"], (count, 0), value=-2)
        places = torch.arange(x.shape[1], device=x.device)
        visible = owner[:, :, None] == owner[:, None]
        if not hide_image:
            visible = visible | (owner[:, None] == -2)
        in_order = (places[:, None] >= places) | (places < count)
        mask = torch.where(visible & in_order, 0.0, HIDDEN)[:, None]
        if torch.is_autocast_enabled(x.device.type):
            mask = mask.to(torch.get_autocast_dtype(x.device.type))
        positions = torch.cat([places[:count].expand(len(x), -1), count + batch["token_position"]], 1)
        rotary = rotary_table(positions, self.config.width // self.config.heads)

        for layer, block in enumerate(self.blocks):
            x = block(x, rotary, mask)
            if layer + 1 == self.config.cluster_layers:
                half_way = self.states_at(x[:, count:], batch["seg"])
            if layer + 1 == self.config.cluster_layers + self.config.scatter_layers:
                region_states = x[:, count - REGIONS : count]
                other = self.states_at(x[:, count:], batch["other"])
        if hide_image:
            region_states = torch.zeros_like(region_states)
        seg = self.states_at(x[:, count:], batch["seg"])
        regions = self.region_norm(region_states)
        auxiliary = {
            "form": self.form(normalised(half_way)),
            "place": self.place(regions),
            "standing": self.standing(regions).unflatten(-1, (len(STANDINGS), RANKS)),
            "anchor": self.anchor(normalised(other)),
            "aim": self.aim(self.seg_norm(seg)),
        }
        return *self.score(seg, region_states, batch["prior"], batch["scores"]), auxiliary

    @staticmethod
    def states_at(text, index):
        """text [B, n, width], index of a token [B, Q] -> [B, Q, width]"""
        return text.gather(1, index[..., None].expand(-1, -1, text.shape[-1]))


def normalised(x):
    return F.rms_norm(x, x.shape[-1:])


def total_score(class_logits, context, gate):
    """`gate`: how far the context counts, in [0, 1]."""
    return class_logits + gate * context


def parameter_count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def new_reasoner(class_vectors=None, config=None):
    vectors = torch.zeros(CLASS_COUNT, TEXT_WIDTH) if class_vectors is None else class_vectors
    return Reasoner(config or Config(), vectors)
