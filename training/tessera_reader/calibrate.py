"""Fits how likely a description means a class, by the reader and by the sentence encoder, on descriptions held out from
training; writes the numbers that the bundle is built with.

    python -m tessera_reader.calibrate --models ../models/tessera-mini \
        --out ../packages/bundle-builder/src/reader/calibration.json

Features of a class, as packages/segmentation/src/language/described-classes.ts has them: the reader's logit, how far it
is below the highest one, how far the sentence's similarity with the class is below the highest one.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from tessera_reader.model import MAX_TOKENS
from tessera_reader.words import CLASSES, described_classes
from tessera_training.classes import CLASS_COUNT
from tessera_training.frozen import TextEncoder, open_session

LOWEST = 1e-4  # lower probabilities count as this one
FOLDS = 5
LEAST = 0.1  # the classes that are taken have this probability and half of the best one's


def held_out_descriptions():
    """-> texts, wanted classes bool [n, CLASS_COUNT]"""
    texts, wanted = [], []
    for label, entry in enumerate(CLASSES):
        for text in [*entry.get("descriptions_held_out", []), *entry.get("questions_held_out", [])]:
            texts.append(text)
            wanted.append(np.isin(np.arange(CLASS_COUNT), list(described_classes(label, text))))
    return texts, np.stack(wanted)


def reader_logits(models, texts):
    """-> [n, CLASS_COUNT]"""
    session = open_session(models / "reader.onnx")
    tokenizer = Tokenizer.from_file(str(models / "reader-tokenizer.json"))
    rows = []
    for text in texts:
        ids = np.array([tokenizer.encode(f" {text}").ids[:MAX_TOKENS]], np.int64)
        rows.append(session.run(["classes"], {"ids": ids, "lengths": np.array([ids.shape[1]])})[0][0, 0])
    probabilities = np.clip(np.stack(rows), LOWEST, 1 - LOWEST)
    return np.log(probabilities / (1 - probabilities))


def similarities(models, texts):
    """Cosines with the mean embedding of each class's name and descriptions -> [n, CLASS_COUNT]"""
    encoder = TextEncoder(models)
    classes = json.loads((models / "classes.json").read_text())

    def embed(own):
        return np.stack([sentence for sentence, _ in encoder.encode(own)])

    vectors = np.stack([embed([entry["name"], *entry["descriptions"]]).mean(0) for entry in classes])
    return embed([text.lower() for text in texts]) @ vectors.T


def below_highest(values):
    return values.max(1, keepdims=True) - values


def fit(features, wanted):
    """Logistic regression over all pairs of text and class -> bias, weights"""
    x, y = (torch.tensor(values, dtype=torch.float32) for values in (features, wanted))
    weights, bias = torch.zeros(x.shape[-1], requires_grad=True), torch.tensor(-3.0, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(x @ weights + bias, y)
        value.backward()
        return value

    optimizer.step(loss)
    return bias.item(), weights.detach().numpy()


def agreement(probabilities, wanted):
    """Mean F1 of the classes that would be taken."""
    taken = probabilities >= np.maximum(LEAST, probabilities.max(1, keepdims=True) / 2)
    return (2 * (taken & wanted).sum(1) / np.maximum(1, taken.sum(1) + wanted.sum(1))).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    texts, wanted = held_out_descriptions()
    logits = reader_logits(arguments.models, texts)
    similarity = below_highest(similarities(arguments.models, texts))
    both = np.stack([logits, below_highest(logits), similarity], -1)
    folds = np.random.default_rng(0).permutation(len(texts)) % FOLDS
    for name, features in {"reader": both[..., :2], "encoder": both[..., 2:], "both": both}.items():
        scores = []
        for fold in range(FOLDS):
            bias, weights = fit(features[folds != fold], wanted[folds != fold])
            probabilities = 1 / (1 + np.exp(-(features[folds == fold] @ weights + bias)))
            scores.append(agreement(probabilities, wanted[folds == fold]))
        print(f"{name:8} F1 of the classes taken {np.mean(scores):.3f} ({len(texts)} descriptions, {FOLDS} folds)")
    bias, weights = fit(both, wanted)
    fitted = f'{{ "bias": {bias:.3f}, "weights": [{", ".join(f"{weight:.3f}" for weight in weights)}] }}'
    arguments.out.write_text(f'{{\n  "description_calibration": {fitted}\n}}\n')
    print(fitted)


if __name__ == "__main__":
    main()
