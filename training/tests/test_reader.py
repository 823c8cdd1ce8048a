import numpy as np
import torch

from tessera_reader.model import Adapted
from tessera_reader.sentences import NAMES, TAGS, Writer, mark, mark_around, unmarked, write
from tessera_reader.words import BROADER, CLASSES, HELD_OUT, TRAIN, WORDS, plural
from tessera_training.blocks import quantize
from tessera_training.classes import CLASS_COUNT

SENTENCES = [*write(np.random.default_rng(1), 800, TRAIN), *write(np.random.default_rng(2), 400, HELD_OUT)]


def test_marks_become_spans():
    text, spans = unmarked(f"the {mark('old', 'ignored')} {mark('policeman', 'kind')}")
    assert text == "the old policeman"
    assert spans == [(4, 7, "ignored"), (8, 17, "kind")]


def test_sentences_are_plain_text_with_spans_inside():
    for sentence in SENTENCES:
        assert sentence.text and not any(0xE000 <= ord(letter) <= 0xE0FF for letter in sentence.text)
        for start, end, tag in sentence.tags:
            assert 0 <= start < end <= len(sentence.text) and tag in TAGS


def test_what_a_sentence_names_agrees_with_its_classes():
    for sentence in SENTENCES:
        assert sentence.names in NAMES
        assert not sentence.targets & sentence.excluded
        assert sentence.targets <= set(range(CLASS_COUNT))
        if sentence.names == "unknown":
            assert not sentence.targets and any(tag == "unknown" for *_, tag in sentence.tags), sentence.text
        if sentence.names == "part":
            assert not sentence.targets and any(tag == "part" for *_, tag in sentence.tags), sentence.text
        if sentence.names == "description":
            assert sentence.targets, sentence.text


def test_restrictions_are_tagged_as_negations():
    writer = Writer(np.random.default_rng(3))
    for _ in range(50):
        sentence = writer.sentence_of("restriction")
        assert sentence.names == "nothing" and any(tag == "negation" for *_, tag in sentence.tags), sentence.text


def test_held_out_words_are_not_trained_on():
    for entry in CLASSES:
        for key in ("names", "kinds", "parts", "descriptions", "questions"):
            assert not set(entry.get(key, [])) & set(entry.get(f"{key}_held_out", [])), entry["name"]
    assert not set(WORDS["elsewhere"]) & set(WORDS["elsewhere_held_out"])


def test_no_word_is_a_class_and_none():
    named = {name for entry in CLASSES for name in [*entry["names"], *entry["kinds"]]} | set(BROADER)
    assert not named & {*WORDS["elsewhere"], *WORDS["elsewhere_held_out"]}


def test_plurals():
    assert [plural(word) for word in ("person", "knife", "bus", "cherry", "policeman", "teddy bear")] == [
        "people", "knives", "buses", "cherries", "policemen", "teddy bears",
    ]  # fmt: skip


def test_an_adapter_changes_nothing_before_it_is_trained():
    product = torch.nn.Linear(64, 96, bias=False)
    adapted = Adapted(product, 4)
    x = torch.randn(5, 64)
    assert torch.equal(adapted(x), product(x))
    assert {name for name, own in adapted.named_parameters() if own.requires_grad} == {
        "lora_down.weight",
        "lora_up.weight",
    }


def test_marks_around_placeholders_have_no_spaces_at_their_ends():
    for template, words in {
        "most of the {as}": ["most of the"],
        "no {a} at all": ["no", "at all"],
        "{b}, {a} excluded": [",", "excluded"],
    }.items():
        text, spans = unmarked(mark_around(template, "ignored"))
        assert text == template and [text[start:end] for start, end, _ in spans] == words


def test_only_the_ordinals_that_the_reasoner_knows_are_used():
    writer = Writer(np.random.default_rng(4))
    for _ in range(200):
        text, spans = unmarked(writer.ordinal()[0])
        known = text in ("second", "third", "fourth", "2nd", "3rd", "4th")
        assert bool(spans) != known, text


def test_blocks_are_finer_with_more_bits():
    weight = torch.randn(64, 128, generator=torch.Generator().manual_seed(1))
    errors = [(quantize(weight, bits).weight() - weight).square().mean().sqrt() for bits in (4, 8)]
    assert errors[0] < 0.1 and errors[1] < 0.006
    assert torch.equal(quantize(torch.zeros(2, 32), 4).weight(), torch.zeros(2, 32))
