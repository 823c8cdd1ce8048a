"""The exported graph against the PyTorch model, with random weights."""

from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch

from tessera_training.batches import HEAD, OTHER, PIECE, SCALE, SEG, SHARPNESS
from tessera_training.export import Exporter
from tessera_training.model import IMAGE_TOKENS, Config, new_reasoner
from tessera_training.precision import in_precision
from tessera_training.priorities import SELECTIONS
from tessera_training.pruning import (
    SCATTER_RULES,
    Step,
    cluster_scatter_prune,
    fastv,
    never_return,
    pyramid,
    run,
    tokens_per_layer,
)
from tessera_training.restore import restored
from tessera_training.scenes import GRID, REGIONS, grid_scores

LENGTHS = [5, 3, 8, 1]
NAMED = [2, 0, 1, 3]  # mentions per query; 0: the object is only described


def half_precision_reasoner():
    """A model whose weights survive half precision, with every branch switched on."""
    torch.manual_seed(0)
    model = new_reasoner(torch.nn.functional.normalize(torch.randn(80, 512), dim=1))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.abs().max() == 0:
                parameter.normal_(std=0.05)
            parameter.copy_(parameter.half().float())
        model.class_vectors.copy_(model.class_vectors.half().float())
    return model.eval()


def detections(random):
    corners = random.random((100, 2)) * 0.7
    boxes = np.concatenate([corners, corners + 0.02 + random.random((100, 2)) * 0.28], 1).astype(np.float32)
    scores = (random.random((100, 80)) ** 8).astype(np.float32)
    order = np.argsort(-scores.max(1))
    return boxes[order], scores[order]


@pytest.fixture(scope="module")
def world():
    """The same scene and queries as inputs of the graph and as a batch of the model."""
    random, model = np.random.default_rng(1), half_precision_reasoner()
    boxes, scores = detections(random)
    queries = len(LENGTHS)
    sentence = random.normal(size=(queries, 512)).astype(np.float32)
    sentence /= np.linalg.norm(sentence, axis=1, keepdims=True)
    pieces = random.normal(size=(queries, max(LENGTHS), 512)).astype(np.float32)
    mentions = np.zeros((queries, 3, 80), np.float32)
    for row, count in zip(mentions, NAMED):
        for mention in row[:count]:
            mention[random.integers(80, size=2)] = 1
    feeds = {
        "region_boxes": boxes,
        "region_class_scores": scores,
        "sentence": sentence,
        "pieces": pieces,
        "lengths": np.array(LENGTHS, np.int64),
        "mentions": mentions,
        "priority": random.random(IMAGE_TOKENS).astype(np.float32),
    }
    session = onnxruntime.InferenceSession(Exporter(model).build().SerializeToString())
    return model, model_batch(model, feeds), feeds, session


def model_batch(model, feeds):
    vectors = model.class_vectors.numpy() / SCALE
    features, kinds, owner, position, seg, prior = [], [], [], [], [], []
    for query, length in enumerate(LENGTHS):
        weights = feeds["mentions"][query][: max(1, NAMED[query])].copy()
        if NAMED[query] == 0:
            similarity = vectors @ feeds["sentence"][query]
            weights[0] = np.exp(SHARPNESS * (similarity - similarity.max()))
        prior.append(weights[0])
        states = feeds["pieces"][query, :length]
        states = states / (np.sqrt((states**2).mean(1, keepdims=True)) + 1e-6)
        named = SCALE * (weights / weights.sum(1, keepdims=True)) @ vectors
        features += [*states, *named, SCALE * feeds["sentence"][query]]
        kinds += [PIECE] * length + [HEAD] + [OTHER] * (len(named) - 1) + [SEG]
        owner += [query] * (length + len(named) + 1)
        position += range(length + len(named) + 1)
        seg.append(len(owner) - 1)
    boxes, scores = feeds["region_boxes"], feeds["region_class_scores"]
    arrays = {
        "regions": boxes[:REGIONS],
        "scores": scores[:REGIONS],
        "grid": grid_scores(boxes, scores),
        "features": np.array(features, np.float32),
        "token_kind": np.array(kinds),
        "token_query": np.array(owner),
        "token_position": np.array(position),
        "seg": np.array(seg),
        "other": np.array(seg),  # of what only training looks at
        "prior": np.array(prior, np.float32),
    }
    return {name: torch.from_numpy(array)[None] for name, array in arrays.items()}


def exported(world, plan, scatter="skip", priority=None):
    model, _, feeds, session = world
    feeds = feeds | {
        "image_tokens": np.array(tokens_per_layer(plan, model.config.layers), np.int64),
        "scatter": np.array(SCATTER_RULES.index(scatter), np.int64),
    }
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds if priority is None else feeds | {"priority": priority})))


def difference(outputs, expected):
    class_logits, context, gate, singular = (output[0].detach().numpy() for output in expected)
    gate = 1 / (1 + np.exp(-gate))
    pairs = [
        ("class_logits", class_logits),
        ("scores", class_logits + gate * context),
        ("gate", gate[:, 0]),
        ("singular", 1 / (1 + np.exp(-singular))),
    ]
    return max(np.abs(outputs[name] - values).max() for name, values in pairs)


def plans(config):
    """Every method of token-pruning at several budgets: name -> plan."""
    result = {"off": [Step(0, "all")], "pyramid": pyramid(config.layers)}
    for keep in (1, 40, IMAGE_TOKENS - 1):
        result[f"never return {keep}"] = never_return(keep)
    for layer, keep in ((1, 9), (2, 30), (config.layers - 1, 1)):
        result[f"fastv {layer} {keep}"] = fastv(layer, keep)
    for selected, pruned in ((IMAGE_TOKENS, IMAGE_TOKENS), (30, 17), (1, 1), (64, IMAGE_TOKENS), (IMAGE_TOKENS, 90)):
        result[f"csp {selected} {pruned}"] = cluster_scatter_prune(config, selected, pruned)
    late = [Step(0, "priority", 35), Step(config.cluster_layers + 1, "all"), Step(7, "attention", 20)]
    unpruned = [Step(0, "priority", 30), Step(config.cluster_layers, "all")]
    return result | {"other layers": late, "only clustered": unpruned}


PLANS = plans(Config())


@pytest.mark.parametrize("name", PLANS)
def test_under_every_plan_the_graph_equals_the_readable_version(world, name):
    model, batch, feeds, _ = world
    expected = run(model, batch, 0, PLANS[name], torch.from_numpy(feeds["priority"]))
    assert difference(exported(world, PLANS[name]), expected) <= 1e-4


@pytest.mark.parametrize("name", ["off", f"csp {IMAGE_TOKENS} {IMAGE_TOKENS}"])
def test_with_all_tokens_the_graph_equals_the_unpruned_model(world, name):
    model, batch, _, _ = world
    outputs = exported(world, PLANS[name])
    assert difference(outputs, model(batch)[:4]) <= 1e-4
    assert (outputs["tokens"] == np.tile(np.arange(IMAGE_TOKENS), model.config.layers)).all()


def test_a_branch_inside_a_branch_has_no_weights():
    """ONNX Runtime would pack them for its products in every run."""
    graph = Exporter(half_precision_reasoner()).build().graph
    weights = {cast.output[0] for cast in graph.node if cast.op_type == "Cast"}

    def products(nodes, depth):
        for node in nodes:
            if node.op_type == "MatMul" and node.input[1] in weights:
                yield depth
            for attribute in node.attribute:
                yield from products(attribute.g.node, depth + 1)

    depths = list(products(graph.node, 0))
    assert depths.count(1) == 3 * 7 * Config().layers
    assert max(depths) == 1


def test_weights_come_back_from_the_graph():
    model = half_precision_reasoner()
    found = restored(Exporter(model).build().graph).state_dict()
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(found[name], value)}
    assert changed == {"form", "place", "standing", "anchor", "aim"}


@pytest.mark.parametrize(("precision", "most"), [("float16", 0.02), ("int8", 0.3)])
def test_in_lower_precision_the_answers_stay_near(world, precision, most):
    model, batch, feeds, _ = world
    graph = in_precision(Exporter(model).build(), precision)
    assert "blocks.0.q.single" not in str(graph.graph)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    for name in ("off", "csp 30 17", "fastv 2 30"):
        expected = run(model, batch, 0, PLANS[name], torch.from_numpy(feeds["priority"]))
        assert difference(exported((model, batch, feeds, session), PLANS[name]), expected) <= most


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("rule", SCATTER_RULES)
@pytest.mark.parametrize("counts", [(30, 17), (60, 4)])
def test_with_every_selection_and_scatter_rule_too(world, selection, rule, counts):
    model, batch, feeds, _ = world
    scene = SimpleNamespace(**{name: batch[name][0].numpy() for name in ("regions", "scores", "grid")})
    priority = SELECTIONS[selection](scene, counts[0], np.random.default_rng(3))
    plan = cluster_scatter_prune(model.config, *counts, rule)
    expected = run(model, batch, 0, plan, torch.from_numpy(priority))
    assert difference(exported(world, plan, rule, priority), expected) <= 1e-4


def test_the_scatter_rules_differ(world):
    plan = PLANS["csp 30 17"]
    results = [exported(world, plan, rule)["scores"] for rule in SCATTER_RULES]
    for index, one in enumerate(results):
        assert all(np.abs(one - other).max() > 1e-3 for other in results[:index])


def test_a_query_gets_the_same_answer_alone(world):
    model, batch, feeds, session = world
    names = ("sentence", "pieces", "lengths", "mentions")
    for plan in (PLANS["off"], PLANS["csp 30 17"], PLANS["pyramid"], PLANS["only clustered"]):
        together = exported(world, plan)
        for query in range(len(LENGTHS)):
            own = feeds | {name: feeds[name][query : query + 1] for name in names}
            alone = exported((model, batch, own, session), plan)
            assert np.abs(alone["scores"][0] - together["scores"][query]).max() <= 1e-4


def test_the_graph_tells_which_tokens_each_layer_saw(world):
    layers, feeds = world[0].config.layers, world[2]
    first = np.sort(np.argsort(-feeds["priority"])[:30])
    for name in ("csp 30 17", "never return 40", "fastv 2 30", "pyramid", "other layers"):
        counts = tokens_per_layer(PLANS[name], layers)
        outputs = exported(world, PLANS[name])
        for row in outputs["tokens"]:
            parts = np.split(row, np.cumsum(counts)[:-1])
            assert all((np.diff(part) > 0).all() and part[0] >= 0 and part[-1] < IMAGE_TOKENS for part in parts)
            for before, after in zip(parts, parts[1:]):
                assert len(after) > len(before) or np.isin(after, before).all()
            assert name != "csp 30 17" or (parts[0] == first).all()


def test_a_plan_without_pruning_equals_the_model(world):
    model, batch, feeds, _ = world
    outputs = run(model, batch, 0, [Step(0, "all")], torch.from_numpy(feeds["priority"]))
    for one, other in zip(outputs, model(batch)):
        assert torch.allclose(one, other, atol=1e-4)


def test_the_grid_sees_the_best_proposal_of_each_cell():
    boxes = np.array([[0.0, 0.0, 0.1, 0.1], [0.0, 0.0, 0.2, 0.2], [0.9, 0.9, 1.0, 1.0]], np.float32)
    scores = np.zeros((3, 80), np.float32)
    scores[:, 7] = 0.2, 0.6, 0.4
    grid = grid_scores(boxes, scores)
    assert (grid[0, 7], grid[GRID * GRID - 1, 7], grid.sum()) == pytest.approx((0.6, 0.4, 1.0))
