"""What training queries name and how many they ask for, for the TypeScript query parser.

Every phrasing of phrasings.json, training and held out, about a few words of the lexicon. Run in training/:

    python -m golden.make_query_vectors

It writes packages/segmentation/test-vectors/queries.json: per query its text, the classes of the things it mentions,
the one asked for first, and whether it asks for several.
"""

import json
from pathlib import Path

import numpy as np

from tessera_training.classes import CLASS_NAMES
from tessera_training.phrases import BROADER, HELD_OUT, LEXICON, NUMBERS, ORDINALS, PHRASINGS, TRAIN
from tessera_training.speaker import Named, Speaker

VECTORS = Path(__file__).parents[2] / "packages/segmentation/test-vectors/queries.json"
HEADS = ["dog", "wine glass", "mug", "knife", "vehicle"]
OTHERS = ["laptop", "traffic light", "bench"]
SEVERAL = {"all", "count", "both", "halves", "two largest"}
OPPOSITES = {"left": "right", "right": "left"}
DRAWS = {TRAIN: 12, HELD_OUT: 4}


def named(word, count):
    return Named(word, sorted(LEXICON.get(word) or BROADER[word]), np.arange(count))


def queries():
    random = np.random.default_rng(0)

    def pick(options):
        return options[random.integers(len(options))]

    for split, draws in DRAWS.items():
        speaker = Speaker(random, split, np.ones(2, bool))
        for phrasing, (templates, _) in PHRASINGS.items():
            if phrasing == "description":
                continue
            wording = " ".join(templates)
            for _ in range(draws):
                several = phrasing in SEVERAL or ("{the}" in wording and random.random() < 0.4)
                words = {"x": pick(list(OPPOSITES)), "y": pick(["top", "bottom"])}
                words |= {"opposite": OPPOSITES[words["x"]], "nth": ORDINALS[pick([2, 4])], "n": NUMBERS[pick([2, 3])]}
                others = [word for key, word in zip("ab", random.permutation(OTHERS)) if f"{{{key}}}" in wording]
                if "{as}" in wording:
                    others = [pick(OTHERS)]
                others = [named(word, 2 if "{as}" in wording else pick([1, 1, 1, 2])) for word in others]
                targets = [0, 1] if several else [0]
                head = named(pick(HEADS), 2)
                query = speaker.say(phrasing, "", targets, not several, head, *others, **words)
                yield {"text": query.text, "mentions": query.mentions, "several": several}


def main():
    vectors = {"classes": CLASS_NAMES, "queries": list(queries())}
    VECTORS.parent.mkdir(exist_ok=True)
    VECTORS.write_text(json.dumps(vectors, indent=1) + "\n")
    print(f"{VECTORS}: {len(vectors['queries'])} queries")


if __name__ == "__main__":
    main()
