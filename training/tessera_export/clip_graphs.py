"""The graphs of a CLIP bundle, from the weights of a Hugging Face folder."""

import math
from types import SimpleNamespace

import torch

from tessera_composition.export import EncoderGraph, StepGraph
from tessera_export.clip_layers import TowerWeights, VisionLayers
from tessera_export.clip_weights import WeightsBeside
from tessera_training.contract import read_contract
from tessera_training.graph import Graph

# --- text


def text_block(weights, index):
    """A layer as TextGraph reads it."""
    block = weights.block(index)
    parts = (block.query, block.key, block.value)
    joined = {name: torch.cat([getattr(part, name) for part in parts]) for name in ("weight", "bias")}
    block.qkv = SimpleNamespace(**joined)
    return block


def text_tower(source, config):
    """What TextGraph takes for an encoder."""
    weights, width = TowerWeights(source, "text_model.", config.text), config.text.width
    projection = source.tensor("text_projection.weight", config.embedding_width, width)
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


def text_graphs(source, config, weight_file):
    """-> models of text_encoder and soft_prompt_step over the same weights"""
    return [text_graph(kind, source, config, weight_file) for kind in (ClipEncoderGraph, ClipStepGraph)]


def text_graph(kind, source, config, weight_file, computes_in_half=False):
    encoder = text_tower(source, config)
    return kind(config.text.activation, weight_file, computes_in_half, encoder, config.text.heads).build()


# --- images


class ClipImageGraph(WeightsBeside, Graph):
    """pixels uint8 [B, S, S, 3] -> image_embeds [B, D], not normalised."""

    def __init__(self, weight_file, config, computes_in_half):
        self.config, self.tower = config, config.vision
        sizes = {"image_size": config.image_size, "embedding_width": config.embedding_width}
        contract = read_contract("dual-encoder", "image_encoder", **sizes)
        super().__init__(weight_file, computes_in_half, "image_encoder", contract)

    def build(self, source, preprocessing):
        config, tower = self.config, self.tower
        layers = VisionLayers(self, TowerWeights(source, "vision_model.", tower))
        planes = layers.planes("pixels", preprocessing.mean, preprocessing.std)
        x = layers.tokens(planes, config.image_size, config.patch_size)
        for index in range(tower.layers):
            # Nothing else of the last one is read.
            x = layers.block(x, index, self.attend, has_class_token_alone=index == tower.layers - 1)
        final_norm = layers.weights.norm("post_layernorm")
        pooled = layers.norm(self.reshape(x, -1, tower.width), "post_norm", final_norm)
        projection = source.tensor("visual_projection.weight", config.embedding_width, tower.width)
        self.output("image_embeds", self.single(self.matmul(pooled, "projection", projection)))
        return self.model()

    def attend(self, query, key, value):
        return self.node("MultiHeadAttention", query, key, value, fused=True, num_heads=self.tower.heads)


def image_graph(source, config, preprocessing, weight_file, computes_in_half=False):
    return ClipImageGraph(weight_file, config, computes_in_half).build(source, preprocessing)
