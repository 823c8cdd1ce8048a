"""The untrained model is the detector rule; who sees whom; what the losses want."""

import numpy as np
import pytest
import torch

from tessera_training.batches import HEAD, PIECE, SEG, STANDINGS, standings
from tessera_training.model import new_reasoner
from tessera_training.scenes import make_scene
from tessera_training.selection import box_iou, presence, select, selection_f1
from tessera_training.train import listwise, masked_bce


def batch_of(texts, scores, prior):
    """Texts are lists of piece states; one scene."""
    kinds = [kind for text in texts for kind in [PIECE] * len(text) + [HEAD, SEG]]
    owner = [query for query, text in enumerate(texts) for _ in range(len(text) + 2)]
    features = torch.cat([torch.cat([text, torch.ones(2, 512)]) for text in texts])
    seg = torch.tensor([len(text) + 2 for text in texts]).cumsum(0)[None] - 1
    regions = torch.linspace(0, 0.8, 64)[:, None] + torch.tensor([0, 0, 0.1, 0.2])
    return {
        "regions": regions[None],
        "scores": scores[None],
        "grid": scores[None],
        "features": features[None],
        "token_kind": torch.tensor(kinds)[None],
        "token_query": torch.tensor(owner)[None],
        "token_position": torch.cat([torch.arange(len(text) + 2) for text in texts])[None],
        "seg": seg,
        "other": seg - 1,
        "prior": prior[None],
    }


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return new_reasoner(torch.nn.functional.normalize(torch.randn(80, 512), dim=1)).eval()


@torch.no_grad()
def test_step_0_is_the_calibrated_detector_rule(model):
    scores, prior = torch.rand(64, 80), torch.zeros(1, 80)
    prior[0, 7] = 1
    class_logits, context, *_ = model(batch_of([torch.randn(3, 512)], scores, prior))
    assert torch.allclose(class_logits[0, 0], 1.8 * torch.logit(0.995 * scores[:, 7], eps=0.01) + 2.5, atol=1e-2)
    assert context.abs().max() == 0


@torch.no_grad()
def test_queries_of_a_scene_do_not_see_each_other(model):
    one, other, scores = torch.randn(4, 512), torch.randn(6, 512), torch.rand(64, 80)
    prior = torch.eye(80)[:2]
    torch.nn.init.normal_(model.context_query.weight)
    alone = model(batch_of([other], scores, prior[1:]))
    together = model(batch_of([one, other], scores, prior))
    torch.nn.init.zeros_(model.context_query.weight)
    assert alone[1].std() > 0.01
    assert torch.allclose(alone[1][0, 0], together[1][0, 1], atol=1e-4)


def test_losses_fall_when_the_target_rises():
    labels = torch.tensor([[[1, 0, -1]]])
    logits = torch.zeros(1, 1, 3)
    for loss in (listwise, masked_bce):
        better, ignored = logits.clone(), logits.clone()
        better[..., 0], ignored[..., 2] = 1, 1
        assert loss(better, labels) < loss(logits, labels)
        assert loss(ignored, labels) == pytest.approx(loss(logits, labels).item(), abs=1e-6)


def test_listwise_prefers_nothing_when_there_is_no_target():
    labels = torch.zeros(1, 1, 3)
    assert listwise(torch.full((1, 1, 3), -5.0), labels) < listwise(torch.zeros(1, 1, 3), labels)


BOXES = np.array([[0, 0, 0.4, 0.4], [0.01, 0, 0.4, 0.4], [0.6, 0.6, 1, 1]])


def test_a_set_is_every_distinct_region_above_the_threshold():
    scores = np.array([1.0, 2.0, 0.5])
    assert select(scores, scores, False, BOXES) == [1, 2]


def test_one_thing_is_the_best_region_that_passes_the_class_channel():
    total = np.array([1.0, 2.0, 0.5])
    assert select(total, np.array([1.0, -9.0, 1.0]), True, BOXES) == [0]
    assert select(total, np.full(3, -9.0), True, BOXES) == []
    assert select(total - 9, np.ones(3), True, BOXES) == []


def test_candidates_are_present_together():
    weak = np.full(3, -1.5)
    assert presence(weak, np.ones(3)) == pytest.approx(-1.5 + np.log(3))
    assert select(weak, np.ones(3), True, BOXES) == [0]
    assert select(weak, np.array([1.0, -9.0, -9.0]), True, BOXES) == []


def test_measures():
    nothing = np.zeros((0, 4))
    assert selection_f1(nothing, nothing) == box_iou(nothing, nothing) == 1
    assert selection_f1(BOXES[:1], nothing) == box_iou(BOXES[:1], nothing) == 0
    assert selection_f1(BOXES[:2], BOXES[:1]) == pytest.approx(2 / 3)
    assert box_iou(BOXES[[0, 2]], BOXES[2:]) == pytest.approx(0.5, abs=0.05)


@torch.no_grad()
def test_image_tokens_see_each_other_in_both_directions(model):
    scores, prior = torch.rand(64, 80), torch.eye(80)[:1]
    torch.nn.init.normal_(model.context_query.weight)
    changed = scores.clone()
    changed[-1] = 1 - changed[-1]
    text = torch.randn(4, 512)
    before, after = (model(batch_of([text], value, prior))[1] for value in (scores, changed))
    torch.nn.init.zeros_(model.context_query.weight)
    assert (before[0, 0, 0] - after[0, 0, 0]).abs() > 1e-5


def test_standings_rank_found_objects_among_their_like():
    objects = np.array([[0.6, 0, 0.9, 0.9], [0.1, 0.2, 0.3, 0.4], [0.4, 0.4, 0.5, 0.5]], np.float32)
    scores = np.full((4, 80), 0.3, np.float32) * np.array([[4], [3], [2], [1]], np.float32) / 4
    boxes = np.concatenate([objects, [[0, 0.9, 0.05, 1]]]).astype(np.float32)
    scene = make_scene(boxes, scores, objects, np.array([5, 5, 7]))
    ranks = standings(scene)
    assert ranks[0].tolist() == [1, 0, 1, 0, 0, 1, 1]
    assert ranks[1].tolist() == [0, 1, 0, 1, 1, 0, 1]
    assert ranks[2].tolist() == [0] * len(STANDINGS)
    assert ranks[3].tolist() == [-1] * len(STANDINGS)
