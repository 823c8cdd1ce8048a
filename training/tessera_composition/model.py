"""The dual encoder: a head on a frozen tower's features, and a causal text transformer, in one embedding space.

The embedding of an image has three parts of unit length: its colours, what it is, and how it looks otherwise (pattern
and size). They come from different inputs and different losses, so that a colour learned on one object holds for all.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn

TEXTURE_CHANNELS, TEXTURE_SIDE = 88, 16
MEANING_CHANNELS, MEANING_SIDE = 480, 8
PIXELS = 32
PARTS = {"colour": 96, "object": 128, "look": 32}  # widths of the parts of an embedding, in this order


@dataclass
class Config:
    text_width: int = 256
    text_layers: int = 3
    text_heads: int = 4
    context_length: int = 32
    embedding_width: int = sum(PARTS.values())


class Attention(nn.Module):
    """Where a picture's object is: softmax weights over the cells of the texture features and pixels' own colour."""

    def __init__(self):
        super().__init__()
        self.texture = nn.Conv2d(TEXTURE_CHANNELS, 32, 1)
        self.meaning = nn.Conv2d(MEANING_CHANNELS, 32, 1)
        self.pixels = nn.Conv2d(3, 32, 2, 2)
        self.place = nn.Parameter(torch.zeros(32, TEXTURE_SIDE, TEXTURE_SIDE))
        self.logit = nn.Conv2d(32, 1, 1)

    def forward(self, texture, meaning, pixels):
        """-> [B, 1, 16, 16], summing to one."""
        wide = F.interpolate(self.meaning(meaning), scale_factor=2.0, mode="nearest")
        logits = self.logit(F.relu(self.texture(texture) + wide + self.pixels(pixels) + self.place))
        return logits.flatten(2).softmax(-1).view_as(logits)


class ImageHead(nn.Module):
    """Features of the tower [B, 88, 16, 16], [B, 480, 8, 8] and the picture's block means [B, 3, 32, 32] in [-1, 1]
    -> [B, 256], each part of unit length."""

    def __init__(self):
        super().__init__()
        self.attention = Attention()
        self.colours = nn.Sequential(nn.Conv2d(3, 32, 1), nn.ReLU(), nn.Conv2d(32, 96, 1), nn.ReLU())
        self.colour = nn.Sequential(nn.LayerNorm(96), nn.Linear(96, 256), nn.ReLU(), nn.Linear(256, PARTS["colour"]))
        self.meaning = nn.Conv2d(MEANING_CHANNELS, 192, 1)
        self.focus = nn.Conv2d(192, 4, 1)
        self.object = nn.Sequential(
            nn.LayerNorm(5 * 192), nn.Dropout(0.3), nn.Linear(5 * 192, 256), nn.ReLU(), nn.Linear(256, PARTS["object"])
        )
        self.texture = nn.Conv2d(TEXTURE_CHANNELS, 96, 1)
        self.look = nn.Sequential(
            nn.LayerNorm(2 * 96 + 64),
            nn.Dropout(0.2),
            nn.Linear(2 * 96 + 64, 128),
            nn.ReLU(),
            nn.Linear(128, PARTS["look"]),
        )
        self.rows = nn.Linear(TEXTURE_SIDE * TEXTURE_SIDE, 64)

    def parts(self, texture, meaning, pixels):
        """-> the parts by name, each [B, its width], of unit length."""
        where = self.attention(texture, meaning, pixels)
        fine = F.interpolate(where, scale_factor=2.0, mode="nearest") / 4
        colour = (self.colours(pixels) * fine).flatten(2).sum(-1)
        states = F.relu(self.meaning(meaning)).flatten(2)  # [B, 192, 64]
        focus = self.focus(states.unflatten(2, (MEANING_SIDE, MEANING_SIDE))).flatten(2).softmax(-1)
        pooled = torch.cat([(states @ focus.transpose(1, 2)).flatten(1), states.mean(-1)], 1)
        looks = F.relu(self.texture(texture))
        spread = self.rows(where.flatten(1) * 64)
        look = torch.cat([(looks * where).flatten(2).sum(-1), looks.flatten(2).mean(-1), spread], 1)
        return {
            "colour": F.normalize(self.colour(colour), dim=-1),
            "object": F.normalize(self.object(pooled), dim=-1),
            "look": F.normalize(self.look(look), dim=-1),
        }

    def forward(self, texture, meaning, pixels):
        return torch.cat(list(self.parts(texture, meaning, pixels).values()), -1)


class TextBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, self.heads = config.text_width, config.text_heads
        self.attention_norm, self.feed_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, mask):
        count, length, width = x.shape
        q, k, v = self.qkv(self.attention_norm(x)).chunk(3, -1)
        split = (count, length, self.heads, width // self.heads)
        q, k, v = (value.reshape(split).transpose(1, 2) for value in (q, k, v))
        weights = (q @ k.transpose(-1, -2) * (width // self.heads) ** -0.5 + mask).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(count, length, width))
        hidden = self.up(self.feed_norm(x))
        return x + self.down(hidden * torch.sigmoid(1.702 * hidden))


class TextEncoder(nn.Module):
    """CLIP's text tower: causal, pre-norm, QuickGELU, pooled at the end-of-text token."""

    def __init__(self, config):
        super().__init__()
        self.positions = nn.Parameter(0.1 * torch.randn(config.context_length, config.text_width))
        self.blocks = nn.ModuleList(TextBlock(config) for _ in range(config.text_layers))
        self.final_norm = nn.LayerNorm(config.text_width)
        self.projection = nn.Linear(config.text_width, config.embedding_width, bias=False)

    def forward(self, inputs_embeds, end):
        """Token embeddings [B, n, W], index of end-of-text [B] -> [B, D], not normalised."""
        length = inputs_embeds.shape[1]
        x = inputs_embeds + self.positions[:length]
        places = torch.arange(length, device=x.device)
        mask = torch.where(places[None, :] > places[:, None], -1e4, 0.0)
        for block in self.blocks:
            x = block(x, mask)
        pooled = x.gather(1, end[:, None, None].expand(-1, 1, x.shape[-1]))[:, 0]
        return self.projection(self.final_norm(pooled))


class DualEncoder(nn.Module):
    """`pieces` [V, W]: the frozen embeddings of the word pieces."""

    def __init__(self, config, pieces):
        super().__init__()
        self.config = config
        self.register_buffer("pieces", torch.as_tensor(pieces, dtype=torch.float32), persistent=False)
        self.special = nn.Parameter(self.pieces.std() * torch.randn(2, config.text_width))  # start, end of text
        self.image, self.text = ImageHead(), TextEncoder(config)
        self.log_scale = nn.Parameter(torch.tensor(20.0).log())

    @property
    def logit_scale(self):
        return self.log_scale.exp().clamp(max=100)

    def token_embedding(self):
        """[V + 2, W]; the rows after the pieces begin and end a text."""
        return torch.cat([self.pieces, self.special])

    def encode_texts(self, texts, tokenize):
        """Strings -> [B, D], not normalised; `tokenize` gives word-piece ids without start and end."""
        rows = [[len(self.pieces), *tokenize(text), len(self.pieces) + 1] for text in texts]
        end = torch.tensor([len(row) - 1 for row in rows])
        ids = torch.zeros(len(rows), int(end.max()) + 1, dtype=torch.long)
        for padded, row in zip(ids, rows):
            padded[: len(row)] = torch.tensor(row)
        return self.text(self.token_embedding()[ids], end)


def save_model(path, model):
    torch.save({"model": model.state_dict(), "config": asdict(model.config)}, path)


def load_model(path, pieces):
    stored = torch.load(path, map_location="cpu")
    model = DualEncoder(Config(**stored["config"]), pieces)
    model.load_state_dict(stored["model"])
    return model.eval()
