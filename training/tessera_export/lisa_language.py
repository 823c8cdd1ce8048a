"""LISA's language model: what it gives to the mask decoder for a query, and how much it wants to say [SEG]."""

import numpy as np

from tessera_export.export_graph import ExportGraph
from tessera_export.language_model import LanguageModel, language_contract
from tessera_training.graph import FLOAT

EMBEDDING = 256  # width of SAM's prompts
NEVER = -1e30


def write_language_model(weights, config, path, precision, image_tokens, seg_token):
    """Outputs, of each query:

    embedding [Q, 256]  the mask decoder's prompt
    seg_logit [Q]       log-odds that the next token is [SEG]
    tokens [1 or Q, …]  image tokens of layer 0, ascending, then of layer 1 …; one row when all queries share them
    """
    outputs = {"embedding": (FLOAT, ["queries", EMBEDDING]), "seg_logit": (FLOAT, ["queries"])}
    graph = ExportGraph("language_model", language_contract(config, image_tokens, outputs), path, precision)
    states, tokens = LanguageModel(graph, config, weights).decode()

    hidden = graph.affine(states, "text_hidden_fcs.0", weights, "model.text_hidden_fcs.0.0")
    embedding = graph.affine(graph.node("Relu", hidden), "text_hidden_fcs.2", weights, "model.text_hidden_fcs.0.2")
    logits = graph.single(graph.product(states, "lm_head.weight", weights["lm_head.weight"], bits=8))
    own = graph.gather(logits, graph.constant(seg_token, np.int64), 1)
    is_seg = graph.equal(graph.range(graph.size(logits, 1)), graph.constant(seg_token, np.int64))
    others = graph.node("Where", is_seg, graph.constant(NEVER, np.float32), logits)
    others = graph.node("ReduceLogSumExp", others, graph.integers(1), keepdims=0)
    graph.output("embedding", graph.single(embedding))
    graph.output("seg_logit", graph.node("Sub", own, others))
    graph.output("tokens", tokens)
    graph.save()
    return graph
