"""The words of the queries: every kind has phrasings to train on and phrasings held out to validate with."""

from itertools import product

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


# Said of people whose part in a photo the detector cannot tell, or of many things at once.
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

# {h} the thing, {hs} its plural, {a} and {b} other things, {n} a number, {nth} an ordinal.
TRAIN, HELD_OUT = 0, 1
WRAPPERS = (
    ["{}"] * 14 + ["find {}", "show me {}", "segment {}", "where is {}", "select {}", "{} please"],
    ["{}"] * 3 + ["highlight {}", "can you point out {}", "mark {} in this picture"],
)
PHRASINGS = {
    "one": (["the {h}", "{h}", "a {h}", "the {h} in the picture"], ["this {h}", "the {h} in this image"]),
    "all": (
        ["the {hs}", "{hs}", "all the {hs}", "every {h}", "all {hs}", "each {h} in the picture"],
        ["all of the {hs}", "any {h}", "the {hs} in this image"],
    ),
    "count": (["the {n} {hs}", "all {n} {hs}", "{n} {hs}"], ["the group of {n} {hs}", "these {n} {hs}"]),
    "both": (["both {hs}", "the two {hs}", "the pair of {hs}"], ["both of the {hs}", "these two {hs}"]),
    "description": (
        ["{d}", "something that fits this: {d}", "the thing: {d}", "an object, {d}"],
        ["what matches the description {d}", "it is {d}"],
    ),
    "left": (
        ["the {h} on the left", "the leftmost {h}", "the {h} furthest to the left", "the left {h}", "left {h}",
         "the {h} on the left side"],
        ["the {h} at the far left", "the {h} that is most to the left"],
    ),
    "right": (
        ["the {h} on the right", "the rightmost {h}", "the {h} furthest to the right", "the right {h}", "right {h}",
         "the {h} on the right side"],
        ["the {h} at the far right", "the {h} that is most to the right"],
    ),
    "top": (
        ["the {h} at the top", "the topmost {h}", "the highest {h}", "the upper {h}", "the {h} nearest to the top"],
        ["the {h} furthest up", "the uppermost {h}"],
    ),
    "bottom": (
        ["the {h} at the bottom", "the bottommost {h}", "the lowest {h}", "the lower {h}",
         "the {h} nearest to the bottom"],
        ["the {h} furthest down", "the lowermost {h}"],
    ),
    "middle": (
        ["the {h} in the middle", "the {h} in the centre", "the middle {h}", "the {h} closest to the centre"],
        ["the central {h}", "the {h} in the center of the image"],
    ),
    "corner": (
        ["the {h} in the {y} {x} corner", "the {h} at the {y} {x}", "the {y} {x} {h}"],
        ["the {h} towards the {y} {x}", "the {y}most {h} to the {x}"],
    ),
    "half": (
        ["the {h} in the {x} half of the picture", "the {h} in the {x} half"],
        ["the {h} that is in the {x} half of the image"],
    ),
    "halves": (
        ["the {hs} on the {x}", "all {hs} in the {x} half", "the {hs} on the {x} side"],
        ["every {h} on the {x}", "the {hs} in the {x} half of the image"],
    ),
    "ordinal": (
        ["the {nth} {h} from the {x}", "{nth} {h} from the {x}", "the {h} that is {nth} from the {x}"],
        ["counting from the {x}, the {nth} {h}", "number {n} of the {hs} from the {x}"],
    ),
    "largest": (
        ["the largest {h}", "the biggest {h}", "biggest {h}", "the {h} that takes up the most space", "the big {h}"],
        ["the {h} with the greatest size", "the {h} that is the biggest"],
    ),
    "smallest": (
        ["the smallest {h}", "the tiniest {h}", "smallest {h}", "the {h} that takes up the least space"]
        + ["the small {h}"],
        ["the {h} with the least size", "the {h} that is the smallest"],
    ),
    "larger": (["the larger {h}", "the bigger of the two {hs}", "the bigger {h}"], ["the larger one of both {hs}"]),
    "smaller": (["the smaller {h}", "the smaller of the two {hs}"], ["the smaller one of both {hs}"]),
    "tallest": (["the tallest {h}", "the highest reaching {h}"], ["the {h} with the greatest height"]),
    "second largest": (["the second largest {h}", "the second biggest {h}"], ["the {h} that is second in size"]),
    "two largest": (["the two largest {hs}", "the two biggest {hs}"], ["the largest two {hs}"]),
    "next to": (
        ["the {h} next to the {a}", "the {h} beside the {a}", "the {h} near the {a}", "{h} by the {a}",
         "the {h} close to the {a}"],
        ["the {h} adjacent to the {a}", "the {h} right by the {a}"],
    ),
    "closest": (
        ["the {h} closest to the {a}", "the {h} nearest to the {a}", "the {h} nearest the {a}"],
        ["the {h} with the least distance to the {a}", "of the {hs}, the one closest to the {a}"],
    ),
    "farthest": (
        ["the {h} farthest from the {a}", "the {h} furthest away from the {a}"],
        ["the {h} most distant from the {a}"],
    ),
    "left of": (
        ["the {h} left of the {a}", "the {h} to the left of the {a}", "{h} on the left of the {a}"],
        ["the {h} on the left hand side of the {a}", "the {h} that is left of the {a}"],
    ),
    "right of": (
        ["the {h} right of the {a}", "the {h} to the right of the {a}", "{h} on the right of the {a}"],
        ["the {h} on the right hand side of the {a}", "the {h} that is right of the {a}"],
    ),
    "above": (
        ["the {h} above the {a}", "the {h} over the {a}", "the {h} higher than the {a}"],
        ["the {h} that is above the {a}", "the {h} further up than the {a}"],
    ),
    "below": (
        ["the {h} below the {a}", "the {h} under the {a}", "the {h} lower than the {a}"],
        ["the {h} beneath the {a}", "the {h} further down than the {a}"],
    ),
    "on": (["the {h} on the {a}", "the {h} on top of the {a}", "the {h} in the {a}"], ["the {h} that is on the {a}"]),
    "with": (["the {h} with the {a}", "the {h} with a {a}", "the {h} that has a {a}"], ["the {h} having a {a}"]),
    "between": (
        ["the {h} between the {a} and the {b}", "{h} in between the {a} and the {b}"],
        ["the {h} that has the {a} on one side and the {b} on the other"],
    ),
    "largest left of": (["the largest {h} left of the {a}", "the biggest {h} to the left of the {a}"], []),
    "largest right of": (["the largest {h} right of the {a}", "the biggest {h} to the right of the {a}"], []),
    "smallest on": (["the smallest {h} on the {x}", "the smallest {h} in the {x} half"], []),
    "largest on": (["the largest {h} on the {x}", "the biggest {h} in the {x} half"], []),
}  # fmt: skip
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}
ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}

# What a query asks, apart from its things: the phrasing with the words that decide its answer.
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
