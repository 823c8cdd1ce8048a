"""The reasoner's decoder as nodes of the exported graph; pruning.py is its readable version."""

from dataclasses import replace

import numpy as np
import torch

from tessera_training.decoder_layers import DecoderLayers, Sizes
from tessera_training.graph import END, FLOAT, INT64
from tessera_training.model import HIDDEN, IMAGE_TOKENS, rotary_table
from tessera_training.scenes import REGIONS

ROWS = 1024  # image and text tokens of all queries together, at most; the operator wants as many rotary positions
RESULTS = (FLOAT, FLOAT, INT64)  # SEG [Q, width], region states [1 or Q, 64, width], tokens [1 or Q, sum over layers]

PLACES = {  # where the model has the weights of a layer: name, place in it, among how many
    "q": ("qkv", 0, 3),
    "k": ("qkv", 1, 3),
    "v": ("qkv", 2, 3),
    "out": ("out", 0, 1),
    "gate": ("gate_up", 0, 2),
    "up": ("gate_up", 1, 2),
    "down": ("down", 0, 1),
}


class DecoderGraph(DecoderLayers):
    def __init__(self, graph, model, embeddings, centres, text, seg):
        """embeddings [N, width], what makes their boxes' centres [N, 2], text [Q, T, width], index of SEG [Q, 1]."""
        self.model, self.config, self.centres = model, model.config, centres
        config = model.config
        self.end = config.cluster_layers + config.scatter_layers
        tables = rotary_table(torch.arange(ROWS), config.width // config.heads)
        rotary = [graph.constant(table.numpy()) for table in tables]
        every = graph.constant(np.arange(IMAGE_TOKENS)[None], np.int64)
        sizes = Sizes(config.layers, config.width, config.heads, config.heads)
        super().__init__(graph, sizes, rotary, every, embeddings, text, seg)
        self.bias = self.full_bias()

    def product(self, x, number, part):
        layer, place, among = PLACES[part]
        weight = getattr(self.model.blocks[number], layer).weight.chunk(among)[place]
        return self.graph.matmul(x, f"blocks.{number}.{part}", weight)

    def norm_weight(self, number, part):
        return self.graph.weight(f"blocks.{number}.{part}.weight", getattr(self.model.blocks[number], part).weight)

    def decode(self, priority, image_tokens, rule):
        """Inputs of the graph, see export.py -> RESULTS."""
        graph, config = self.graph, self.config
        self.rule, self.image_tokens = rule, image_tokens
        self.first = graph.unsqueeze(graph.descending(priority, self.count(0)), 0)
        stages = [0] * config.cluster_layers + [config.layers] * config.scatter_layers
        stages += [config.layers - 1] * (config.layers - self.end)  # where in image_tokens and N a layer's number is

        is_constant = self.holds(graph.equal(image_tokens, self.count(0)))
        staged = graph.gather(graph.concat(image_tokens, self.all, axis=0), graph.integers(*stages))
        falls = self.less(self.count(config.layers - 1), self.all)  # else the queries go on sharing
        is_staged = graph.node("And", self.holds(graph.equal(image_tokens, staged)), falls)
        is_other = graph.node("Not", graph.node("Or", is_constant, is_staged))
        # One branch behind another, none inside another: ONNX Runtime packs weights for its products when it loads the
        # graph, but not those that a branch inside a branch uses, and packs these in every run.
        nothing = graph.constant(np.zeros((0, config.width)))
        results = [nothing, nothing, graph.constant(np.zeros((0, 0)), np.int64)]
        for condition, way in ((is_constant, self.constant), (is_staged, self.staged), (is_other, self.any)):
            results = graph.choose(condition, way, lambda before=results: before, RESULTS)
        return results

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
                flow, states = self.changed(number + 1, self.summed(flow), q, k, states)
        groups = graph.size(flow.tokens, 0)
        tokens = [graph.expand(tokens, groups, graph.integers(1)) for tokens in seen]
        return self.seg_states(flow), regions, graph.concat(*tokens, axis=1)

    # --- scatter rules

    def scattered(self, kept, index):
        graph = self.graph
        is_skip = graph.equal(self.rule, graph.constant(0, np.int64))
        (image,) = graph.choose(is_skip, lambda: [kept], lambda: [self.moved(kept, index)], [FLOAT])
        return image

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

    # --- states of tokens

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
