"""The decoder as nodes of the exported graph; pruning.py is its readable version.

Image and text tokens are the rows of one matrix per group. While the queries share their image tokens there is one
group, [image tokens][text of query 1][text of query 2]…; once each has chosen its own there is a group per query,
[its image tokens][its text]. Layers do not know the difference: positions and attention bias tell it.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from tessera_training.graph import BOOL, END, FLOAT, INT64
from tessera_training.model import HIDDEN, IMAGE_TOKENS, rotary_table
from tessera_training.scenes import REGIONS

ROWS = 1024  # image and text tokens of all queries together, at most; the operator wants as many rotary positions
RESULTS = (FLOAT, FLOAT, INT64)  # SEG [Q, width], region states [1 or Q, 64, width], tokens [1 or Q, sum over layers]


@dataclass
class Flow:
    """What goes from layer to layer: names of tensors."""

    x: str  # states [groups, n + text, width]
    added: str | None  # what the last layer adds to x and nobody has added yet
    tokens: str  # the image tokens that take part [groups, n]
    positions: str  # [groups, n + text]
    bias: str  # of the attention logits [1, 1, n + text, n + text]
    apart: bool | None = False  # whether there is a group per query; None: known when the graph runs


class DecoderGraph:
    def __init__(self, graph, model, embeddings, centres, text, seg):
        """embeddings [N, width], what makes their boxes' centres [N, 2], text [Q, T, width], index of SEG [Q, 1]."""
        self.graph, self.model, self.config = graph, model, model.config
        self.embeddings, self.centres, self.seg = embeddings, centres, seg
        self.end = self.config.cluster_layers + self.config.scatter_layers
        tables = rotary_table(torch.arange(ROWS), self.config.width // self.config.heads)
        self.rotary = [graph.constant(table.numpy()) for table in tables]
        self.every = graph.constant(np.arange(IMAGE_TOKENS)[None], np.int64)
        self.all = graph.integers(IMAGE_TOKENS)
        self.queries, self.length = graph.size(text, 0), graph.size(text, 1)
        self.text = graph.reshape(text, 1, -1, self.config.width)
        self.query = graph.unsqueeze(graph.range(self.queries), 1)  # [Q, 1]
        self.place = graph.unsqueeze(graph.range(self.length), 0)  # [1, T]
        self.own_positions = graph.expand(graph.add(self.place, self.all), self.queries, self.length)  # [Q, T]
        self.text_positions = graph.reshape(self.own_positions, 1, -1)
        self.bias = self.full_bias()

    def decode(self, priority, image_tokens, rule):
        """Inputs of the graph, see export.py -> RESULTS."""
        graph, config = self.graph, self.config
        self.rule, self.image_tokens = rule, image_tokens
        self.first = graph.unsqueeze(graph.descending(priority, self.count(0)), 0)
        stages = [0] * config.cluster_layers + [config.layers] * config.scatter_layers
        stages += [config.layers - 1] * (config.layers - self.end)  # where in image_tokens and N a layer's number is

        def others():
            staged = graph.gather(graph.concat(image_tokens, self.all, axis=0), graph.integers(*stages))
            is_staged = self.holds(graph.equal(image_tokens, staged))
            falls = self.less(self.count(config.layers - 1), self.all)  # else the queries go on sharing
            return graph.choose(graph.node("And", is_staged, falls), self.staged, self.any, RESULTS)

        is_constant = self.holds(graph.equal(image_tokens, self.count(0)))
        return graph.choose(is_constant, self.constant, others, RESULTS)

    # --- three ways through the layers

    def constant(self):
        """The same tokens in all layers: `off` and methods whose tokens never return."""
        flow = self.start()
        for number in range(self.config.layers):
            if number == self.end:
                flow = self.summed(flow)
                regions = self.region_states(self.graph.unsqueeze(self.embeddings, 0), flow)
            flow = self.layer(number, flow)
        return self.seg_states(flow), regions, self.graph.node("Tile", self.first, self.graph.integers(1, number + 1))

    def staged(self):
        """Clustering, scattering, pruning. What is pruned is known before scattering ends, so its last layer finishes
        only the tokens that somebody reads: regions, text, and what any query keeps."""
        graph, config = self.graph, self.config
        flow = self.start()
        for number in range(self.end):
            if number == config.cluster_layers:
                flow = self.all_return(self.summed(flow))
            flow, q, k, v = self.projected(number, flow)
            if number < self.end - 1:
                flow = self.finished(number, flow, q, k, v)
        kept = self.most_attended(q, k, flow, self.count(self.end))
        chosen = graph.reshape(kept, -1, 1)
        is_region = graph.constant(np.repeat([0, 1], [IMAGE_TOKENS - REGIONS, REGIONS]), np.int64)
        ones = graph.expand(graph.integers(1), graph.size(chosen, 0))
        is_read = graph.node("ScatterND", is_region, chosen, ones)
        read = graph.reshape(graph.node("NonZero", is_read), -1)
        place = graph.node("Sub", graph.node("CumSum", is_read, graph.constant(0, np.int64)), graph.integers(1))
        text = graph.range(graph.size(flow.positions, 1))
        rows = graph.concat(read, graph.slice(text, IMAGE_TOKENS, END, 0), axis=0)
        flow = replace(flow, x=graph.gather(flow.x, rows, 1), bias=graph.gather(flow.bias, rows, 2))
        flow = self.summed(self.finished(self.end - 1, flow, graph.gather(q, rows, 1), k, v))
        count = graph.size(read, 0)
        regions = graph.slice(flow.x, graph.node("Sub", count, graph.integers(REGIONS)), count, 1)
        flow = self.apart(flow, count, graph.gather(place, kept), kept)
        for number in range(self.end, config.layers):
            flow = self.layer(number, flow)
        shared = graph.concat(*[self.first] * config.cluster_layers, *[self.every] * config.scatter_layers, axis=1)
        shared = graph.expand(shared, self.queries, graph.integers(1))
        tokens = graph.concat(shared, *[kept] * (config.layers - self.end), axis=1)
        return self.seg_states(flow), regions, tokens

    def any(self):
        """The number of tokens may change before any layer."""
        graph = self.graph
        flow, states, seen = self.start(), graph.unsqueeze(self.embeddings, 0), []
        for number in range(self.config.layers):
            if number == self.end:
                regions = self.region_states(states, flow)
            seen.append(flow.tokens)
            flow, q, k, v = self.projected(number, flow)
            flow = self.finished(number, flow, q, k, v)
            if number + 1 < self.config.layers:
                flow, states = self.changed(number + 1, self.summed(flow), states, q, k)
        groups = graph.size(flow.tokens, 0)
        tokens = [graph.expand(tokens, groups, graph.integers(1)) for tokens in seen]
        return self.seg_states(flow), regions, graph.concat(*tokens, axis=1)

    def changed(self, number, flow, states, q, k):
        """`states` [1 or Q, N, width] are those of the tokens that take no part; q, k of the layer before."""
        graph = self.graph
        before, now = self.count(number - 1), self.count(number)
        results = (FLOAT, INT64, INT64, FLOAT, FLOAT)

        def listed(flow, states):
            return flow.x, flow.tokens, flow.positions, flow.bias, states

        def fewer():
            kept = self.most_attended(q, k, flow, now)
            count = graph.size(flow.tokens, 1)
            all_tokens = graph.expand(flow.tokens, self.queries, graph.integers(1))
            tokens = graph.node("GatherElements", all_tokens, kept, axis=1)
            return listed(self.apart(flow, count, kept, tokens), self.stored(states, flow))

        def more():
            return listed(self.all_return(flow), states)

        def either():
            return graph.choose(self.less(now, before), fewer, more, results)

        same = self.holds(graph.equal(now, before))
        x, tokens, positions, bias, states = graph.choose(same, lambda: listed(flow, states), either, results)
        return Flow(x, None, tokens, positions, bias, None), states

    # --- layers

    def layer(self, number, flow):
        return self.finished(number, *self.projected(number, flow))

    def projected(self, number, flow):
        """-> the flow without a rest to add, q and k rotated, v, each [groups, n + text, width]"""
        graph, block, name = self.graph, self.model.blocks[number], f"blocks.{number}"
        normed, x = self.normed(flow, f"{name}.attention_norm", block.attention_norm)
        parts = zip("qkv", block.qkv.weight.chunk(3))
        q, k, v = (graph.matmul(normed, f"{name}.{part}", weight) for part, weight in parts)
        return replace(flow, x=x, added=None), self.rotated(q, flow), self.rotated(k, flow), v

    def finished(self, number, flow, q, k, v):
        """Rows of the flow and their q, and k and v of all tokens -> the rows after the layer"""
        graph, block, name = self.graph, self.model.blocks[number], f"blocks.{number}"
        attended = graph.node("MultiHeadAttention", q, k, v, "", "", flow.bias, num_heads=self.config.heads, fused=True)
        flow = replace(flow, added=graph.matmul(attended, f"{name}.out", block.out.weight))
        normed, x = self.normed(flow, f"{name}.feed_norm", block.feed_norm)
        parts = zip(("gate", "up"), block.gate_up.weight.chunk(2))
        gate, up = (graph.matmul(normed, f"{name}.{part}", weight) for part, weight in parts)
        gated = graph.mul(graph.silu(gate), up)
        return replace(flow, x=x, added=graph.matmul(gated, f"{name}.down", block.down.weight))

    def normed(self, flow, name, layer):
        """-> normalised states, states"""
        graph = self.graph
        if flow.added is None:
            return graph.norm(flow.x, name, layer), flow.x
        inputs = flow.x, flow.added, graph.weight(f"{name}.weight", layer.weight)
        return graph.node("SkipSimplifiedLayerNormalization", *inputs, outputs=(0, 3), epsilon=1e-6, fused=True)

    def rotated(self, x, flow):
        heads = self.config.heads
        return self.graph.node("RotaryEmbedding", x, flow.positions, *self.rotary, num_heads=heads, fused=True)

    # --- between layers

    def start(self):
        graph = self.graph
        image = graph.gather(self.embeddings, self.first)
        positions = graph.concat(self.first, self.text_positions, axis=1)
        bias = graph.slice(self.bias, graph.node("Sub", self.all, self.count(0)), END, 2, 3)
        return Flow(graph.concat(image, self.text, axis=1), None, self.first, positions, bias)

    def summed(self, flow):
        return flow if flow.added is None else replace(flow, x=self.graph.add(flow.x, flow.added), added=None)

    def all_return(self, flow):
        """From some image tokens in one group to all of them."""
        graph = self.graph
        count, index = graph.size(flow.tokens, 1), graph.reshape(flow.tokens, -1, 1)
        image = graph.reshape(graph.slice(flow.x, 0, count, 1), -1, self.config.width)
        kept = graph.node("ScatterND", self.embeddings, index, image)
        is_skip = graph.equal(self.rule, graph.constant(0, np.int64))
        (image,) = graph.choose(is_skip, lambda: [kept], lambda: [self.moved(kept, index)], [FLOAT])
        x = graph.concat(graph.unsqueeze(image, 0), graph.slice(flow.x, count, END, 1), axis=1)
        positions = graph.concat(self.every, self.text_positions, axis=1)
        return Flow(x, None, self.every, positions, self.bias)

    def moved(self, kept, index):
        """Scatter rules but skip; `kept` [N, width] are the selected tokens' states amid embeddings, `index` [n, 1]."""
        graph, embeddings, centres = self.graph, self.embeddings, self.centres()
        selected = graph.reshape(index, -1)
        ends = graph.gather(centres, selected)  # [n, 2]
        products = graph.node("MatMul", centres, graph.node("Transpose", graph.scaled(ends, 2), perm=[1, 0]))
        lengths = graph.node("ReduceSum", graph.mul(ends, ends), graph.integers(1), keepdims=0)
        distances = graph.node("Sub", lengths, products)  # [N, n], squared and less what is the same for all ends
        nearest = graph.gather(selected, graph.node("ArgMin", distances, axis=1, keepdims=0))
        # A token in the same place as a selected one may come first in ArgMin; a selected token stays its own nearest.
        nearest = graph.node("ScatterND", nearest, index, selected)
        copy = graph.gather(kept, nearest)
        residual = graph.add(embeddings, graph.node("Sub", copy, graph.gather(embeddings, nearest)))
        is_selected = graph.equal(nearest, graph.reshape(self.every, -1))
        residual = graph.node("Where", graph.unsqueeze(is_selected, 1), kept, residual)
        image = graph.node("Where", graph.equal(self.rule, graph.integers(2)), residual, embeddings)
        return graph.node("Where", graph.equal(self.rule, graph.integers(1)), copy, image)

    def most_attended(self, q, k, flow, count):
        """Which of a flow's image tokens SEG attends to most, on the mean of the heads: places in it [Q, count]."""
        graph, heads = self.graph, self.config.heads
        size = self.config.width // heads
        image = graph.size(flow.tokens, 1)
        group, text = self.starts(flow, image)
        row = graph.add(text, self.seg)
        q = graph.reshape(graph.gather(self.rows(q), row), -1, heads, 1, size)
        k = graph.node("Transpose", graph.reshape(k, 0, 0, heads, size), perm=[0, 2, 3, 1])
        logits = graph.scaled(graph.node("MatMul", q, k), size**-0.5)  # [Q, heads, 1, n + text]
        bias = graph.gather(graph.node("Squeeze", flow.bias, graph.integers(0, 1)), graph.node("Sub", row, group))
        weights = graph.node("Softmax", graph.add(logits, graph.unsqueeze(bias, 1)), axis=-1)
        weights = graph.node("ReduceMean", weights, graph.integers(1, 2), keepdims=0)
        return graph.descending(graph.slice(weights, 0, image, 1), count)

    def apart(self, flow, count, kept, tokens):
        """A group for every query: `kept` [Q, n] are places among the `count` image rows of the flow, `tokens` [Q, n]
        are the tokens there."""
        graph = self.graph
        group, text = self.starts(flow, count)
        rows = graph.concat(graph.add(kept, group), graph.add(self.place, text), axis=1)
        x = graph.gather(self.rows(flow.x), rows)
        positions = graph.concat(tokens, self.own_positions, axis=1)
        start = graph.node("Sub", self.all, graph.size(tokens, 1))
        bias = graph.slice(self.bias, start, graph.add(self.all, self.length), 2, 3)
        return Flow(x, None, tokens, positions, bias, True)

    # --- where rows are

    def rows(self, x):
        return self.graph.reshape(x, -1, self.config.width)

    def starts(self, flow, count):
        """Of each query the first row of its group and of its text [Q, 1]; a group has `count` image rows."""
        graph = self.graph
        text_shared = graph.add(graph.mul(self.query, self.length), count)
        if flow.apart is False:
            return graph.integers(0), text_shared
        group = graph.mul(self.query, graph.add(self.length, count))
        text = graph.add(group, count)
        if flow.apart:
            return group, text
        is_shared = graph.equal(graph.size(flow.tokens, 0), graph.integers(1))
        group = graph.node("Where", is_shared, graph.integers(0), group)
        return group, graph.node("Where", is_shared, text_shared, text)

    def seg_states(self, flow):
        graph = self.graph
        _, text = self.starts(flow, graph.size(flow.tokens, 1))
        row = graph.reshape(graph.add(text, self.seg), -1)
        return graph.add(*(graph.gather(self.rows(x), row) for x in (flow.x, flow.added)))

    def stored(self, states, flow):
        """`states` [1 or groups, N, width] with those of the flow's tokens in their places: [groups, N, width]."""
        graph = self.graph
        groups, count = graph.size(flow.tokens, 0), graph.size(flow.tokens, 1)
        group = graph.unsqueeze(graph.range(groups), 1)
        index = graph.reshape(graph.add(flow.tokens, graph.mul(group, self.all)), -1, 1)
        states = self.rows(graph.expand(states, groups, graph.integers(1), graph.integers(1)))
        states = graph.node("ScatterND", states, index, self.rows(graph.slice(flow.x, 0, count, 1)))
        return graph.reshape(states, -1, IMAGE_TOKENS, self.config.width)

    def region_states(self, states, flow):
        return self.graph.slice(self.stored(states, flow), IMAGE_TOKENS - REGIONS, IMAGE_TOKENS, 1)

    # --- how many tokens

    def count(self, number):
        """Image tokens of a layer, int64 [1]."""
        return self.graph.slice(self.image_tokens, number, number + 1, 0)

    def less(self, one, other):
        return self.graph.node("Less", one, other)

    def holds(self, conditions):
        """Whether all of [n] hold, bool [1]."""
        graph = self.graph
        return graph.cast(graph.node("ReduceMin", graph.cast(conditions, INT64), keepdims=1), BOOL)

    def full_bias(self):
        """[1, 1, N + Q T, N + Q T]: every token sees the image, text also what precedes it in its query. With fewer
        image tokens it is a slice of this."""
        graph = self.graph
        place = graph.range(graph.size(self.text, 1))
        owner = graph.node("Div", place, self.length)
        later, owning = graph.unsqueeze(place, 1), graph.unsqueeze(owner, 1)
        visible = graph.node("And", graph.equal(owning, owner), graph.node("GreaterOrEqual", later, place))
        text = graph.node("Where", visible, graph.constant(0), graph.constant(HIDDEN))
        text = graph.node("Pad", text, graph.integers(IMAGE_TOKENS, 0, 0, 0), graph.constant(HIDDEN))
        return graph.unsqueeze(graph.node("Pad", text, graph.integers(0, IMAGE_TOKENS, 0, 0)), 0, 1)
