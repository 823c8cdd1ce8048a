"""The exported graph against the PyTorch model, with random weights."""

import numpy as np
import onnxruntime
import pytest
import torch

from tessera_training.batches import HEAD, OTHER, PIECE, SCALE, SEG, SHARPNESS
from tessera_training.export import Exporter
from tessera_training.model import IMAGE_TOKENS, new_reasoner
from tessera_training.pruning import SCATTER_RULES, Step, cluster_scatter_prune, run
from tessera_training.scenes import GRID, REGIONS, grid_scores

LENGTHS = [5, 3, 8, 1]
NAMED = [2, 0, 1, 3]  # mentions per query; 0: the thing is only described


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
        "prior": np.array(prior, np.float32),
    }
    return {name: torch.from_numpy(array)[None] for name, array in arrays.items()}


def exported(world, selected, pruned, scatter=0):
    _, _, feeds, session = world
    budget = {"nc": selected, "np": pruned, "scatter": scatter}
    names = [output.name for output in session.get_outputs()]
    return dict(
        zip(names, session.run(names, feeds | {name: np.array(value, np.int64) for name, value in budget.items()}))
    )


def difference(outputs, expected):
    class_logits, context, gate, singular = (output[0].detach().numpy() for output in expected)
    pairs = [
        ("class_logits", class_logits),
        ("scores", class_logits + context / (1 + np.exp(-gate))),
        ("singular", singular),
    ]
    return max(np.abs(outputs[name] - values).max() for name, values in pairs)


def test_with_all_tokens_the_graph_equals_the_unpruned_model(world):
    model, batch, _, _ = world
    outputs = exported(world, IMAGE_TOKENS, IMAGE_TOKENS)
    assert difference(outputs, model(batch)[:4]) <= 1e-4
    assert (outputs["clustered"] == np.arange(IMAGE_TOKENS)).all()
    assert (outputs["pruned"] == np.arange(IMAGE_TOKENS)).all()


@pytest.mark.parametrize("rule", SCATTER_RULES)
def test_with_fewer_tokens_the_graph_equals_the_readable_version(world, rule):
    model, batch, feeds, _ = world
    plan = cluster_scatter_prune(model.config, 30, 17, rule)
    expected = run(model, batch, 0, plan, torch.from_numpy(feeds["priority"]))
    assert difference(exported(world, 30, 17, SCATTER_RULES.index(rule)), expected) <= 1e-4


def test_the_scatter_rules_differ(world):
    results = [exported(world, 30, 17, rule)["scores"] for rule in range(len(SCATTER_RULES))]
    for index, one in enumerate(results):
        assert all(np.abs(one - other).max() > 1e-3 for other in results[:index])


def test_clustering_takes_the_tokens_of_highest_priority_in_order(world):
    expected = np.sort(np.argsort(-world[2]["priority"])[:30])
    assert (exported(world, 30, 17)["clustered"] == expected).all()


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
