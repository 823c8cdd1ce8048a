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

from tessera_training.batches import HEAD, OTHER, PIECE, SCALE, SEG, SHARPNESS, TEXT_WIDTH
from tessera_training.classes import CLASS_COUNT
from tessera_training.frozen import MAX_PIECES
from tessera_training.decoder_graph import DecoderGraph
from tessera_training.graph import FLOAT, INT64, Graph
from tessera_training.model import IMAGE_TOKENS
from tessera_training.queries import MENTIONS
from tessera_training.scenes import GRID, REGIONS
from tessera_training.weights import load_reasoner

PROPOSALS = 100


class Exporter:
    def __init__(self, model):
        self.model, self.graph = model, Graph("reasoner")
        self.class_vectors = self.graph.weight("class_vectors", model.class_vectors)  # [80, 512]
        self.class_mix_table = self.graph.node(
            "MatMul", self.class_vectors, self.graph.weight("class_embedding", model.class_embedding.weight.T)
        )  # [80, width]

    # --- small parts

    def sigmoid_product(self, x):
        return self.graph.node("QuickGelu", x, alpha=1.0, fused=True)  # with this alpha: SiLU

    def logit(self, x, eps):
        graph = self.graph
        clipped = graph.node("Clip", x, graph.constant(eps), graph.constant(1 - eps))
        return graph.node("Log", graph.node("Div", clipped, graph.node("Sub", graph.constant(1), clipped)))

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
        number = graph.node("MatMul", cell, graph.constant([[1], [GRID]]))  # [100, 1]
        index = graph.node("Expand", graph.cast(number, INT64), graph.integers(PROPOSALS, CLASS_COUNT))
        nothing = graph.constant(np.zeros((GRID * GRID, CLASS_COUNT)))
        return graph.node("ScatterElements", nothing, index, scores, axis=0, reduction="max")

    def embed_image(self, boxes, all_scores):
        """-> embeddings [128, width], centres [128, 2], scores of the regions [64, 80]"""
        graph, model = self.graph, self.model
        regions, scores = graph.slice(boxes, 0, REGIONS, 0), graph.slice(all_scores, 0, REGIONS, 0)
        grid, cells = self.grid_scores(boxes, all_scores), graph.constant(model.cells[0].numpy())
        grid = graph.add(self.class_mix(grid), self.box_encoding(cells, grid, "grid_boxes", model.grid_boxes))
        tokens = graph.add(
            self.class_mix(scores), self.box_encoding(regions, scores, "region_boxes", model.region_boxes)
        )
        every = graph.concat(cells, regions, axis=0)
        centres = graph.scaled(graph.add(graph.slice(every, 0, 2, 1), graph.slice(every, 2, 4, 1)), 0.5)
        return graph.concat(grid, tokens, axis=0), centres, scores

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
        """-> tokens [Q, T, width] with T the longest query's, index of SEG [Q, 1]"""
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
                    graph.gather(named, graph.constant(0, np.int64), 1),
                    kind_of[SEG],
                ),
                1,
            ),
            axis=1,
        )  # [Q, S + 4, width], with gaps behind short texts and missing mentions

        # Close the gaps: token t is piece t, then mention t - length, then SEG.
        length = graph.unsqueeze(lengths, 1)
        seg = graph.add(length, graph.unsqueeze(count, 1), graph.integers(1))  # [Q, 1]
        place = graph.range(
            graph.add(graph.node("ReduceMax", seg, graph.integers(0, 1), keepdims=0), graph.integers(1))
        )
        moved = graph.add(graph.node("Sub", place, length), limit)
        last = graph.add(limit, graph.integers(MENTIONS))
        source = graph.node("Where", graph.node("Less", place, seg), moved, last)
        source = graph.node("Where", graph.node("Less", place, length), place, source)  # [Q, T]
        rows = graph.add(
            source, graph.mul(graph.unsqueeze(graph.range(graph.size(seg, 0)), 1), graph.add(last, graph.integers(1)))
        )
        return graph.gather(graph.reshape(tokens, -1, model.config.width), rows), seg

    # --- scoring

    def scores(self, seg, regions, prior, region_scores):
        """SEG [Q, width], region states [1 or Q, 64, width] -> the first four outputs of the graph"""
        graph, model, width = self.graph, self.model, self.model.config.width
        seg = graph.norm(seg, "seg_norm", model.seg_norm)
        keys = graph.linear(graph.norm(regions, "region_norm", model.region_norm), "context_key", model.context_key)
        queries = graph.unsqueeze(graph.linear(seg, "context_query", model.context_query), 1)
        context = graph.node("MatMul", queries, graph.node("Transpose", keys, perm=[0, 2, 1]))
        context = graph.scaled(graph.node("Squeeze", context, graph.integers(1)), width**-0.5)
        bias, gate, singular = graph.node(
            "Split", graph.linear(seg, "heads", model.heads), outputs=3, axis=1, num_outputs=3
        )
        gate = graph.node("Sigmoid", gate)

        class_keys = graph.node("MatMul", self.class_vectors, graph.weight("class_key", model.class_key.weight.T))
        class_keys = graph.node("Transpose", class_keys, perm=[1, 0])
        correction = graph.node("MatMul", graph.linear(seg, "class_query", model.class_query), class_keys)
        weights = graph.add(self.logit(prior, 0.005), graph.scaled(correction, width**-0.5))
        weights = graph.unsqueeze(graph.node("Sigmoid", weights), 1)
        best = graph.mul(weights, graph.unsqueeze(region_scores, 0))
        best = graph.node("ReduceMax", best, graph.integers(-1), keepdims=0)
        slope, offset = model.calibration.tolist()
        class_logits = graph.add(graph.scaled(self.logit(best, 0.01), slope), graph.constant(offset))
        total = graph.add(class_logits, graph.mul(graph.add(context, bias), gate))
        singular = graph.node("Sigmoid", singular)
        return total, class_logits, graph.reshape(gate, -1), graph.reshape(singular, -1)

    def build(self):
        graph, layers = self.graph, self.model.config.layers
        boxes = graph.input("region_boxes", FLOAT, [PROPOSALS, 4])
        all_scores = graph.input("region_class_scores", FLOAT, [PROPOSALS, CLASS_COUNT])
        sentence = graph.input("sentence", FLOAT, ["queries", TEXT_WIDTH])
        pieces = graph.input("pieces", FLOAT, ["queries", "length", TEXT_WIDTH])
        lengths = graph.input("lengths", INT64, ["queries"])
        mentions = graph.input("mentions", FLOAT, ["queries", MENTIONS, CLASS_COUNT])
        priority = graph.input("priority", FLOAT, [IMAGE_TOKENS])
        image_tokens = graph.input("image_tokens", INT64, [layers])
        rule = graph.input("scatter", INT64, [])

        embeddings, centres, region_scores = self.embed_image(boxes, all_scores)
        prior = self.priors(sentence, mentions)
        text, seg = self.embed_text(sentence, pieces, lengths, mentions, prior)
        decoder = DecoderGraph(graph, self.model, embeddings, centres, text, seg)
        final, regions, tokens = decoder.decode(priority, image_tokens, rule)
        total, class_logits, gate, singular = self.scores(final, regions, prior, region_scores)
        graph.output("scores", total, FLOAT, ["queries", REGIONS])
        graph.output("class_logits", class_logits, FLOAT, ["queries", REGIONS])
        graph.output("gate", gate, FLOAT, ["queries"])
        graph.output("singular", singular, FLOAT, ["queries"])
        graph.output("tokens", tokens, INT64, ["groups", "all_layers"])
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
