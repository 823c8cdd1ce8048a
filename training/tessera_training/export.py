"""Exports trained weights as `reasoner.onnx`: one graph for every pruning method and budget.

    python -m tessera_training.export --weights WEIGHTS --out reasoner.onnx

It reads the outputs of the detector and of the text encoder as they are, for one photo and Q queries:

    region_boxes [100, 4], region_class_scores [100, 80]   the detector's proposals, best first
    sentence [Q, 512], pieces [Q, S, 512], lengths [Q]      the text encoder's outputs and its input lengths
    mentions [Q, 3, 80]     classes of the named things, 1 or 0, the thing asked for first; zeros: nothing named
    priority [128]          rank of the image tokens (64 grid cells, 64 regions) for the first layer, the highest first
    image_tokens int64 [10] how many image tokens enter each layer
    scatter int64 []        how tokens come back: 0 skip, 1 copy, 2 residual, 3 reset

Every pruning method is a list `image_tokens`. In layer 0 the tokens of highest priority take part. Where the number
falls, every query keeps the tokens that its SEG attended to most in the layer before; where it grows, it has to grow to
128, all come back, and this only before it first falls.

    off                     [128] * 10
    csp                     [nc] * 4 + [128] * 2 + [np] * 4
    fastv after layer k     [128] * k + [keep] * (10 - k)
    pyramid                 [128] * 2 + [64] * 3 + [32] * 2 + [16] * 3
    cls_topk, random        [keep] * 10, with the priority by objectness or by chance

Its outputs, of the first 64 proposals:

    scores [Q, 64]          logits: class_logits + gate * context, the model's answer
    class_logits [Q, 64]    logits of the class channel alone
    gate [Q]                how far the context counts, 0 … 1
    singular [Q]            probability that one thing is meant
    tokens [1 or Q, sum(image_tokens)]   int64: the image tokens of layer 0, ascending, then those of layer 1, …; one
                            row when all queries share them

A region is selected when its score is over a threshold; when singular and gate are both over one half, only the best of
the regions with class_logits > -2 (selection.py).
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto

from tessera_training.batches import HEAD, OTHER, PIECE, SCALE, SEG, SHARPNESS, TEXT_WIDTH
from tessera_training.classes import CLASS_COUNT
from tessera_training.frozen import MAX_PIECES
from tessera_training.graph import Graph
from tessera_training.model import HIDDEN, IMAGE_TOKENS, rotary_table
from tessera_training.queries import MENTIONS
from tessera_training.scenes import GRID, REGIONS
from tessera_training.weights import load_reasoner

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
PROPOSALS = 100


class Exporter:
    def __init__(self, model):
        self.model, self.config, self.graph = model, model.config, Graph("reasoner")
        self.head_size = self.config.width // self.config.heads
        self.class_vectors = self.graph.weight("class_vectors", model.class_vectors)  # [80, 512]
        self.class_mix_table = self.graph.node(
            "MatMul", self.class_vectors, self.graph.weight("class_embedding", model.class_embedding.weight.T)
        )  # [80, width]
        longest = IMAGE_TOKENS + MAX_PIECES + MENTIONS + 1
        self.rotary = [
            self.graph.constant(table.numpy()) for table in rotary_table(torch.arange(longest), self.head_size)
        ]

    # --- small parts

    def norm(self, x, name, layer):
        scale = self.graph.weight(f"{name}.weight", layer.weight)
        return self.graph.node("RMSNormalization", x, scale, axis=-1, epsilon=1e-6)

    def sigmoid_product(self, x):
        return self.graph.mul(x, self.graph.node("Sigmoid", x))

    def logit(self, x, eps):
        graph = self.graph
        clipped = graph.node("Clip", x, graph.constant(eps), graph.constant(1 - eps))
        return graph.node("Log", graph.node("Div", clipped, graph.node("Sub", graph.constant(1), clipped)))

    def gather(self, x, index, axis):
        return self.graph.node("Gather", x, index, axis=axis)

    def descending(self, x, count):
        """Indices of the `count` (int64 [1]) highest of the last axis, in ascending order."""
        graph = self.graph
        _, best = graph.node("TopK", x, count, outputs=2, axis=-1, sorted=1)
        negative, _ = graph.node("TopK", graph.node("Neg", best), count, outputs=2, axis=-1, sorted=1)
        return graph.node("Neg", negative)

    # --- embedding

    def class_mix(self, scores):
        """[n, 80] -> [n, width]"""
        graph = self.graph
        squares = graph.mul(scores, scores)
        total = graph.node("ReduceSum", squares, graph.integers(-1), keepdims=1)
        total = graph.node("Max", total, graph.constant(1e-6))
        return graph.node("MatMul", graph.node("Div", squares, total), self.class_mix_table)

    def highest(self, scores):
        return self.graph.node("ReduceMax", scores, self.graph.integers(-1), keepdims=1)

    def box_encoding(self, boxes, scores, name, layer):
        """boxes [n, 4], class scores [n, 80] -> [n, width]"""
        graph = self.graph
        low, high = graph.slice(boxes, 0, 2, 1), graph.slice(boxes, 2, 4, 1)
        size = graph.node("Max", graph.node("Sub", high, low), graph.constant(1e-3))
        centre = graph.scaled(graph.add(low, high), 0.5)
        values = graph.concat(centre, boxes, size, graph.scaled(graph.node("Log", size), 1 / 6), axis=1)
        angles = graph.mul(graph.unsqueeze(values, 2), graph.constant(layer.frequencies.numpy()))
        angles = graph.reshape(angles, -1, 50)
        score = self.highest(scores)
        strength = graph.scaled(graph.node("Log", graph.node("Max", score, graph.constant(1e-3))), 0.25)
        inputs = graph.concat(graph.node("Sin", angles), graph.node("Cos", angles), score, strength, axis=1)
        hidden = self.sigmoid_product(graph.linear(inputs, f"{name}.0", layer.layers[0]))
        return graph.linear(hidden, f"{name}.2", layer.layers[2])

    def grid_scores(self, boxes, scores):
        """Highest scores of the proposals centred in each cell: [64, 80]."""
        graph = self.graph
        centre = graph.scaled(graph.add(graph.slice(boxes, 0, 2, 1), graph.slice(boxes, 2, 4, 1)), GRID / 2)
        cell = graph.node("Clip", graph.node("Floor", centre), graph.constant(0), graph.constant(GRID - 1))
        number = graph.add(graph.scaled(graph.slice(cell, 1, 2, 1), GRID), graph.slice(cell, 0, 1, 1))  # [100, 1]
        inside = graph.node("Equal", graph.constant(np.arange(GRID * GRID)[:, None]), graph.reshape(number, 1, -1))
        spread = graph.node("Where", graph.unsqueeze(inside, 2), graph.unsqueeze(scores, 0), graph.constant(0))
        return graph.node("ReduceMax", spread, graph.integers(1), keepdims=0)

    def embed_image(self, boxes, all_scores):
        """-> embeddings [1, 128, width], centres [128, 2], scores of the regions [64, 80]"""
        graph, model = self.graph, self.model
        regions, scores = graph.slice(boxes, 0, REGIONS, 0), graph.slice(all_scores, 0, REGIONS, 0)
        grid, cells = self.grid_scores(boxes, all_scores), graph.constant(model.cells[0].numpy())
        grid = graph.add(self.class_mix(grid), self.box_encoding(cells, grid, "grid_boxes", model.grid_boxes))
        tokens = graph.add(
            self.class_mix(scores), self.box_encoding(regions, scores, "region_boxes", model.region_boxes)
        )
        every = graph.concat(cells, regions, axis=0)
        centres = graph.scaled(graph.add(graph.slice(every, 0, 2, 1), graph.slice(every, 2, 4, 1)), 0.5)
        return graph.unsqueeze(graph.concat(grid, tokens, axis=0), 0), centres, scores

    def priors(self, sentence, mentions):
        """Class weights of the thing asked for [Q, 80], by similarity when nothing is named."""
        graph = self.graph
        vectors = graph.scaled(graph.node("Transpose", self.class_vectors, perm=[1, 0]), 1 / SCALE)
        similarity = graph.node("MatMul", sentence, vectors)
        gap = graph.node("Sub", similarity, self.highest(similarity))
        similar = graph.node("Exp", graph.scaled(gap, SHARPNESS))
        head = graph.reshape(graph.slice(mentions, 0, 1, 1), -1, CLASS_COUNT)
        return graph.node("Where", graph.node("Greater", self.highest(head), graph.constant(0)), head, similar)

    def embed_text(self, sentence, pieces, lengths, mentions, prior):
        """-> tokens [Q, T, width] with T = S + 4, index of SEG [Q]"""
        graph, model = self.graph, self.model
        pieces = graph.slice(pieces, 0, MAX_PIECES, 1)
        limit = graph.size(pieces, 1)
        lengths = graph.node("Min", lengths, limit)
        square = graph.node("ReduceMean", graph.mul(pieces, pieces), graph.integers(-1), keepdims=1)
        pieces = graph.node("Div", pieces, graph.add(graph.node("Sqrt", square), graph.constant(1e-6)))

        others = graph.slice(mentions, 1, MENTIONS, 1)
        weights = graph.concat(graph.unsqueeze(prior, 1), others, axis=1)  # [Q, 3, 80]
        total = graph.node("ReduceSum", weights, graph.integers(-1), keepdims=1)
        mix = graph.node("Div", weights, graph.node("Max", total, graph.constant(1e-9)))
        named = graph.node("MatMul", mix, self.class_mix_table)
        is_other = graph.node("Greater", self.highest(others), graph.constant(0))  # [Q, 2, 1]
        count = graph.node("ReduceSum", graph.cast(is_other, INT64), graph.integers(1, 2), keepdims=0)  # [Q]

        kind = graph.weight("kind_embedding", model.kind_embedding.weight)
        kind_of = [graph.slice(kind, k, k + 1, 0) for k in (PIECE, HEAD, OTHER, SEG)]
        mention_kinds = graph.concat(kind_of[HEAD], kind_of[OTHER], kind_of[OTHER], axis=0)
        tokens = graph.concat(
            graph.add(graph.linear(pieces, "piece_embedding", model.piece_embedding), kind_of[PIECE]),
            graph.add(named, mention_kinds),
            graph.unsqueeze(
                graph.add(
                    graph.linear(graph.scaled(sentence, SCALE), "sentence_embedding", model.sentence_embedding),
                    self.gather(named, graph.constant(0, np.int64), 1),
                    kind_of[SEG],
                ),
                1,
            ),
            axis=1,
        )  # [Q, S + 4, width], with gaps behind short texts and missing mentions

        # Close the gaps: token t is piece t, then mention t - length, then SEG.
        place = graph.range(graph.add(limit, graph.integers(MENTIONS + 1)))  # [T]
        length = graph.unsqueeze(lengths, 1)
        seg = graph.add(length, graph.unsqueeze(count, 1), graph.integers(1))  # [Q, 1]
        moved = graph.add(graph.node("Sub", place, length), limit)
        last = graph.add(limit, graph.integers(MENTIONS))
        source = graph.node("Where", graph.node("Less", place, seg), moved, last)
        source = graph.node("Where", graph.node("Less", place, length), place, source)  # [Q, T]
        index = graph.node("Expand", graph.unsqueeze(source, 2), graph.node("Shape", tokens))
        return graph.node("GatherElements", tokens, index, axis=1), graph.reshape(seg, -1)

    # --- decoder

    def rotations(self, positions, batched):
        """Positions [n] or, batched, [Q, n] -> cos, sin [1 or Q, 1, n, size / 2]."""
        tables = [self.gather(table, positions, 0) for table in self.rotary]
        return [self.graph.unsqueeze(table, *([1] if batched else [0, 1])) for table in tables]

    def rotate(self, x, rotary):
        graph, (cos, sin) = self.graph, rotary
        one, other = graph.node("Split", x, outputs=2, axis=-1, num_outputs=2)
        first = graph.node("Sub", graph.mul(one, cos), graph.mul(other, sin))
        return graph.concat(first, graph.add(graph.mul(one, sin), graph.mul(other, cos)), axis=-1)

    def project(self, x, rotary, name, block):
        """[P, n, width] -> q scaled, k, v [P, heads, n, size]"""
        graph, heads = self.graph, self.config.heads
        qkv = graph.linear(self.norm(x, f"{name}.attention_norm", block.attention_norm), f"{name}.qkv", block.qkv)
        qkv = graph.node("Transpose", graph.reshape(qkv, 0, 0, 3 * heads, self.head_size), perm=[0, 2, 1, 3])
        q, k, v = graph.node("Split", qkv, outputs=3, axis=1, num_outputs=3)
        return graph.scaled(self.rotate(q, rotary), self.head_size**-0.5), self.rotate(k, rotary), v

    def products(self, q, k):
        return self.graph.node("MatMul", q, self.graph.node("Transpose", k, perm=[0, 1, 3, 2]))

    def finish(self, x, attended, name, block):
        graph = self.graph
        attended = graph.reshape(graph.node("Transpose", attended, perm=[0, 2, 1, 3]), 0, 0, self.config.width)
        x = graph.add(x, graph.linear(attended, f"{name}.out", block.out))
        both = graph.linear(self.norm(x, f"{name}.feed_norm", block.feed_norm), f"{name}.gate_up", block.gate_up)
        gate, up = graph.node("Split", both, outputs=2, axis=-1, num_outputs=2)
        return graph.add(x, graph.linear(graph.mul(self.sigmoid_product(gate), up), f"{name}.down", block.down))

    def causal_bias(self, count):
        """[n, n] for an int64 [1] count"""
        graph = self.graph
        place = graph.range(count)
        later = graph.node("Less", graph.unsqueeze(place, 1), graph.unsqueeze(place, 0))
        return graph.node("Where", later, graph.constant(HIDDEN), graph.constant(0))

    def layer(self, number, image, text, image_rotary, text_rotary, image_bias, text_bias):
        """As layer_with_prefix of pruning.py."""
        graph, block, name = self.graph, self.model.blocks[number], f"blocks.{number}"
        image_q, image_k, image_v = self.project(image, image_rotary, name, block)
        q, k, v = self.project(text, text_rotary, name, block)
        to_text = graph.add(self.products(q, k), text_bias)
        both = graph.node("Softmax", graph.concat(self.products(q, image_k), to_text, axis=-1), axis=-1)
        count = graph.size(image, 1)
        to_image = graph.slice(both, 0, count, 3)
        to_text = graph.slice(both, count, np.iinfo(np.int64).max, 3)
        attended = graph.add(graph.node("MatMul", to_image, image_v), graph.node("MatMul", to_text, v))
        text = self.finish(text, attended, name, block)
        own = graph.node("Softmax", graph.add(self.products(image_q, image_k), image_bias), axis=-1)
        return self.finish(image, graph.node("MatMul", own, image_v), name, block), text, to_image

    def scattered(self, rule, states, embeddings, selected, centres):
        """States of the selected tokens [1, n, width] and all embeddings [1, N, width] -> states of all tokens."""
        graph = self.graph
        rows = graph.unsqueeze(selected, 1)
        skip = graph.unsqueeze(graph.node("ScatterND", self.rows(embeddings), rows, self.rows(states)), 0)
        offsets = graph.node("Sub", graph.unsqueeze(centres, 1), graph.unsqueeze(self.gather(centres, selected, 0), 0))
        distances = graph.node("ReduceSum", graph.mul(offsets, offsets), graph.integers(2), keepdims=0)  # [N, n]
        nearest = self.gather(selected, graph.node("ArgMin", distances, axis=1, keepdims=0), 0)
        # A token in the same place as a selected one may come first in ArgMin; a selected token stays its own nearest.
        nearest = graph.node("ScatterND", nearest, rows, selected)
        copy = self.gather(skip, nearest, 1)
        residual = graph.add(embeddings, graph.node("Sub", copy, self.gather(embeddings, nearest, 1)))
        inside = graph.node("ScatterND", graph.constant(np.zeros(IMAGE_TOKENS)), rows, self.ones_like(selected))
        inside = graph.reshape(graph.node("Greater", inside, graph.constant(0)), 1, -1, 1)
        chosen = skip
        for number, moved in ((1, copy), (2, residual)):
            moved = graph.node("Where", inside, skip, moved)
            chosen = graph.node("Where", graph.node("Equal", rule, graph.integers(number)), moved, chosen)
        return graph.node("Where", graph.node("Equal", rule, graph.integers(3)), embeddings, chosen)

    def rows(self, states):
        return self.graph.reshape(states, -1, self.config.width)

    def ones_like(self, index):
        return self.graph.cast(self.graph.node("Equal", index, index), FLOAT)

    def scores(self, seg, regions, prior, region_scores):
        """SEG [Q, width], region states [1, 64, width] -> class logits, total [Q, 64], singular [Q]"""
        graph, model, width = self.graph, self.model, self.config.width
        seg = self.norm(seg, "seg_norm", model.seg_norm)
        keys = graph.linear(self.norm(regions, "region_norm", model.region_norm), "context_key", model.context_key)
        queries = graph.linear(seg, "context_query", model.context_query)
        keys = graph.node("Transpose", graph.reshape(keys, -1, width), perm=[1, 0])
        context = graph.scaled(graph.node("MatMul", queries, keys), width**-0.5)
        heads = graph.linear(seg, "heads", model.heads)
        bias, gate, singular = graph.node("Split", heads, outputs=3, axis=1, num_outputs=3)
        context = graph.mul(graph.add(context, bias), graph.node("Sigmoid", gate))

        class_keys = graph.node("MatMul", self.class_vectors, graph.weight("class_key", model.class_key.weight.T))
        class_keys = graph.node("Transpose", class_keys, perm=[1, 0])
        correction = graph.node("MatMul", graph.linear(seg, "class_query", model.class_query), class_keys)
        weights = graph.add(self.logit(prior, 0.005), graph.scaled(correction, width**-0.5))
        weights = graph.unsqueeze(graph.node("Sigmoid", weights), 1)
        best = graph.mul(weights, graph.unsqueeze(region_scores, 0))
        best = graph.node("ReduceMax", best, graph.integers(-1), keepdims=0)
        slope, offset = model.calibration.tolist()
        class_logits = graph.add(graph.scaled(self.logit(best, 0.01), slope), graph.constant(offset))
        return class_logits, graph.add(class_logits, context), graph.reshape(singular, -1)

    def build(self):
        graph, config = self.graph, self.config
        boxes = graph.input("region_boxes", FLOAT, [PROPOSALS, 4])
        all_scores = graph.input("region_class_scores", FLOAT, [PROPOSALS, CLASS_COUNT])
        sentence = graph.input("sentence", FLOAT, ["queries", TEXT_WIDTH])
        pieces = graph.input("pieces", FLOAT, ["queries", "length", TEXT_WIDTH])
        lengths = graph.input("lengths", INT64, ["queries"])
        mentions = graph.input("mentions", FLOAT, ["queries", MENTIONS, CLASS_COUNT])
        priority = graph.input("priority", FLOAT, [IMAGE_TOKENS])
        clustered_count = graph.unsqueeze(graph.input("nc", INT64, []), 0)
        pruned_count = graph.unsqueeze(graph.input("np", INT64, []), 0)
        rule = graph.input("scatter", INT64, [])

        embeddings, centres, region_scores = self.embed_image(boxes, all_scores)
        prior = self.priors(sentence, mentions)
        text, seg = self.embed_text(sentence, pieces, lengths, mentions, prior)
        text_count = graph.size(text, 1)
        text_rotary = self.rotations(graph.add(graph.range(text_count), graph.integers(IMAGE_TOKENS)), batched=False)
        text_bias = self.causal_bias(text_count)

        # Clustering: the first layers see the image tokens of the highest priority.
        selected = self.descending(priority, clustered_count)
        image = self.gather(embeddings, selected, 1)
        rotary, bias = self.rotations(selected, batched=False), self.causal_bias(clustered_count)
        for number in range(config.cluster_layers):
            image, text, _ = self.layer(number, image, text, rotary, text_rotary, bias, text_bias)

        # Scattering: all tokens come back.
        image = self.scattered(rule, image, embeddings, selected, centres)
        every = graph.constant(np.arange(IMAGE_TOKENS), np.int64)
        rotary, bias = self.rotations(every, batched=False), self.causal_bias(graph.integers(IMAGE_TOKENS))
        scattered = config.cluster_layers + config.scatter_layers
        for number in range(config.cluster_layers, scattered):
            image, text, attended = self.layer(number, image, text, rotary, text_rotary, bias, text_bias)
        region_states = graph.slice(image, IMAGE_TOKENS - REGIONS, IMAGE_TOKENS, 1)

        # Pruning: of each query's image tokens those that its SEG attends to most.
        place = graph.unsqueeze(seg, 1, 2, 3)  # [Q, 1, 1, 1]
        wanted = graph.node("Equal", graph.unsqueeze(graph.range(text_count), 1), place)  # [Q, 1, T, 1]
        seen = graph.mul(attended, graph.cast(wanted, FLOAT))
        seen = graph.node(
            "ReduceMean", graph.node("ReduceSum", seen, graph.integers(2), keepdims=0), graph.integers(1), keepdims=0
        )
        kept = self.descending(seen, pruned_count)  # [Q, np]
        image = self.gather(graph.reshape(image, IMAGE_TOKENS, config.width), kept, 0)
        rotary, bias = self.rotations(kept, batched=True), self.causal_bias(pruned_count)
        for number in range(scattered, config.layers):
            image, text, _ = self.layer(number, image, text, rotary, text_rotary, bias, text_bias)

        index = graph.concat(graph.unsqueeze(graph.range(graph.size(seg, 0)), 1), graph.unsqueeze(seg, 1), axis=1)
        final = graph.node("GatherND", text, index)
        class_logits, total, singular = self.scores(final, region_states, prior, region_scores)
        graph.output("class_logits", class_logits, FLOAT, ["queries", REGIONS])
        graph.output("scores", total, FLOAT, ["queries", REGIONS])
        graph.output("singular", singular, FLOAT, ["queries"])
        graph.output("clustered", selected, INT64, ["nc"])
        graph.output("pruned", kept, INT64, ["queries", "np"])
        return graph.model()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    onnx.save(Exporter(load_reasoner(arguments.weights)).build(), arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
