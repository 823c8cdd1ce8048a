"""Exports trained weights as `reasoner.onnx`: one graph for every pruning method and budget.

    python -m tessera_training.export --weights WEIGHTS --out reasoner.onnx

It reads the outputs of the detector and of the text encoder as they are, for one photo and Q queries:

    region_boxes [100, 4], region_class_scores [100, 80]   the detector's proposals, best first
    sentence [Q, 512], pieces [Q, S, 512], lengths [Q]      the text encoder's outputs and its input lengths
    mentions [Q, 3, 80]     classes of the named objects, 1 or 0, the object asked for first; zeros: nothing named
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
    singular [Q]            probability that the query asks for one object
    tokens [1 or Q, sum(image_tokens)]   int64: the image tokens of layer 0, ascending, then those of layer 1, …; one
                            row when all queries share them

A query asks for one object when singular and gate are both over one half; selection.py has what it then selects.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx

from tessera_training.batches import HEAD, OTHER, PIECE, SCALE, SEG, SHARPNESS, TEXT_WIDTH
from tessera_training.classes import CLASS_COUNT
from tessera_training.contract import read_contract
from tessera_training.decoder_graph import DecoderGraph
from tessera_training.frozen import MAX_PIECES
from tessera_training.graph import INT64, Graph
from tessera_training.queries import MENTIONS
from tessera_training.scenes import GRID, REGIONS
from tessera_training.weights import load_reasoner


class Exporter:
    def __init__(self, model, kind=Graph):
        self.model, self.graph = model, kind("reasoner", read_contract("reasoner", "reasoner"))
        self.class_vectors = self.graph.weight("class_vectors", model.class_vectors)  # [80, 512]
        self.class_mix_table = self.graph.node(
            "MatMul", self.class_vectors, self.graph.weight("class_embedding", model.class_embedding.weight.T)
        )  # [80, width]

    # --- small parts

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

    def box_encoding(self, boxes, strength, name, encoding):
        """boxes [n, 4], what BoxEncoding calls strength [n, 2] -> [n, width]"""
        graph, frequencies = self.graph, encoding.frequencies.numpy()
        corners = np.eye(4)
        size = graph.node("MatMul", boxes, graph.constant((corners[2:] - corners[:2]).T))
        size = graph.node("Max", size, graph.constant(1e-3))
        values = graph.concat(boxes, size, graph.node("Log", size), axis=1)  # [n, 8]
        rows = np.eye(8)
        rows = np.concatenate([(rows[:2] + rows[2:4]) / 2, rows[:4], rows[4:6], rows[6:] / 6])
        angles = np.kron(rows, frequencies[:, None]).T  # [8, 50]
        angles = graph.node("MatMul", values, graph.constant(np.concatenate([angles, angles], 1)))
        sines = graph.node("Sin", graph.add(angles, graph.constant(np.repeat([0, np.pi / 2], 50))))
        into, out = encoding.layers[0], encoding.layers[2]
        hidden = graph.matmul(sines, f"{name}.place", into.weight[:, :100])
        hidden = graph.add(hidden, graph.weight(f"{name}.bias", into.bias))  # of cells: known when the graph is loaded
        hidden = graph.add(graph.matmul(strength, f"{name}.strength", into.weight[:, 100:]), hidden)
        return graph.linear(graph.silu(hidden), f"{name}.out", out)

    def centres(self, boxes, scale=1.0):
        """[n, 4] -> [n, 2]"""
        return self.graph.node("MatMul", boxes, self.graph.constant(scale * np.tile(np.eye(2), (2, 1)) / 2))

    def grid_scores(self, boxes, scores):
        """Highest scores of the proposals centred in each cell: [64, 80]."""
        graph = self.graph
        cell = graph.node("Floor", self.centres(boxes, GRID))
        cell = graph.node("Clip", cell, graph.constant(0), graph.constant(GRID - 1))
        number = graph.cast(graph.node("MatMul", cell, graph.constant([[1], [GRID]])), INT64)  # [100, 1]
        nothing = graph.constant(np.zeros((GRID * GRID, CLASS_COUNT)))
        return graph.node("ScatterND", nothing, number, scores, reduction="max")

    def embed_image(self, boxes, all_scores):
        """-> embeddings [128, width], boxes of the tokens [128, 4], scores of the regions [64, 80]"""
        graph, model = self.graph, self.model
        regions, region_scores = graph.slice(boxes, 0, REGIONS, 0), graph.slice(all_scores, 0, REGIONS, 0)
        scores = graph.concat(self.grid_scores(boxes, all_scores), region_scores, axis=0)
        score = self.highest(scores)
        strength = graph.node("Log", graph.node("Max", score, graph.constant(1e-3)))
        strength = graph.concat(score, graph.scaled(strength, 0.25), axis=1)
        strengths = graph.node("Split", strength, outputs=2, axis=0, num_outputs=2)
        cells = graph.constant(model.cells[0].numpy())
        places = graph.concat(
            self.box_encoding(cells, strengths[0], "grid_boxes", model.grid_boxes),
            self.box_encoding(regions, strengths[1], "region_boxes", model.region_boxes),
            axis=0,
        )
        return graph.add(self.class_mix(scores), places), graph.concat(cells, regions, axis=0), region_scores

    def priors(self, sentence, mentions):
        """Class weights of the object asked for [Q, 80], by similarity when nothing is named."""
        graph = self.graph
        vectors = graph.scaled(graph.node("Transpose", self.class_vectors, perm=[1, 0]), SHARPNESS / SCALE)
        similarity = graph.node("MatMul", sentence, vectors)
        similar = graph.node("Exp", graph.node("Sub", similarity, self.highest(similarity)))
        head = graph.gather(mentions, graph.constant(0, np.int64), 1)
        return graph.node("Where", graph.node("Greater", self.highest(head), graph.constant(0)), head, similar)

    def embed_text(self, sentence, pieces, lengths, mentions, prior):
        """-> tokens [Q, T, width] with T the longest query's, index of SEG [Q, 1]"""
        graph, model = self.graph, self.model
        pieces = graph.slice(pieces, 0, MAX_PIECES, 1)
        limit = graph.size(pieces, 1)
        lengths = graph.node("Min", lengths, limit)
        pieces = graph.node("RMSNormalization", pieces, graph.constant(np.ones(TEXT_WIDTH)), axis=-1, epsilon=1e-12)

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
        # Products of weights alone are made once, when the graph is loaded. Of context_channel: <W_q seg, W_k region>.
        keys = graph.scaled(graph.weight("context_key", model.context_key.weight), width**-0.5)
        query = graph.node("MatMul", graph.weight("context_query", model.context_query.weight.T), keys)
        query_bias = graph.node("MatMul", graph.weight("context_query.bias", model.context_query.bias[None]), keys)
        query = graph.add(graph.node("MatMul", seg, query), query_bias)
        regions = graph.norm(regions, "region_norm", model.region_norm)
        context = graph.node("MatMul", graph.unsqueeze(query, 1), graph.node("Transpose", regions, perm=[0, 2, 1]))
        context = graph.node("Squeeze", context, graph.integers(1))
        heads = graph.linear(seg, "heads", model.heads)
        bias, gate, singular = graph.node("Split", heads, outputs=3, axis=1, num_outputs=3)
        gate = graph.node("Sigmoid", gate)

        class_keys = graph.node("MatMul", self.class_vectors, graph.weight("class_key", model.class_key.weight.T))
        class_keys = graph.node("Transpose", class_keys, perm=[1, 0])
        class_query = graph.weight("class_query", model.class_query.weight.T)
        class_query = graph.scaled(graph.node("MatMul", class_query, class_keys), width**-0.5)
        weights = graph.add(graph.node("MatMul", seg, class_query), self.logit(prior, 0.005))
        weights = graph.unsqueeze(graph.node("Sigmoid", weights), 1)
        best = graph.node("ReduceMax", graph.mul(weights, region_scores), graph.integers(-1), keepdims=0)
        slope, offset = model.calibration.tolist()
        class_logits = graph.add(graph.scaled(self.logit(best, 0.01), slope), graph.constant(offset))
        total = graph.add(class_logits, graph.mul(graph.add(context, bias), gate))
        gate, singular = graph.reshape(gate, -1), graph.reshape(graph.node("Sigmoid", singular), -1)
        return total, class_logits, gate, singular

    def build(self):
        graph = self.graph
        embeddings, token_boxes, region_scores = self.embed_image("region_boxes", "region_class_scores")
        prior = self.priors("sentence", "mentions")
        text, seg = self.embed_text("sentence", "pieces", "lengths", "mentions", prior)
        decoder = DecoderGraph(graph, self.model, embeddings, lambda: self.centres(token_boxes), text, seg)
        final, regions, tokens = decoder.decode("priority", "image_tokens", "scatter")
        total, class_logits, gate, singular = self.scores(final, regions, prior, region_scores)
        outputs = {"scores": total, "class_logits": class_logits, "gate": gate, "singular": singular, "tokens": tokens}
        for name, value in outputs.items():
            graph.output(name, value)
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
