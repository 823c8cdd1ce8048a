"""Soft prompts on the apparel photos: clip, coop and csp, on the validation split and on pairs held out of training.

    python -m tessera_composition.study --weights dual.pt --cache CACHE --models MODELS [--held-out 0 1 2] [--seeds 0 1]

A held-out rotation takes four of the fifteen seen pairs, whose words occur in others, for unseen, and a fifth of the
other pairs' photos for testing: choices are made by these, not by the validation split.
"""

import argparse
import json
from itertools import product
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from tessera_composition.model import load_model
from tessera_composition.pieces import Tokenizer, piece_embeddings
from tessera_composition.soft_prompts import RECIPES, Tokens, evaluate, train
from tessera_composition.train import Pictures

HELD_OUT = (
    (("black", "pants"), ("red", "shoes"), ("blue", "shorts"), ("white", "dress")),
    (("blue", "pants"), ("brown", "shoes"), ("black", "shorts"), ("green", "shirt")),
    (("brown", "pants"), ("white", "shoes"), ("red", "dress"), ("blue", "shirt")),
)


@torch.no_grad()
def embeddings(model, pictures, indices, batch=128):
    """-> float32 [n, D] of unit length."""
    parts = [model.image(*pictures.tensors(part)) for part in np.array_split(indices, -(-len(indices) // batch))]
    return F.normalize(torch.cat(parts), dim=-1)


class Apparel:
    """The photos as they are: unit embeddings, their pairs and splits."""

    def __init__(self, model, pictures):
        wanted = [("apparel", "original") == (label["source"], label["variant"]) for label in pictures.labels]
        indices = np.flatnonzero(wanted)
        labels = [pictures.labels[index] for index in indices]
        self.images = embeddings(model, pictures, indices)
        self.pairs = [(label["attribute"], label["object"]) for label in labels]
        self.train = np.array([label["split"] == "train" for label in labels])


def run(model, tokens, apparel, training, testing, method, seed, world):
    """Boolean masks of the photos to learn from and to judge by -> metrics of one training."""
    seen = sorted({apparel.pairs[index] for index in np.flatnonzero(training)})
    labels = torch.tensor([seen.index(apparel.pairs[index]) for index in np.flatnonzero(training)])
    images = apparel.images[torch.from_numpy(training)]
    theta, history = train(model.text, model.logit_scale, tokens, seen, images, labels, method, RECIPES[method], seed)
    judged = [apparel.pairs[index] for index in np.flatnonzero(testing)]
    candidates = sorted({*seen, *judged})
    if world == "open":
        candidates = sorted(product({a for a, _ in candidates}, {o for _, o in candidates}))
    truths = [candidates.index(pair) for pair in judged]
    images = apparel.images[torch.from_numpy(testing)]
    metrics = evaluate(model.text, model.logit_scale, tokens, theta, seen, candidates, images, truths, method)
    return {**{name: metrics[name] for name in ("best_seen", "best_unseen", "best_hm", "auc")}, "history": history}


def split_of(apparel, held_out):
    """-> masks of the photos for training and testing; the validation split when nothing is held out."""
    if held_out is None:
        return apparel.train, ~apparel.train
    away = np.array([pair in held_out for pair in apparel.pairs])
    fifth = np.random.default_rng(0).random(len(away)) < 0.2
    return apparel.train & ~away & ~fifth, apparel.train & (away | fifth)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--held-out", type=int, nargs="*", help="rotations instead of the validation split")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--methods", nargs="+", default=["clip", "coop", "csp"])
    parser.add_argument("--worlds", nargs="+", default=["closed"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(arguments.weights, piece_embeddings(arguments.models))
    tokens = Tokens(model.token_embedding(), Tokenizer(arguments.models))
    apparel, rows = Apparel(model, Pictures(arguments.cache)), []
    splits = {"val": None} if arguments.held_out is None else {f"held out {k}": HELD_OUT[k] for k in arguments.held_out}
    print(f"{'split':12}{'world':8}{'method':8}{'seed':>5}{'S':>8}{'U':>8}{'HM':>8}{'AUC':>8}")
    for (name, held_out), world, method, seed in product(
        splits.items(), arguments.worlds, arguments.methods, arguments.seeds
    ):
        metrics = run(model, tokens, apparel, *split_of(apparel, held_out), method, seed, world)
        figures = [100 * metrics[key] for key in ("best_seen", "best_unseen", "best_hm", "auc")]
        print(f"{name:12}{world:8}{method:8}{seed:5}" + "".join(f"{figure:8.1f}" for figure in figures), flush=True)
        rows.append({"split": name, "world": world, "method": method, "seed": seed, **metrics})
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
