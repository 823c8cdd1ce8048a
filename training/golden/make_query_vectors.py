"""What training queries name and how many they ask for, for the TypeScript query parser.

Every phrasing of phrases.py, training and held out, about a few words of the lexicon. Run in training/:

    python -m golden.make_query_vectors

It writes packages/segmentation/test-vectors/queries.json: per query its text, the classes of the things it mentions,
the one asked for first, and whether it asks for several.
"""

import json
from itertools import product
from pathlib import Path
from string import Formatter

from tessera_training.classes import CLASS_NAMES
from tessera_training.phrases import BROADER, LEXICON, NUMBERS, ORDINALS, PHRASINGS, WRAPPERS, plural

VECTORS = Path(__file__).parents[2] / "packages/segmentation/test-vectors/queries.json"
HEADS = ["dog", "wine glass", "mug", "knife", "vehicle"]
OTHERS = {"a": "laptop", "b": "traffic light"}
SEVERAL = {"all", "count", "both", "halves", "two largest"}
WORDS = {"x": ["left", "right"], "y": ["top"], "nth": [ORDINALS[2], ORDINALS[4]], "n": [NUMBERS[2], NUMBERS[3]]}


def classes_of(word):
    return sorted(LEXICON.get(word) or BROADER[word])


def queries():
    wrappers = [wrapper for group in WRAPPERS for wrapper in dict.fromkeys(group)]
    number = 0
    for phrasing, groups in PHRASINGS.items():
        if phrasing == "description":
            continue
        for template in (template for group in groups for template in group):
            keys = {key for _, key, _, _ in Formatter().parse(template) if key}
            free = [key for key in WORDS if key in keys]
            for values in product(*(WORDS[key] for key in free)):
                head = HEADS[number % len(HEADS)]
                words = {**OTHERS, **dict(zip(free, values)), "h": head, "hs": plural(head)}
                text = wrappers[number % len(wrappers)].format(template.format(**words))
                others = [classes_of(OTHERS[key]) for key in "ab" if key in keys]
                mentions = [classes_of(head), *others]
                yield {"text": text, "mentions": mentions, "several": phrasing in SEVERAL}
                number += 1


def main():
    vectors = {"classes": CLASS_NAMES, "queries": list(queries())}
    VECTORS.parent.mkdir(exist_ok=True)
    VECTORS.write_text(json.dumps(vectors, indent=1) + "\n")
    print(f"{VECTORS}: {len(vectors['queries'])} queries")


if __name__ == "__main__":
    main()
