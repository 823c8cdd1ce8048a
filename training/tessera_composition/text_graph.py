"""The text encoder as ONNX nodes, forward and backward.

Every operation returns the name of its result and a function that, given the gradient of the result, adds the nodes of
the backward pass and returns the gradient of the operation's input. A graph that only encodes does not call them.

Two changes make it faster than the model as written and do not change its results. Tokens are causal, so what all
prompts begin with is computed once: a batch of S prompts of n tokens that share p is a list of p + S * (n - p) tokens,
"flat" below. And the last block computes attention's queries and the feed-forward part only where prompts end.
"""

import numpy as np

from tessera_training.contract import read_contract
from tessera_training.graph import END, FLOAT, Graph

HIDDEN = -1e4  # of attention to later tokens


class TextGraph(Graph):
    """`encoder`: model.TextEncoder."""

    def __init__(self, name, encoder, heads):
        self.encoder, self.heads = encoder, heads
        self.width = encoder.positions.shape[1]
        sizes = {"text_width": self.width, "embedding_width": encoder.projection.out_features}
        super().__init__(name, read_contract("dual-encoder", name, **sizes))

    # --- layers; x is [T, width]

    def linear(self, x, name, weight, bias=None):
        """`weight` as PyTorch's linear layers have it, [out, in]."""
        stored = self.weight(f"{name}.weight", weight)
        biases = [] if bias is None else [self.weight(f"{name}.bias", bias)]
        return self.node("Gemm", x, stored, *biases, transB=1), lambda gradient: self.node("Gemm", gradient, stored)

    def norm(self, x, name, layer):
        scale, shift = self.weight(f"{name}.weight", layer.weight), self.weight(f"{name}.bias", layer.bias)
        y, mean, inverse = self.node("LayerNormalization", x, scale, shift, outputs=3, axis=-1, epsilon=layer.eps)

        def backward(gradient):
            normal = self.mul(self.node("Sub", x, mean), inverse)
            inner = self.mul(gradient, scale)
            along = self.mul(normal, self.mean(self.mul(inner, normal)))
            return self.mul(self.node("Sub", self.node("Sub", inner, self.mean(inner)), along), inverse)

        return y, backward

    def mean(self, x):
        return self.node("ReduceMean", x, self.integers(-1), keepdims=1)

    def sum(self, x):
        return self.node("ReduceSum", x, self.integers(-1), keepdims=1)

    def activate(self, x):
        """QuickGELU"""
        gate = self.node("Sigmoid", self.scaled(x, 1.702))
        y = self.mul(x, gate)

        def backward(gradient):
            closing = self.node("Sub", self.constant(1), gate)
            slope = self.add(gate, self.scaled(self.mul(y, closing), 1.702))
            return self.mul(gradient, slope)

        return y, backward

    def feed_forward(self, x, name, block):
        """The block's second half, with the sum."""
        normal, norm_back = self.norm(x, f"{name}.feed_norm", block.feed_norm)
        hidden, up_back = self.linear(normal, f"{name}.up", block.up.weight, block.up.bias)
        active, active_back = self.activate(hidden)
        y, down_back = self.linear(active, f"{name}.down", block.down.weight, block.down.bias)
        return self.add(x, y), lambda gradient: self.add(gradient, norm_back(up_back(active_back(down_back(gradient)))))

    def projections(self, name, block):
        """The linear layers of queries, keys and values as functions of x."""
        parts = zip("qkv", block.qkv.weight.chunk(3), block.qkv.bias.chunk(3))
        return [lambda x, part=part: self.linear(x, f"{name}.{part[0]}", *part[1:]) for part in parts]

    # --- attention of queries [S, q, width] to keys and values [S, k, width]; `mask` is added to [S, heads, q, k]

    def split_heads(self, x):
        parts = self.reshape(x, 0, 0, self.heads, self.width // self.heads)
        return self.node("Transpose", parts, perm=[0, 2, 1, 3])

    def join_heads(self, x):
        return self.reshape(self.node("Transpose", x, perm=[0, 2, 1, 3]), 0, 0, self.width)

    def attend(self, queries, keys, values, mask):
        q, k, v = map(self.split_heads, (queries, keys, values))
        alpha = (self.width // self.heads) ** -0.5
        scores = self.add(self.product(q, k, transB=1, alpha=alpha), mask)
        weights = self.node("Softmax", scores, axis=-1)

        def backward(gradient):
            """-> gradients of queries, keys, values."""
            inner = self.split_heads(gradient)
            of_weights = self.product(inner, v, transB=1)
            centred = self.node("Sub", of_weights, self.sum(self.mul(of_weights, weights)))
            of_scores = self.mul(weights, centred)
            of_q = self.product(of_scores, k, alpha=alpha)
            of_k = self.product(of_scores, q, transA=1, alpha=alpha)
            of_v = self.product(weights, inner, transA=1)
            return [self.join_heads(x) for x in (of_q, of_k, of_v)]

        return self.join_heads(self.product(weights, v)), backward

    def product(self, one, other, **attributes):
        return self.node("FusedMatMul", one, other, fused=True, **attributes)

    def mask(self, queries, keys):
        """Positions of queries int64 [..., q, 1] and keys [k] -> float [..., q, k]."""
        later = self.node("Greater", keys, queries)
        return self.node("Where", later, self.constant(HIDDEN), self.constant(0))

    # --- the whole

    def shared_tokens(self, x, end):
        """How many tokens, int64 [1], at the start of [S, n, any] are the same in all prompts and end none of them."""
        highest, lowest = (self.node(kind, x, self.integers(0), keepdims=0) for kind in ("ReduceMax", "ReduceMin"))
        same = self.cast(self.equal(highest, lowest), self.type)
        differs = self.node("Sub", self.constant(1), self.node("ReduceMin", same, self.integers(1), keepdims=0))
        first = self.node("ArgMax", self.concat(differs, self.constant([1]), axis=0), axis=0, keepdims=1)
        return self.node("Min", first, self.node("ReduceMin", end, self.integers(0), keepdims=1))

    def arrange(self, prompts, end, shared):
        """Remembers how the tokens of prompts [S, n, width] lie in the flat list when `shared` int64 [1] are common."""
        self.shared, self.prompts = shared, self.size(prompts, 0)
        length = self.size(prompts, 1)
        self.own = self.node("Sub", length, shared)  # tokens of a prompt that are not shared
        self.flat_sizes = self.concat(shared, self.mul(self.prompts, self.own), axis=0)
        self.own_shape = self.concat(self.prompts, self.own, self.integers(self.width), axis=0)
        places = self.range(length)
        self.positions = self.gather(self.weight("positions", self.encoder.positions), places)
        columns = self.unsqueeze(places, 1)
        self.first_mask = self.mask(self.slice(columns, 0, shared, 0), self.slice(places, 0, shared, 0))
        self.own_mask = self.mask(self.slice(columns, shared, END, 0), places)
        self.end_mask = self.mask(self.unsqueeze(end, 1, 2, 3), places)
        starts = self.mul(self.range(self.prompts), self.own)  # where the prompts' own tokens begin, less shared
        self.ends = self.add(starts, end)

    def flatten(self, x, *tail):
        """[S, n, *tail] -> [T, *tail]"""
        first = self.slice(self.slice(x, 0, 1, 0), 0, self.shared, 1)
        own = self.slice(x, self.shared, END, 1)
        return self.concat(*(self.reshape(part, -1, *tail) for part in (first, own)), axis=0)

    def split(self, flat):
        """[T, width] -> the shared tokens [1, p, width] and the prompts' own [S, n - p, width]."""
        first, own = self.node("Split", flat, self.flat_sizes, outputs=2, axis=0)
        return self.unsqueeze(first, 0), self.node("Reshape", own, self.own_shape)

    def join(self, first, own):
        """What `split` takes apart."""
        return self.concat(self.reshape(first, -1, self.width), self.reshape(own, -1, self.width), axis=0)

    def whole(self, first, own):
        """Shared and own tokens -> [S, n, width]."""
        wide = self.expand(first, self.prompts, self.integers(1), self.integers(1))
        return self.concat(wide, own, axis=1)

    def whole_back(self, gradient):
        """-> gradients of the shared tokens [1, p, width] and of the own ones."""
        sizes = self.concat(self.shared, self.own, axis=0)
        wide, own = self.node("Split", gradient, sizes, outputs=2, axis=1)
        return self.node("ReduceSum", wide, self.integers(0), keepdims=1), own

    def block(self, x, name, block):
        normal, norm_back = self.norm(x, f"{name}.attention_norm", block.attention_norm)
        projected, projected_back = zip(*(project(normal) for project in self.projections(name, block)))
        (first_q, own_q), first_kv, own_kv = self.split(projected[0]), [], []
        for flat in projected[1:]:
            first, own = self.split(flat)
            first_kv.append(first)
            own_kv.append(self.whole(first, own))
        first, first_back = self.attend(first_q, *first_kv, self.first_mask)
        own, own_back = self.attend(own_q, *own_kv, self.own_mask)
        out, out_back = self.linear(self.join(first, own), f"{name}.out", block.out.weight, block.out.bias)
        middle = self.add(x, out)
        y, feed_back = self.feed_forward(middle, name, block)

        def backward(gradient):
            gradient = feed_back(gradient)
            of_first, of_own = self.split(out_back(gradient))
            first_gradients, own_gradients = first_back(of_first), own_back(of_own)
            flat = [self.join(first_gradients[0], own_gradients[0])]
            for first, whole in zip(first_gradients[1:], own_gradients[1:]):
                shared, own = self.whole_back(whole)
                flat.append(self.join(self.add(first, shared), own))
            return self.add(gradient, norm_back(self.add(*(back(part) for back, part in zip(projected_back, flat)))))

        return y, backward

    def last_block(self, x, name, block):
        """-> [S, width], where prompts end."""
        normal, norm_back = self.norm(x, f"{name}.attention_norm", block.attention_norm)
        to_query, *to_key_and_value = self.projections(name, block)
        query, query_back = to_query(self.gather(normal, self.ends))
        projected, projected_back = zip(*(project(normal) for project in to_key_and_value))
        keys_and_values = [self.whole(*self.split(flat)) for flat in projected]
        context, attend_back = self.attend(self.unsqueeze(query, 1), *keys_and_values, self.end_mask)
        flat_context = self.reshape(context, -1, self.width)
        out, out_back = self.linear(flat_context, f"{name}.out", block.out.weight, block.out.bias)
        y, feed_back = self.feed_forward(self.add(self.gather(x, self.ends), out), name, block)

        def backward(gradient):
            gradient = feed_back(gradient)
            of_query, *of_others = attend_back(self.unsqueeze(out_back(gradient), 1))
            at_ends = query_back(self.reshape(of_query, -1, self.width))
            flat = [self.join(*self.whole_back(whole)) for whole in of_others]
            everywhere = self.add(*(back(part) for back, part in zip(projected_back, flat)))
            return self.add(self.at_ends(gradient, x), norm_back(self.add(everywhere, self.at_ends(at_ends, x))))

        return y, backward

    def at_ends(self, values, like):
        """[S, width] -> flat, zero elsewhere."""
        zeros = self.node("ConstantOfShape", self.node("Shape", like))
        return self.node("ScatterND", zeros, self.unsqueeze(self.ends, 1), values)

    def encode(self, x):
        """Flat tokens with positions -> [S, D], not normalised."""
        backs, (*blocks, last) = [], self.encoder.blocks
        for index, block in enumerate(blocks):
            x, back = self.block(x, f"blocks.{index}", block)
            backs.append(back)
        steps = [
            lambda x: self.last_block(x, f"blocks.{len(blocks)}", last),
            lambda x: self.norm(x, "final_norm", self.encoder.final_norm),
            lambda x: self.linear(x, "projection", self.encoder.projection.weight),
        ]
        for step in steps:
            x, back = step(x)
            backs.append(back)

        def backward(gradient):
            for back in reversed(backs):
                gradient = back(gradient)
            return gradient

        return x, backward

    def unit(self, x):
        """Rows of unit length."""
        length = self.node("ReduceL2", x, self.integers(-1), keepdims=1)
        length = self.node("Max", length, self.constant(1e-12))
        y = self.node("Div", x, length)

        def backward(gradient):
            along = self.mul(y, self.sum(self.mul(gradient, y)))
            return self.node("Div", self.node("Sub", gradient, along), length)

        return y, backward

    def one_hot(self, index, count):
        """int64 [N], count int64 [1] -> float32 [N, count]; an index outside is a row of zeros."""
        return self.cast(self.equal(self.unsqueeze(index, 1), self.range(count)), FLOAT)

    def double(self, value):
        return self.constant(value, np.float64)
