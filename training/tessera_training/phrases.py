"""The words of the queries: every kind has phrasings to train on and phrasings held out to validate with."""

import json
import re
from itertools import product
from pathlib import Path

from tessera_training.classes import CLASS_WORDS, broader_classes

IRREGULAR = {
    "person": "people", "man": "men", "woman": "women", "child": "children", "sheep": "sheep", "knife": "knives",
    "mouse": "mice", "bus": "buses", "skis": "skis", "scissors": "scissors", "couch": "couches", "bench": "benches",
    "sandwich": "sandwiches", "wine glass": "wine glasses", "toothbrush": "toothbrushes", "dishes": "dishes",
    "cattle": "cattle", "livestock": "livestock", "wildlife": "wildlife", "food": "food", "furniture": "furniture",
    "tableware": "tableware", "cutlery": "cutlery", "traffic": "traffic", "fruit": "fruit",
}  # fmt: skip


def plural(noun):
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


PLURAL_VERBS = {"is": "are", "has": "have", "that's": "that are"}


def with_plural_verbs(text):
    """A phrase about one object, put for several."""
    return re.sub(r"\b(is|has|that's)\b", lambda verb: PLURAL_VERBS[verb[0]], text)


# Said of people whose part in a photo the detector cannot tell, or of many objects at once.
UNUSABLE = {
    "couple",
    "family",
    "crowd",
    "audience",
    "someone",
    "somebody",
    "anyone",
    "anybody",
    "everyone",
    "everybody",
}
LEXICON = {}  # word -> the classes it may mean
for _index, _entry in enumerate(CLASS_WORDS):
    for _word in [_entry["name"], *_entry["synonyms"]]:
        LEXICON.setdefault(_word, []).append(_index)
BROADER = {word: classes for word, classes in broader_classes().items() if word not in LEXICON}
NAMES = [
    [word for word in [entry["name"], *entry["synonyms"]] if word not in UNUSABLE and LEXICON[word] == [index]]
    for index, entry in enumerate(CLASS_WORDS)
]  # of every class the words that mean nothing else

# In phrasings.json {h} is the object and {the} its article, of several objects "every" or "all the"; {hs} its plural.
# {a} and {b} are other objects with their articles, {bare} the first without, {as} its plural, {their} whose it is.
# {n} is a number, {nth} an ordinal, {d} a description; {x}, {y} and {opposite} are sides. Of (one|another|) any is
# said; <image> and the like are alternatives that return. What is held out is for validation.
TRAIN, HELD_OUT = 0, 1
_WORDS = json.loads(Path(__file__).with_name("phrasings.json").read_text())


def _templates(entry):
    """-> those to train on, those held out"""
    texts = [list(entry[part]) for part in ("train", "held_out")]
    for name, alternatives in _WORDS["alternatives"].items():
        texts = [[text.replace(name, alternatives) for text in part] for part in texts]
    return tuple(texts)


WRAPPERS = _templates(_WORDS["wrappers"])
PHRASINGS = {name: _templates(entry) for name, entry in _WORDS["phrasings"].items()}
CHOICE = re.compile(r"\(([^()]*)\)")


def worded(template, random):
    """A template with one of every choice, drawn from the innermost outwards."""
    while choice := CHOICE.search(template):
        options = choice[1].split("|")
        template = template[: choice.start()] + options[random.integers(len(options))] + template[choice.end() :]
    return template.strip()


NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}
ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}

# What a query asks, apart from its objects: the phrasing with the words that decide its answer.
DECIDING = {
    "x": ["left", "right", "top", "bottom", "upper", "lower"],
    "y": ["top", "bottom"],
    "nth": list(ORDINALS.values()),
}


def form_of(phrasing, words):
    return " ".join([phrasing, *(words[key] for key in DECIDING if key in words)])


FORMS = []
for _phrasing, (_templates, _) in PHRASINGS.items():
    _keys = [key for key in DECIDING if f"{{{key}}}" in _templates[0]]
    FORMS += [form_of(_phrasing, dict(zip(_keys, values))) for values in product(*(DECIDING[key] for key in _keys))]
