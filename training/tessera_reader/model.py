"""The reader: the first layers of SmolLM2 over the raw text, and heads on the state of a last token, SEG.

    [" " + text][SEG]  ->  what is asked for

Attention is fine-tuned, the feed-forward layers and the token embeddings stay as they were, in 4-bit blocks: what the
model knows about words is kept, and their file in the repository never changes. Once attention is trained it is frozen
too, and adapters of low rank are trained beside it.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from tessera_reader.sentences import DEPTHS, MANY, NAMES, PLACES, TAGS
from tessera_reader.smollm import EPSILON, WIDTH, load_block, rotary_table, tokenizer_of
from tessera_reader.words import COLOURS
from tessera_training.blocks import quantize
from tessera_training.classes import CLASS_COUNT

MAX_TOKENS = 48
HIDDEN = -1e4  # added to the attention logit of what a token may not see
SLOTS = ("targets", "first", "second", "excluded")  # of classes
TAG_WIDTH = 192
OUTPUTS = {  # of SEG
    "classes": (len(SLOTS), CLASS_COUNT),
    "number": (MANY + 1,),
    "colours": (len(PLACES), len(COLOURS)),
    "names": (len(NAMES),),
    "depth": (len(DEPTHS),),
    "english": (1,),
}


@dataclass
class Config:
    layers: int = 12


class Adapted(nn.Module):
    """A frozen product and a trained one of low rank beside it (LoRA, Hu et al. 2021, section 4.1)."""

    def __init__(self, product, rank):
        super().__init__()
        self.product = product.requires_grad_(False)
        self.lora_down = nn.Linear(product.in_features, rank, bias=False)
        self.lora_up = nn.Linear(rank, product.out_features, bias=False)
        nn.init.zeros_(self.lora_up.weight)

    def forward(self, x):
        return self.product(x) + self.lora_up(self.lora_down(x))


class Reader(nn.Module):
    def __init__(self, embeddings, blocks):
        super().__init__()
        self.register_buffer("embeddings", embeddings, persistent=False)  # [vocabulary, WIDTH]
        self.blocks = nn.ModuleList(blocks)
        self.seg = nn.Parameter(embeddings[2].clone())  # as the end of a message
        self.seg_norm = nn.Parameter(torch.full((WIDTH,), 1.0))
        self.tag_norm = nn.Parameter(torch.full((WIDTH,), 1.0))
        self.heads = nn.ModuleDict(
            {name: nn.Linear(WIDTH, torch.Size(shape).numel()) for name, shape in OUTPUTS.items()}
        )
        self.tag_token, self.tag_seg = nn.Linear(WIDTH, TAG_WIDTH), nn.Linear(WIDTH, TAG_WIDTH, bias=False)
        self.tag_out = nn.Linear(TAG_WIDTH, len(TAGS))
        with torch.no_grad():
            for name in ("classes", "colours"):
                self.heads[name].weight.mul_(0.3)
                self.heads[name].bias.fill_(-4)
        for block in self.blocks:
            for frozen in (block.gate_up, block.down):
                frozen.weight.requires_grad_(False)

    def adapt(self, rank):
        """Freezes attention as it is and puts adapters beside its products."""
        for block in self.blocks:
            block.qkv, block.out = Adapted(block.qkv, rank), Adapted(block.out, rank)

    def forward(self, ids, lengths):
        """Token ids [B, T], padded, and lengths [B] -> outputs by name [B, …] and "tags" [B, T, TAGS]."""
        batch, count = ids.shape
        x = F.embedding(ids, self.embeddings)
        x = torch.cat([x, torch.zeros_like(x[:, :1])], 1)
        place = torch.arange(count + 1, device=ids.device)
        x = torch.where((place == lengths[:, None])[..., None], self.seg, x)
        bias = torch.full((count + 1, count + 1), HIDDEN, device=ids.device).triu(1)
        rotary = rotary_table(count + 1, ids.device)
        for block in self.blocks:
            x = block(x, rotary, bias)
        seg = F.rms_norm(x[torch.arange(batch), lengths], (WIDTH,), self.seg_norm, EPSILON)
        outputs = {name: self.heads[name](seg).unflatten(-1, shape) for name, shape in OUTPUTS.items()}
        tokens = F.rms_norm(x[:, :count], (WIDTH,), self.tag_norm, EPSILON)
        outputs["tags"] = self.tag_out(F.silu(self.tag_token(tokens) + self.tag_seg(seg)[:, None]))
        return outputs


FROZEN_BITS = 4


def new_reader(weights, config=None):
    """The reader before training, with its frozen weights as they are served."""
    config = config or Config()
    embeddings = quantize(weights["token_embd.weight"], FROZEN_BITS).weight()
    blocks = [load_block(weights, number) for number in range(config.layers)]
    for block in blocks:
        for frozen in (block.gate_up, block.down):
            frozen.weight.data = quantize(frozen.weight.data, FROZEN_BITS).weight()
    return Reader(embeddings, blocks)


def load_reader(weights, checkpoint):
    """The reader with what training made of it."""
    model = new_reader(weights)
    restore(model, torch.load(checkpoint))
    return model


def restore(model, stored):
    """Gives a new reader what a checkpoint holds, adapters included if it has any."""
    down = stored["model"].get("blocks.0.qkv.lora_down.weight")
    if down is not None:
        model.adapt(len(down))
    model.load_state_dict(stored["model"], strict=False)


class Batcher:
    """Turns sentences into tensors."""

    def __init__(self, weights):
        self.tokenizer = tokenizer_of(weights)

    def encode(self, text):
        """-> ids, (start, end) of each in the text"""
        encoding = self.tokenizer.encode(f" {text}")
        offsets = [(max(0, start - 1), max(0, end - 1)) for start, end in encoding.offsets]
        return encoding.ids[:MAX_TOKENS], offsets[:MAX_TOKENS]

    def batch(self, sentences):
        rows = [self.encode(sentence.text) for sentence in sentences]
        lengths = torch.tensor([len(ids) for ids, _ in rows])
        count = int(lengths.max())
        ids = torch.zeros(len(rows), count, dtype=torch.long)
        tags = torch.full((len(rows), count), -100)
        classes = torch.zeros(len(rows), len(SLOTS), CLASS_COUNT)
        colours = torch.zeros(len(rows), len(PLACES), len(COLOURS))
        for r, (sentence, (own, offsets)) in enumerate(zip(sentences, rows)):
            ids[r, : len(own)] = torch.tensor(own)
            tags[r, : len(own)] = torch.tensor([tag_of(sentence, *offset) for offset in offsets])
            for s, slot in enumerate(SLOTS):
                classes[r, s, list(getattr(sentence, slot))] = 1
            for place, colour in sentence.colours:
                colours[r, PLACES.index(place), COLOURS.index(colour)] = 1
        return {
            "ids": ids,
            "lengths": lengths,
            "tags": tags,
            "classes": classes,
            "colours": colours,
            "number": torch.tensor([sentence.number for sentence in sentences]),
            "names": torch.tensor([NAMES.index(sentence.names) for sentence in sentences]),
            "depth": torch.tensor([DEPTHS.index(sentence.depth) for sentence in sentences]),
            "english": torch.tensor([[float(sentence.english)] for sentence in sentences]),
        }


def tag_of(sentence, start, end):
    """The tag of the characters [start, end): of the marked span that holds most of them."""
    for first, last, tag in sentence.tags:
        if min(last, end) - max(first, start) > 0:
            return TAGS.index(tag)
    return 0
