"""Writes random logits and what the generalised evaluation says about them, for the tests of packages/composition.

    python3 -m venv .venv && .venv/bin/pip install numpy==2.4.6
    PYTHONPATH=training .venv/bin/python training/golden/make_evaluation_vectors.py \
        packages/composition/test-vectors/evaluation.json

Everything is done the long way, in float64 (tessera_composition/evaluation.py). The file is one JSON list with one line
for each case:
  attributes, objects  numbers of primitives A and O; candidate a * O + o is attribute a with object o
  width                W
  embeddings           base64 of float32 [A + O, W]: attributes, then objects
  seen                 the candidates that are seen pairs
  truths               [N]: the candidate that each image shows
  logits               base64 of float32 [N, A * O]
  feasibility          [A * O]
  closed, open         {auc, best_hm, best_seen, best_unseen, bias, curve: [[bias, seen, unseen], ...]}: among the seen
                       pairs and those of the images, and among all pairs that are feasible
  threshold            of feasibility, the one of fifty with the largest AUC
"""

import base64
import json
import sys

import numpy as np

from tessera_composition.evaluation import evaluate_logits

SEED = 20261122
CASES = 24
THRESHOLDS = 50


def cosine(left, right):
    return float(left @ right / np.sqrt((left @ left) * (right @ right)))


def feasibility_of(attribute, object_, seen, attributes, objects):
    """Mean similarity of the object and the attribute to their nearest neighbours among the seen pairs."""
    if (attribute, object_) in seen:
        return 1.0
    similar_objects = [cosine(objects[object_], objects[o]) for a, o in seen if a == attribute and o != object_]
    similar_attributes = [cosine(attributes[attribute], attributes[a]) for a, o in seen if o == object_ and a != attribute]
    return (max(similar_objects, default=-1.0) + max(similar_attributes, default=-1.0)) / 2


def encode(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode("ascii")


def make_case(rng):
    attributes, objects, width = int(rng.integers(2, 5)), int(rng.integers(2, 6)), int(rng.integers(2, 6))
    candidates = attributes * objects
    images = int(rng.integers(12, 90))
    seen_count = int(rng.integers(1, candidates - 1))
    seen_candidates = np.sort(rng.permutation(candidates)[:seen_count])
    seen = np.isin(np.arange(candidates), seen_candidates)
    vectors = rng.normal(0, 1, (attributes + objects, width)).astype("float32")
    seen_pairs = {(int(c) // objects, int(c) % objects) for c in seen_candidates}
    wide = vectors.astype("float64")
    feasibility = np.array(
        [
            feasibility_of(c // objects, c % objects, seen_pairs, wide[:attributes], wide[attributes:])
            for c in range(candidates)
        ]
    )
    # Feasible pairs are more common, as in life.
    chances = np.exp(4 * feasibility)
    truths = rng.choice(candidates, images, p=chances / chances.sum())
    truths[0], truths[1] = rng.choice(np.flatnonzero(seen)), rng.choice(np.flatnonzero(~seen))
    # Eighths make ties; the truth is favoured, and seen candidates are as after training.
    logits = rng.normal(0, 3, (images, candidates)) + np.where(seen, rng.uniform(0, 4), 0)
    logits[np.arange(images), truths] += rng.uniform(0, 8)
    logits = np.round(logits * 8) / 8 if rng.random() < 0.5 else logits
    logits = logits.astype("float32")

    # As the threshold is compared with single-precision values in serving.
    single = feasibility.astype("float32").astype("float64")
    exact = logits.astype("float64")
    closed = evaluate_logits(exact, seen, seen | np.isin(np.arange(candidates), truths), truths)
    thresholds = np.linspace(single[~seen].min(), single[~seen].max(), THRESHOLDS)
    openly = [evaluate_logits(exact, seen, seen | (single >= threshold), truths) for threshold in thresholds]
    best = int(np.argmax([entry["auc"] for entry in openly]))
    return {
        "attributes": attributes,
        "objects": objects,
        "width": width,
        "embeddings": encode(vectors),
        "seen": [int(candidate) for candidate in seen_candidates],
        "truths": [int(truth) for truth in truths],
        "logits": encode(logits),
        "feasibility": [float(value) for value in feasibility],
        "closed": closed,
        "open": openly[best],
        "threshold": float(thresholds[best]),
    }


def main(path):
    rng = np.random.default_rng(SEED)
    lines = [json.dumps(make_case(rng), separators=(",", ":")) for _ in range(CASES)]
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
