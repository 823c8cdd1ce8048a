"""The layers of CLIP's vision tower, which graphs that read different parts of it are made of."""

from types import SimpleNamespace

import numpy as np

from tessera_training.graph import FLOAT

QUICK_GELU = 1.702


class TowerWeights:
    """Tensors of one tower by transformers' names, read when they are asked for. `source` gives a tensor by its name,
    prefix included, and the shape that it has to have."""

    def __init__(self, source, prefix, tower):
        self.source, self.prefix, self.tower = source, prefix, tower

    def tensor(self, name, *shape):
        return self.source.tensor(f"{self.prefix}{name}", *shape)

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


class VisionLayers:
    """Adds the layers to a graph."""

    def __init__(self, graph, weights):
        self.graph, self.tower, self.weights = graph, weights.tower, weights

    def planes(self, pixels, mean, std):
        """uint8 [B, S, S, 3] -> normalised pixels [B, 3, S, S]"""
        graph, mean, std = self.graph, np.array(mean), np.array(std)
        scaled = graph.mul(graph.cast(pixels, FLOAT), graph.constant(1 / (255 * std), np.float32))
        normalised = graph.add(scaled, graph.constant(-mean / std, np.float32))
        return graph.as_states(graph.node("Transpose", normalised, perm=[0, 3, 1, 2]))

    def tokens(self, planes, side, patch):
        """-> [B, 1 + patches, W], the class token first"""
        graph, weights, width = self.graph, self.weights, self.tower.width
        cells = (side // patch) ** 2
        kernel = graph.weight("patches", weights.tensor("embeddings.patch_embedding.weight", width, 3, patch, patch))
        map_ = graph.node("Conv", planes, kernel, kernel_shape=[patch, patch], strides=[patch, patch])
        patches = graph.node("Transpose", graph.reshape(map_, 0, width, cells), perm=[0, 2, 1])
        class_token = graph.weight("class_token", weights.tensor("embeddings.class_embedding", width)[None, None])
        classes = graph.expand(class_token, graph.size(planes, 0), graph.integers(1), graph.integers(1))
        positions = weights.tensor("embeddings.position_embedding.weight", 1 + cells, width)
        placed = graph.add(graph.concat(classes, patches, axis=1), graph.weight("positions", positions))
        return self.norm(placed, "pre_norm", weights.norm("pre_layrnorm"))

    def block(self, x, index, attend, has_class_token_alone=False):
        """`attend`: from queries, keys and values to the context. With the class token alone, [B, 1, W] comes out."""
        graph, name, block = self.graph, f"blocks.{index}", self.weights.block(index)
        normal = self.norm(x, f"{name}.attention_norm", block.attention_norm)
        read = normal
        if has_class_token_alone:
            x, read = (graph.slice(value, 0, 1, 1) for value in (x, normal))
        query = graph.linear(read, f"{name}.query", block.query)
        key, value = (graph.linear(normal, f"{name}.{part}", getattr(block, part)) for part in ("key", "value"))
        x = graph.add(x, graph.linear(attend(query, key, value), f"{name}.out", block.out))
        hidden = graph.linear(self.norm(x, f"{name}.feed_norm", block.feed_norm), f"{name}.up", block.up)
        return graph.add(x, graph.linear(self.activate(hidden), f"{name}.down", block.down))

    def activate(self, x):
        if self.tower.activation == "gelu":
            return self.graph.node("Gelu", x)
        return self.graph.node("QuickGelu", x, alpha=QUICK_GELU, fused=True)

    def norm(self, x, name, layer):
        graph = self.graph
        scale, shift = graph.weight(f"{name}.weight", layer.weight), graph.weight(f"{name}.bias", layer.bias)
        return graph.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=layer.eps)
