"""Training and evaluation of soft prompts, on a small encoder with random weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tessera_composition.evaluation import evaluate_logits
from tessera_composition.model import Config, TextEncoder
from tessera_composition.seeded_random import dropout_mask, epoch_order, words
from tessera_composition.soft_prompts import (
    PROMPT,
    Recipe,
    Tokens,
    encode_pairs,
    evaluate,
    initial_theta,
    prompts_of,
    train,
)

WORDS = [*PROMPT.split(), "red", "blue", "new", "dress", "shirt", "rain", "coat"]
SEEN = [("blue", "shirt"), ("red", "dress"), ("red", "shirt")]
RECIPE = Recipe(epochs=8, batch_size=8, learning_rate=0.1, weight_decay=0.0)
SCALE = 20.0


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    config = Config(text_width=16, text_layers=2, text_heads=2, context_length=10, embedding_width=12)
    encoder = TextEncoder(config).eval()
    for parameter in encoder.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return encoder


@pytest.fixture(scope="module")
def tokens():
    torch.manual_seed(1)
    return Tokens(torch.randn(len(WORDS) + 2, 16), lambda text: [WORDS.index(word) for word in text.split()])


@pytest.fixture(scope="module")
def images():
    """Four pairs' images around four directions: [32, 12] of unit length, and which pair each shows."""
    torch.manual_seed(2)
    labels = torch.arange(32) % 4
    return F.normalize(torch.randn(4, 12)[labels] + 0.3 * torch.randn(32, 12), dim=-1), labels


# --- random numbers


def test_an_epoch_shows_every_example_once_in_its_own_order():
    first, second = epoch_order(7, 1, 100), epoch_order(7, 2, 100)
    assert sorted(first) == list(range(100))
    assert (first != second).any() and (first == epoch_order(7, 1, 100)).all()


def test_dropout_leaves_out_its_share_and_scales_the_rest():
    mask = dropout_mask(1, 3, (100, 1000), 0.3)
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs((mask == 0).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / mask.size)
    assert (dropout_mask(1, 3, (4, 4), 0.0) == 1).all()


def test_random_words_are_those_of_the_definition():
    """In Python's integers, one at a time."""

    def mix(value):
        value = (value ^ value >> 16) * 0x7FEB352D % 2**32
        value = (value ^ value >> 15) * 0x846CA68B % 2**32
        return value ^ value >> 16

    key = mix((mix((mix(2**31 - 1) + 2) % 2**32) + 9) % 2**32)
    expected = [mix((key + index * 0x9E3779B9) % 2**32) for index in range(50)]
    assert words(2**31 - 1, 2, 9, 50).tolist() == expected


# --- prompts


def test_attributes_come_first_then_objects_in_the_order_of_names(tokens):
    theta = initial_theta(tokens, SEEN, "csp")
    expected = [tokens.table[WORDS.index(name)] for name in ("blue", "red", "dress", "shirt")]
    assert torch.equal(theta, torch.stack(expected))
    prompts = prompts_of(SEEN, tokens, SEEN, "csp")
    assert prompts.rows.tolist() == [[4, 4, 4, 4, 0, 3, 4], [4, 4, 4, 4, 1, 2, 4], [4, 4, 4, 4, 1, 3, 4]]
    assert prompts.end.tolist() == [6, 6, 6]


def test_an_untrained_prompt_is_its_caption(encoder, tokens):
    theta = initial_theta(tokens, SEEN, "csp")
    ids = torch.tensor([len(WORDS), *tokens.tokenize(f"{PROMPT} red dress"), len(WORDS) + 1])
    caption = F.normalize(encoder(tokens.table[ids][None], torch.tensor([6])), dim=-1)
    assert torch.allclose(encode_pairs(encoder, tokens, theta, SEEN, SEEN, "csp")[1], caption[0], atol=1e-6)


def test_prompts_of_several_attributes_end_later(tokens):
    pairs = [("blue", "shirt"), ("new", "red", "shirt")]
    prompts = prompts_of(pairs, tokens, pairs, "csp")
    assert prompts.end.tolist() == [6, 7]
    assert prompts.rows[:, 4:].tolist() == [[0, 3, 4, 4], [1, 2, 3, 4]]


def test_names_that_are_not_learned_keep_their_pieces(encoder, tokens):
    theta = initial_theta(tokens, SEEN, "csp") + 1
    prompts = prompts_of([("new", "rain coat"), ("red", "rain coat")], tokens, SEEN, "csp")
    filled = prompts.filled(theta)
    coat = tokens.table[WORDS.index("rain") :][:2].mean(0)
    assert torch.equal(filled[0, 4], tokens.table[WORDS.index("new")])
    assert torch.equal(filled[1, 4], theta[1])
    assert torch.allclose(filled[:, 5], coat)


# --- training


@pytest.mark.parametrize(("method", "rows", "share"), [("csp", 4, 0.5), ("coop", 3, 0.95)])
def test_training_lowers_the_loss_by_the_learned_rows_alone(encoder, tokens, images, method, rows, share):
    known = images[1] < 3
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    seen_thetas = []
    theta, history = train(
        encoder, SCALE, tokens, SEEN, images[0][known], images[1][known], method, RECIPE, 0, seen_thetas.append
    )
    assert theta.shape == (rows, 16) and len(history) == RECIPE.epochs
    assert history[-1] < share * history[0]
    assert torch.equal(seen_thetas[-1], theta) and not torch.equal(seen_thetas[0], theta)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in encoder.parameters())


def test_without_training_nothing_is_learned(encoder, tokens, images):
    theta, history = train(encoder, SCALE, tokens, SEEN, *images, "clip", Recipe(epochs=0), 0)
    assert torch.equal(theta, initial_theta(tokens, SEEN, "clip")) and history == []


def test_the_evaluation_knows_seen_pairs_in_any_order(encoder, tokens, images):
    pairs = [*SEEN, ("blue", "dress")]
    theta = initial_theta(tokens, SEEN, "csp")
    text = encode_pairs(encoder, tokens, theta, pairs, SEEN, "csp")
    logits = (SCALE * images[0] @ text.T).double().numpy()
    expected = evaluate_logits(logits, np.arange(4) < 3, np.ones(4, bool), images[1].numpy())
    for shift in (0, 1):
        turned = pairs[shift:] + pairs[:shift]
        truths = (images[1] - shift) % 4
        metrics = evaluate(encoder, SCALE, tokens, theta, SEEN, turned, images[0], truths, "csp")
        assert np.allclose(metrics.pop("curve"), expected["curve"])
        assert metrics == pytest.approx({name: value for name, value in expected.items() if name != "curve"})
    assert expected["best_unseen"] == 1  # with the largest bias there is no other unseen pair


def test_the_evaluation_of_four_images_by_hand():
    logits = np.array([[3.0, 1.0, 2.0], [1.0, 3.0, 0.0], [2.0, 0.0, 1.5], [4.0, 0.0, 1.0]])
    seen, truths = np.array([True, True, False]), np.array([0, 1, 2, 2])
    metrics = evaluate_logits(logits, seen, np.ones(3, bool), truths)
    # The two unseen images turn right at biases of 0.5 and 3, where the seen ones are both right and both wrong.
    expected = [[0.5 - 1e-4, 1, 0], [3 - 1e-4, 0.5, 0.5], [1e3, 0, 1]]
    assert np.allclose(metrics["curve"], expected)
    assert metrics["auc"] == pytest.approx(0.375 + 0.125)
    assert (metrics["best_seen"], metrics["best_unseen"], metrics["best_hm"]) == (1, 1, 0.5)
