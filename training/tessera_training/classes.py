"""The detector's 80 classes with our words for them; the descriptions are those that the bundle is built from."""

import json
from pathlib import Path

DESCRIPTIONS = Path(__file__).parents[2] / "packages/bundle-builder/src/baseline/class-words.json"
CLASS_WORDS = [
    words | described
    for words, described in zip(
        json.loads(Path(__file__).with_name("class-words.json").read_text()),
        json.loads(DESCRIPTIONS.read_text()),
        strict=True,
    )
]
CLASS_NAMES = [entry["name"] for entry in CLASS_WORDS]
CLASS_COUNT = len(CLASS_NAMES)

# Never the head of a training query: what the model does with them shows whether it reads class vectors or
# has learned names.
HELD_OUT_CLASSES = frozenset(
    CLASS_NAMES.index(name)
    for name in ["bicycle", "truck", "sheep", "backpack", "surfboard", "cup", "banana", "laptop"]
)


def broader_classes():
    """Broader word -> the classes that it covers, for words that cover more than one."""
    covered = {}
    for index, entry in enumerate(CLASS_WORDS):
        for word in entry["broader"]:
            covered.setdefault(word, []).append(index)
    return {word: classes for word, classes in covered.items() if len(classes) > 1}


def class_texts():
    """Of each class the texts whose mean embedding is its vector, as the baseline computes it."""
    return [[entry["name"], *entry["descriptions"]] for entry in CLASS_WORDS]
