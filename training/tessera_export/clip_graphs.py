"""The graphs of a CLIP bundle, from the tensors of a Hugging Face folder."""

import math
from types import SimpleNamespace

import numpy as np
import torch

from tessera_composition.export import EncoderGraph, StepGraph
from tessera_export.clip_weights import WeightsBeside
from tessera_training.contract import read_contract
from tessera_training.graph import FLOAT, Graph

QUICK_GELU = 1.702


class TowerWeights:
    """Tensors of one tower by transformers' names, read when they are asked for."""

    def __init__(self, folder, prefix, tower):
        self.folder, self.prefix, self.tower = folder, prefix, tower

    def tensor(self, name, *shape):
        return self.folder.tensor(f"{self.prefix}.{name}", *shape)

    def norm(self, name):
        width = self.tower.width
        weight, bias = (self.tensor(f"{name}.{part}", width) for part in ("weight", "bias"))
        return SimpleNamespace(weight=weight, bias=bias, eps=self.tower.epsilon)

    def linear(self, name, out, width):
        return SimpleNamespace(weight=self.tensor(f"{name}.weight", out, width), bias=self.tensor(f"{name}.bias", out))

    def block(self, index):
        layer, width, feed = f"encoder.layers.{index}", self.tower.width, self.tower.feed_width
        query, key, value, out = (
            self.linear(f"{layer}.self_attn.{part}_proj", width, width) for part in ("q", "k", "v", "out")
        )
        return SimpleNamespace(
            attention_norm=self.norm(f"{layer}.layer_norm1"),
            feed_norm=self.norm(f"{layer}.layer_norm2"),
            query=query,
            key=key,
            value=value,
            out=out,
            up=self.linear(f"{layer}.mlp.fc1", feed, width),
            down=self.linear(f"{layer}.mlp.fc2", width, feed),
        )


# --- text


def text_block(weights, index):
    """A layer as TextGraph reads it."""
    block = weights.block(index)
    parts = (block.query, block.key, block.value)
    joined = {name: torch.cat([getattr(part, name) for part in parts]) for name in ("weight", "bias")}
    block.qkv = SimpleNamespace(**joined)
    return block


def text_tower(folder, config):
    """What TextGraph takes for an encoder."""
    weights, width = TowerWeights(folder, "text_model", config.text), config.text.width
    projection = folder.tensor("text_projection.weight", config.embedding_width, width)
    return SimpleNamespace(
        positions=weights.tensor("embeddings.position_embedding.weight", config.context_length, width),
        blocks=[text_block(weights, index) for index in range(config.text.layers)],
        final_norm=weights.norm("final_layer_norm"),
        projection=SimpleNamespace(weight=projection, out_features=config.embedding_width),
    )


class Activation:
    """For a TextGraph whose feed-forward layers have the activation of a checkpoint."""

    def __init__(self, activation, *arguments):
        self.activation = activation
        super().__init__(*arguments)

    def activate(self, x):
        return self.gelu(x) if self.activation == "gelu" else super().activate(x)

    def gelu(self, x):
        """x Φ(x); its derivative is Φ(x) + x φ(x)."""
        below = self.scaled(self.add(self.node("Erf", self.scaled(x, math.sqrt(0.5))), self.constant(1)), 0.5)

        def backward(gradient):
            density = self.scaled(self.node("Exp", self.scaled(self.mul(x, x), -0.5)), (2 * math.pi) ** -0.5)
            return self.mul(gradient, self.add(below, self.mul(x, density)))

        return self.mul(x, below), backward


class ClipEncoderGraph(Activation, WeightsBeside, EncoderGraph):
    pass


class ClipStepGraph(Activation, WeightsBeside, StepGraph):
    pass


def text_graphs(folder, config, weight_file):
    """-> models of text_encoder and soft_prompt_step over the same weights"""
    return [text_graph(kind, folder, config, weight_file) for kind in (ClipEncoderGraph, ClipStepGraph)]


def text_graph(kind, folder, config, weight_file, computes_in_half=False):
    encoder = text_tower(folder, config)
    return kind(config.text.activation, weight_file, computes_in_half, encoder, config.text.heads).build()


# --- images


class ClipImageGraph(WeightsBeside, Graph):
    """pixels uint8 [B, S, S, 3] -> image_embeds [B, D], not normalised."""

    def __init__(self, weight_file, config, computes_in_half):
        self.config, self.tower = config, config.vision
        sizes = {"image_size": config.image_size, "embedding_width": config.embedding_width}
        contract = read_contract("dual-encoder", "image_encoder", **sizes)
        super().__init__(weight_file, computes_in_half, "image_encoder", contract)

    def build(self, folder, preprocessing):
        weights = TowerWeights(folder, "vision_model", self.tower)
        x = self.tokens(self.planes(preprocessing), weights)
        x = self.layer_norm(x, "pre_norm", weights.norm("pre_layrnorm"))
        for index in range(self.tower.layers):
            x = self.block(x, f"blocks.{index}", weights.block(index), is_last=index == self.tower.layers - 1)
        pooled = self.layer_norm(self.reshape(x, -1, self.tower.width), "post_norm", weights.norm("post_layernorm"))
        projection = folder.tensor("visual_projection.weight", self.config.embedding_width, self.tower.width)
        self.output("image_embeds", self.single(self.matmul(pooled, "projection", projection)))
        return self.model()

    def planes(self, preprocessing):
        """-> normalised pixels [B, 3, S, S]"""
        mean, std = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.std)
        scaled = self.mul(self.cast("pixels", FLOAT), self.constant(1 / (255 * std), np.float32))
        normalised = self.add(scaled, self.constant(-mean / std, np.float32))
        return self.as_states(self.node("Transpose", normalised, perm=[0, 3, 1, 2]))

    def tokens(self, planes, weights):
        """-> [B, 1 + patches, W], the class token first"""
        patch, width = self.config.patch_size, self.tower.width
        cells = (self.config.image_size // patch) ** 2
        kernel = self.weight("patches", weights.tensor("embeddings.patch_embedding.weight", width, 3, patch, patch))
        map_ = self.node("Conv", planes, kernel, kernel_shape=[patch, patch], strides=[patch, patch])
        patches = self.node("Transpose", self.reshape(map_, 0, width, cells), perm=[0, 2, 1])
        class_token = self.weight("class_token", weights.tensor("embeddings.class_embedding", width)[None, None])
        classes = self.expand(class_token, self.size("pixels", 0), self.integers(1), self.integers(1))
        positions = weights.tensor("embeddings.position_embedding.weight", 1 + cells, width)
        return self.add(self.concat(classes, patches, axis=1), self.weight("positions", positions))

    def block(self, x, name, block, is_last):
        """The last one gives the class token alone, [B, 1, W]: nothing else of it is read."""
        normal = self.layer_norm(x, f"{name}.attention_norm", block.attention_norm)
        read = normal
        if is_last:
            x, read = (self.slice(value, 0, 1, 1) for value in (x, normal))
        query = self.linear(read, f"{name}.query", block.query)
        key, value = (self.linear(normal, f"{name}.{part}", getattr(block, part)) for part in ("key", "value"))
        context = self.node("MultiHeadAttention", query, key, value, fused=True, num_heads=self.tower.heads)
        x = self.add(x, self.linear(context, f"{name}.out", block.out))
        hidden = self.linear(self.layer_norm(x, f"{name}.feed_norm", block.feed_norm), f"{name}.up", block.up)
        return self.add(x, self.linear(self.activate(hidden), f"{name}.down", block.down))

    def activate(self, x):
        if self.tower.activation == "gelu":
            return self.node("Gelu", x)
        return self.node("QuickGelu", x, alpha=QUICK_GELU, fused=True)

    def layer_norm(self, x, name, layer):
        scale, shift = self.weight(f"{name}.weight", layer.weight), self.weight(f"{name}.bias", layer.bias)
        return self.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=layer.eps)


def image_graph(folder, config, preprocessing, weight_file, computes_in_half=False):
    return ClipImageGraph(weight_file, config, computes_in_half).build(folder, preprocessing)
