"""The layers of a LLaMA-like decoder as nodes of a graph, with fewer image tokens in some of them.

Image and text tokens are the rows of one matrix per group. While the queries share their image tokens there is one
group, [image tokens][text of query 1][text of query 2]…; once each has chosen its own there is a group per query,
[its image tokens][its text]. Layers do not know the difference: positions and attention bias tell it.
"""

from dataclasses import dataclass, replace

from tessera_training.graph import BOOL, END, INT64


@dataclass
class Sizes:
    layers: int
    width: int
    heads: int
    key_heads: int
    epsilon: float = 1e-6


@dataclass
class Flow:
    """What goes from layer to layer: names of tensors."""

    x: str  # states [groups, n + text, width]
    added: str | None  # what the last layer adds to x and nobody has added yet
    tokens: str  # the image tokens that take part [groups, n]
    positions: str  # [groups, n + text]
    bias: str  # of the attention logits [1, 1, n + text, n + text]
    apart: bool | None = False  # whether there is a group per query; None: known when the graph runs


class DecoderLayers:
    """A model gives `product` and `norm_weight`, and sets `bias`, that of all tokens [1, 1, N + Q T, N + Q T]; with
    fewer image tokens a slice of it holds."""

    def __init__(self, graph, sizes, rotary, every, embeddings, text, seg):
        """rotary: cosine and sine [positions, head / 2], every: 0 … N - 1 [1, N], embeddings of the image tokens
        [N, width], text [Q, T, width], the index in it of the position that is read and chooses tokens [Q, 1]."""
        self.graph, self.sizes, self.rotary = graph, sizes, rotary
        self.embeddings, self.seg, self.every = embeddings, seg, every
        self.all = graph.size(every, 1)
        self.queries, self.length = graph.size(text, 0), graph.size(text, 1)
        self.text = graph.reshape(text, 1, -1, sizes.width)
        self.query = graph.unsqueeze(graph.range(self.queries), 1)  # [Q, 1]
        self.place = graph.unsqueeze(graph.range(self.length), 0)  # [1, T]
        self.own_positions = graph.expand(graph.add(self.place, self.all), self.queries, self.length)  # [Q, T]
        self.text_positions = graph.reshape(self.own_positions, 1, -1)

    def product(self, x, number, part):
        """x times the weight of a layer's `q`, `k`, `v`, `out`, `gate`, `up` or `down`."""
        raise NotImplementedError

    def norm_weight(self, number, part):
        """The name of the weight of a layer's `attention_norm` or `feed_norm`."""
        raise NotImplementedError

    # --- layers

    def layer(self, number, flow):
        return self.finished(number, *self.projected(number, flow))

    def projected(self, number, flow):
        """-> the flow without a rest to add, q and k rotated, v, each [groups, n + text, width]"""
        normed, x = self.normed(flow, self.norm_weight(number, "attention_norm"))
        q, k, v = (self.product(normed, number, part) for part in "qkv")
        sizes = self.sizes
        q, k = self.rotated(q, flow, sizes.heads), self.rotated(k, flow, sizes.key_heads)
        return replace(flow, x=x, added=None), q, self.repeated(k), self.repeated(v)

    def finished(self, number, flow, q, k, v):
        """Rows of the flow and their q, and k and v of all tokens -> the rows after the layer"""
        graph = self.graph
        attended = graph.node("MultiHeadAttention", q, k, v, "", "", flow.bias, num_heads=self.sizes.heads, fused=True)
        flow = replace(flow, added=self.product(attended, number, "out"))
        normed, x = self.normed(flow, self.norm_weight(number, "feed_norm"))
        gate, up = (self.product(normed, number, part) for part in ("gate", "up"))
        gated = graph.mul(graph.silu(gate), up)
        return replace(flow, x=x, added=self.product(gated, number, "down"))

    def normed(self, flow, weight):
        """-> normalised states, states"""
        graph, epsilon = self.graph, self.sizes.epsilon
        if flow.added is None:
            return graph.node("RMSNormalization", flow.x, weight, axis=-1, epsilon=epsilon), flow.x
        inputs = flow.x, flow.added, weight
        return graph.node("SkipSimplifiedLayerNormalization", *inputs, outputs=(0, 3), epsilon=epsilon, fused=True)

    def rotated(self, x, flow, heads):
        return self.graph.node("RotaryEmbedding", x, flow.positions, *self.rotary, num_heads=heads, fused=True)

    def repeated(self, x):
        """Keys or values [groups, rows, key heads * size] -> [groups, rows, width], one per head of q"""
        graph, sizes = self.graph, self.sizes
        if sizes.key_heads == sizes.heads:
            return x
        x = graph.unsqueeze(graph.reshape(x, 0, 0, sizes.key_heads, sizes.width // sizes.heads), 3)
        x = graph.node("Tile", x, graph.integers(1, 1, 1, sizes.heads // sizes.key_heads, 1))
        return graph.reshape(x, 0, 0, sizes.width)

    # --- between layers

    def start(self):
        """The flow into the first layer, of the image tokens `self.first` [1, n]."""
        graph = self.graph
        image = graph.gather(self.embeddings, self.first)
        positions = graph.concat(self.first, self.text_positions, axis=1)
        bias = graph.slice(self.bias, graph.node("Sub", self.all, self.count(0)), END, 2, 3)
        return Flow(graph.concat(image, self.text, axis=1), None, self.first, positions, bias)

    def summed(self, flow):
        return flow if flow.added is None else replace(flow, x=self.graph.add(flow.x, flow.added), added=None)

    def changed(self, number, flow, q, k, states=None):
        """The flow into a layer that may have fewer image tokens than the one before, whose q and k these are, or all.
        `states` [1 or Q, N, width], those of the tokens that take no part, are kept where they are wanted."""
        graph = self.graph
        before, now = self.count(number - 1), self.count(number)
        results = (graph.type, INT64, INT64, graph.type, graph.type)[: 4 if states is None else 5]

        def listed(flow, states):
            return [name for name in (flow.x, flow.tokens, flow.positions, flow.bias, states) if name is not None]

        def fewer():
            kept = self.most_attended(q, k, flow, now)
            count = graph.size(flow.tokens, 1)
            all_tokens = graph.expand(flow.tokens, self.queries, graph.integers(1))
            tokens = graph.node("GatherElements", all_tokens, kept, axis=1)
            return listed(self.apart(flow, count, kept, tokens), states and self.stored(states, flow))

        def more():
            return listed(self.all_return(flow), states)

        def either():
            return graph.choose(self.less(now, before), fewer, more, results)

        same = self.holds(graph.equal(now, before))
        x, tokens, positions, bias, *rest = graph.choose(same, lambda: listed(flow, states), either, results)
        return Flow(x, None, tokens, positions, bias, None), *rest

    def all_return(self, flow):
        """From some image tokens in one group to all of them."""
        graph = self.graph
        count, index = graph.size(flow.tokens, 1), graph.reshape(flow.tokens, -1, 1)
        image = graph.reshape(graph.slice(flow.x, 0, count, 1), -1, self.sizes.width)
        image = self.scattered(graph.node("ScatterND", self.embeddings, index, image), index)
        x = graph.concat(graph.unsqueeze(image, 0), graph.slice(flow.x, count, END, 1), axis=1)
        positions = graph.concat(self.every, self.text_positions, axis=1)
        return Flow(x, None, self.every, positions, self.bias)

    def scattered(self, kept, index):
        """The image tokens that come back; `kept` [N, width]: states of those at `index` [n, 1], else embeddings."""
        return kept

    def most_attended(self, q, k, flow, count):
        """Which of a flow's image tokens SEG attends to most, on the mean of the heads: places in it [Q, count]."""
        graph, heads = self.graph, self.sizes.heads
        size = self.sizes.width // heads
        image = graph.size(flow.tokens, 1)
        group, text = self.starts(flow, image)
        row = graph.add(text, self.seg)
        q = graph.reshape(graph.gather(self.rows(q), row), -1, heads, 1, size)
        k = graph.node("Transpose", graph.reshape(k, 0, 0, heads, size), perm=[0, 2, 3, 1])
        logits = graph.scaled(graph.node("MatMul", q, k), size**-0.5)  # [Q, heads, 1, n + text]
        bias = graph.gather(graph.node("Squeeze", flow.bias, graph.integers(0, 1)), graph.node("Sub", row, group))
        weights = graph.node("Softmax", graph.add(logits, graph.unsqueeze(bias, 1)), axis=-1)
        weights = graph.node("ReduceMean", weights, graph.integers(1, 2), keepdims=0)
        return graph.descending(self.ranked(graph.slice(weights, 0, image, 1), flow), count)

    def ranked(self, weights, flow):
        """What decides which of a flow's image tokens are kept: the attention weights [Q, n]."""
        return weights

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
        return self.graph.reshape(x, -1, self.sizes.width)

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
