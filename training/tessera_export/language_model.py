"""A LLaMA with an image in its prompt as one graph: clustering, scattering and pruning of its image tokens inside.

    prefix int64 [P]            tokens before the image
    image_embeddings [1, N, width]
    text int64 [Q, T]           tokens after the image of each query, padded with anything at their ends
    lengths int64 [Q]           how many of them there are; the state of the last one is read
    priority [N]                rank of the image tokens for the first layer, the highest first
    image_tokens int64 [layers] how many image tokens enter each layer

In layer 0 the image tokens of highest priority take part. Where the number falls, every query keeps those that its
last token attended to most in the layer before, on the mean of the heads; where it grows, it has to grow to N, all come
back, and this only before it first falls. Those that come back have their embeddings, the others the states that they
have reached (scatter rule "skip"). Rotary positions are those in the whole prompt.

The tokens before the image go with its tokens: the queries share them until the number falls, and none is dropped.
"""

from dataclasses import dataclass

import numpy as np
import torch

from tessera_export.checkpoint import require
from tessera_training.contract import Contract
from tessera_training.decoder_layers import DecoderLayers, Sizes
from tessera_training.graph import FLOAT, INT64
from tessera_training.model import HIDDEN

PARTS = {
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "out": "self_attn.o_proj",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}
NORMS = {"attention_norm": "input_layernorm", "feed_norm": "post_attention_layernorm"}
# What the graph does, where config.json may ask for something else.
IMPLEMENTED = {
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "sliding_window": None,
    "partial_rotary_factor": 1,
    "quantization_config": None,
}
LARGEST = 2  # added to an attention weight so that it ranks before all others


@dataclass
class LlamaConfig:
    layers: int
    width: int
    heads: int
    key_heads: int
    hidden: int
    vocabulary: int
    epsilon: float
    theta: float
    positions: int  # most tokens of a prompt

    @classmethod
    def read(cls, config):
        """`config`: Fields of the `config.json` of a Hugging Face folder"""
        rope = config.part("rope_scaling" if config.values.get("rope_scaling") else "rope_parameters")
        kind = rope.values.get("rope_type", rope.values.get("type", "default"))
        require(kind == "default", f"{config.file} scales rotary positions by {kind}, which is not supported")
        rope.require({"partial_rotary_factor": 1})
        width, heads = config.count("hidden_size"), config.count("num_attention_heads")
        key_heads = config.count("num_key_value_heads", heads)
        require(
            width % (2 * heads) == 0 and heads % key_heads == 0,
            f"{heads} attention heads and {key_heads} of keys do not divide the hidden_size {width} of {config.file}",
        )
        config.require(IMPLEMENTED | {"head_dim": width // heads})
        return cls(
            layers=config.count("num_hidden_layers"),
            width=width,
            heads=heads,
            key_heads=key_heads,
            hidden=config.count("intermediate_size"),
            vocabulary=config.count("vocab_size"),
            epsilon=config.number("rms_norm_eps"),
            theta=config.number("rope_theta", rope.number("rope_theta", 10_000.0)),
            positions=min(config.count("max_position_embeddings", 2048), 4096),
        )

    def sizes(self):
        return Sizes(self.layers, self.width, self.heads, self.key_heads, self.epsilon)


def language_contract(config, image_tokens, outputs):
    inputs = {
        "prefix": (INT64, ["prefix_tokens"]),
        "image_embeddings": (FLOAT, [1, image_tokens, config.width]),
        "text": (INT64, ["queries", "text_tokens"]),
        "lengths": (INT64, ["queries"]),
        "priority": (FLOAT, [image_tokens]),
        "image_tokens": (INT64, [config.layers]),
    }
    return Contract(inputs, outputs | {"tokens": (INT64, ["token_rows", "tokens_seen"])})


class LanguageModel(DecoderLayers):
    def __init__(self, graph, config, weights):
        """`weights` by their names in a LLaMA of transformers, such as `model.layers.0.mlp.up_proj.weight`"""
        self.config, self.weights = config, weights
        half = graph.precision != "float32"
        table = graph.weight("embed_tokens", weights["model.embed_tokens.weight"], half=half)
        tokens = [graph.cast(graph.gather(table, ids), graph.type) for ids in ("prefix", "text")]
        self.before = graph.size("prefix", 0)
        image = graph.node("Squeeze", graph.cast("image_embeddings", graph.type), graph.integers(0))
        embeddings = graph.concat(tokens[0], image, axis=0)
        every = graph.unsqueeze(graph.range(graph.size(embeddings, 0)), 0)
        seg = graph.unsqueeze(graph.node("Sub", "lengths", graph.integers(1)), 1)
        super().__init__(graph, config.sizes(), self.rotary_tables(graph), every, embeddings, tokens[1], seg)
        self.bias = self.causal_bias()

    def rotary_tables(self, graph):
        size = self.config.width // self.config.heads
        frequencies = self.config.theta ** (-torch.arange(0, size, 2, dtype=torch.float32) / size)
        angles = torch.arange(self.config.positions)[:, None] * frequencies
        return [graph.weight("rotary.cos", angles.cos()), graph.weight("rotary.sin", angles.sin())]

    def product(self, x, number, part):
        name = f"model.layers.{number}.{PARTS[part]}.weight"
        return self.graph.product(x, name, self.weights[name])

    def norm_weight(self, number, part):
        name = f"model.layers.{number}.{NORMS[part]}.weight"
        return self.graph.weight(name, self.weights[name])

    def decode(self):
        """-> the normalised states of the last tokens [Q, width], tokens [1 or Q, sum over layers]"""
        graph = self.graph
        # Tokens before the image count as image tokens that every layer has.
        self.image_tokens = graph.add("image_tokens", self.before)
        highest = graph.add(graph.node("ReduceMax", "priority", graph.integers(0)), graph.constant(1, np.float32))
        priority = graph.concat(graph.expand(highest, self.before), "priority", axis=0)
        self.first = graph.unsqueeze(graph.descending(priority, self.count(0)), 0)
        flow, seen = self.start(), []
        for number in range(self.config.layers):
            seen.append(flow.tokens)
            flow, q, k, v = self.projected(number, flow)
            flow = self.finished(number, flow, q, k, v)
            if number + 1 < self.config.layers:
                (flow,) = self.changed(number + 1, self.summed(flow), q, k)
        groups = graph.size(flow.tokens, 0)
        tokens = [graph.expand(self.of_image(tokens), groups, graph.integers(1)) for tokens in seen]
        norm = graph.weight("model.norm.weight", self.weights["model.norm.weight"])
        states = graph.node("RMSNormalization", self.seg_states(flow), norm, axis=-1, epsilon=self.config.epsilon)
        return states, graph.concat(*tokens, axis=1)

    def ranked(self, weights, flow):
        graph = self.graph
        is_before = graph.cast(graph.node("Less", flow.tokens, self.before), graph.type)
        return graph.add(weights, graph.scaled(is_before, LARGEST))

    def of_image(self, tokens):
        """Places in the prompt [groups, P + n] -> places in the image [groups, n]"""
        graph = self.graph
        end = graph.size(tokens, 1)
        return graph.node("Sub", graph.slice(tokens, self.before, end, 1), self.before)

    def causal_bias(self):
        """[1, 1, M + Q T, M + Q T] with M tokens before the text: each sees what precedes it, a text its own query."""
        graph = self.graph
        place = graph.range(graph.add(self.all, graph.size(self.text, 1)))
        owner = graph.node("Div", graph.node("Sub", place, self.all), self.length)
        is_shared = graph.node("Less", place, self.all)
        later, owning = graph.unsqueeze(place, 1), graph.unsqueeze(owner, 1)
        visible = graph.node("Or", graph.equal(owning, owner), is_shared)
        visible = graph.node("And", visible, graph.node("GreaterOrEqual", later, place))
        bias = graph.node("Where", visible, graph.constant(0), graph.constant(HIDDEN))
        return graph.unsqueeze(bias, 0, 1)
