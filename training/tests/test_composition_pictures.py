"""Captions say nothing but what is shown; changes to pictures keep what they should."""

import numpy as np
import pytest

from tessera_composition.captions import GARMENTS, Words, abridged, mixed, words_of
from tessera_composition.colours import colour_word
from tessera_composition.pictures import DOTTED, SIDE, STRIPED, patterned, recoloured, shrunk


def square_on_white(colour):
    pixels = np.full((SIDE, SIDE, 3), 250, np.uint8)
    pixels[64:192, 64:192] = colour
    return pixels


@pytest.mark.parametrize(
    ("colour", "word"),
    [((200, 25, 30), "red"), ((20, 20, 20), "black"), ((25, 30, 72), "navy"), ((110, 70, 38), "brown")],
)
def test_the_colour_is_the_foregrounds(colour, word):
    assert colour_word(square_on_white(colour)) == word


def test_an_empty_picture_has_its_own_colour():
    assert colour_word(np.full((32, 32, 3), 245, np.uint8)) == "white"


def test_recolouring_keeps_a_white_background_most_of_the_time():
    random, pixels = np.random.default_rng(0), square_on_white((200, 25, 30))
    changed = [recoloured(pixels, random) for _ in range(20)]
    assert sum(np.abs(value[:20, :20].astype(int) - 250).max() < 12 for value in changed) >= 15
    assert len({colour_word(value) for value in changed}) > 5


@pytest.mark.parametrize("pattern", [STRIPED, DOTTED])
def test_patterns_are_painted_on_the_foreground_alone(pattern):
    pixels = square_on_white((30, 60, 160))
    painted = patterned(pixels, pattern, np.random.default_rng(1))
    assert (painted[:32] == pixels[:32]).all()
    share = (np.abs(painted[80:176, 80:176].astype(int) - pixels[80:176, 80:176]).max(-1) > 40).mean()
    assert 0.1 < share < 0.6


def test_shrinking_leaves_a_canvas_of_the_borders_colour():
    small = shrunk(square_on_white((30, 60, 160)), np.random.default_rng(2))
    assert 0.02 < (small[..., 0] < 100).mean() < 0.08


def test_captions_are_true_of_their_pictures():
    random = np.random.default_rng(3)
    label = {"source": "apparel", "object": "shoes", "colour": "navy", "pattern": STRIPED, "size": "small"}
    for _ in range(50):
        shown = words_of(label, random)
        assert shown.object in GARMENTS["shoes"]
        assert abridged(shown, random).describes(shown)
    assert not Words("red", None, None, None).describes(shown)


def test_mixed_captions_take_words_from_different_pictures():
    random = np.random.default_rng(4)
    pool = [Words("red", "gown", None, "large"), Words("navy", "jeans", STRIPED, "small")]
    said = {(words.colour, words.object) for words in (mixed(pool, random) for _ in range(100))}
    assert {("red", "jeans"), ("navy", "gown")} <= said


def test_the_text_says_size_then_pattern_then_colour():
    assert Words("navy", "gown", STRIPED, "small").text("a photo of {}") == "a photo of small striped navy gown"
    assert Words("red", None, None, None).text("the {}") == "the red thing"


def test_the_benchmarks_own_words_are_in_no_caption():
    assert not {word for words in GARMENTS.values() for word in words} & set(GARMENTS)
