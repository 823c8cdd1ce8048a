"""The words that the reader is trained on, in words.json: of every class its names, kinds, parts and descriptions, and
what is none of them. Whatever ends in `_held_out` is for validation."""

import json
from pathlib import Path

from tessera_training.classes import CLASS_COUNT, CLASS_NAMES

TRAIN, HELD_OUT = 0, 1
WORDS = json.loads(Path(__file__).with_name("words.json").read_text())
INDEX = {name: index for index, name in enumerate(CLASS_NAMES)}


def split_of(entry, key):
    """-> the words to train on, the words held out; where none are held out, the same"""
    train = entry.get(key, [])
    return train, entry.get(f"{key}_held_out") or train


CLASSES = WORDS["classes"]
assert [entry["name"] for entry in CLASSES] == CLASS_NAMES and len(CLASSES) == CLASS_COUNT
BROADER = {word: [INDEX[name] for name in names] for word, names in WORDS["broader"].items()}
BROADER_DESCRIPTIONS = {text: [INDEX[name] for name in names] for text, names in WORDS["broader_descriptions"].items()}


def described_classes(label, text):
    """The classes that a description of `label` fits: that one, and others that its words fit as well."""
    also = [name for words, names in CLASSES[label].get("also", {}).items() if words in text for name in names]
    return {label, *(INDEX[name] for name in also)}


IRREGULAR = {"person": "people", "man": "men", "woman": "women", "child": "children", "knife": "knives", "foot": "feet"}
for _entry in CLASSES:
    IRREGULAR |= _entry.get("plurals", {})
IRREGULAR |= WORDS["broader_plurals"]


def plural(noun):
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    before, _, last = noun.rpartition(" ")
    if before:
        return f"{before} {plural(last)}"
    if noun.endswith(("man", "woman")) and noun not in ("human", "german"):
        return noun[:-2] + "en"
    if noun.endswith("y") and len(noun) > 1 and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    if noun.endswith(("s", "x", "ch", "sh", "z")):
        return noun + "es"
    return noun + "s"


COLOURS = (
    "black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "dark", "light",
)  # fmt: skip
COLOUR_WORDS = {
    **{word: (word,) for word in COLOURS[:11]},
    "gray": ("grey",), "silver": ("grey",), "golden": ("yellow",), "gold": ("yellow",), "navy": ("blue", "dark"),
    "navy blue": ("blue", "dark"), "dark blue": ("blue", "dark"), "light blue": ("blue", "light"),
    "maroon": ("red", "dark"), "dark red": ("red", "dark"), "dark green": ("green", "dark"),
    "light green": ("green", "light"), "dark grey": ("grey", "dark"), "light grey": ("grey", "light"),
    "dark brown": ("brown", "dark"), "violet": ("purple",), "light brown": ("brown", "light"),
    "sky blue": ("blue", "light"), "crimson": ("red",), "scarlet": ("red",), "lime green": ("green", "light"),
    "tan": ("brown", "light"), "magenta": ("pink",), "ginger": ("orange",), "dark": ("dark",),
    "dark coloured": ("dark",), "light coloured": ("light",), "pale": ("light",), "blackish": ("black",),
    "reddish": ("red",), "bluish": ("blue",), "greenish": ("green",), "yellowish": ("yellow",), "bright red": ("red",),
    "bright yellow": ("yellow",), "bright green": ("green",), "bright blue": ("blue",),
}  # fmt: skip
UPPER = (
    "shirt", "t-shirt", "tee", "jacket", "sweater", "hoodie", "coat", "top", "blouse", "vest", "jersey", "jumper",
    "pullover", "cardigan", "polo", "tank top", "sweatshirt",
)  # fmt: skip
LOWER = (
    "trousers", "pants", "jeans", "shorts", "skirt", "leggings", "slacks", "sweatpants", "joggers", "chinos",
)  # fmt: skip
WHOLE = ("dress", "suit", "uniform", "outfit", "clothes", "overalls", "clothing", "robe", "gown")
REQUESTS = (
    "find", "find me", "please find", "show", "show me", "please show me", "segment", "please segment", "select",
    "outline", "please outline", "mark", "please mark", "highlight", "mask", "locate", "detect", "identify", "cut out",
    "extract", "pick", "pick out", "circle", "get me", "give me", "give me a mask of", "give me the mask of",
    "a mask of", "mask of", "the mask of", "a mask for", "an outline of", "i want", "i want a mask of",
    "i would like a mask of", "i'd like a mask of", "i'd like", "i need", "i need a mask of", "i am looking for",
    "i'm looking for", "could you cut out", "can you cut out", "could you find", "can you find", "can you segment",
    "could you segment", "could you please outline", "would you mark", "can you show me", "could you show me",
    "where is", "where are", "where's", "point to", "point at", "point out", "what about", "which is",
    "tell me where to find", "draw a line around", "draw around", "just", "only", "can you see", "do you see",
    "is there", "are there", "let me see", "look for", "search for", "choose", "take", "isolate", "crop out",
)  # fmt: skip
NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 10: "ten"}
