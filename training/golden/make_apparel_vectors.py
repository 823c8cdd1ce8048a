"""Writes logits of the apparel photos and what the generalised evaluation says about them, for the tests of
packages/composition.

    python3 -m venv .venv && .venv/bin/pip install -e training
    .venv/bin/python training/golden/make_apparel_vectors.py RUN MODELS \
        packages/composition/test-vectors/apparel-logits.json

RUN is what training/reproduce-dual.sh leaves (dual.pt, cache/), MODELS the directory of the bundle tessera-baseline.
Soft prompts are trained on the photos of the set "train"; the logits are those of the set "val" in the closed world.
They are rounded before they are evaluated (tessera_composition/evaluation.py, in float64), so that both sides have the
same numbers. The file is one JSON object:
  pairs       the candidates, [attribute, object]: the seen pairs and those of the photos
  seen        the candidates that are seen pairs
  truths      [N]: the candidate that each photo shows
  resolution  of the logits: a stored 1 is a logit of 1 / resolution
  methods     [{method, logits, closed}], each on a line of its own: logits in base64 of little-endian int16 [N, C];
              closed as in make_evaluation_vectors.py
"""

import base64
import json
import sys
from pathlib import Path

import numpy as np
import torch

from tessera_composition.evaluation import evaluate_logits
from tessera_composition.model import load_model
from tessera_composition.pieces import Tokenizer, piece_embeddings
from tessera_composition.soft_prompts import RECIPES, Tokens, encode_pairs, train
from tessera_composition.study import Apparel, split_of
from tessera_composition.train import Pictures

SEED = 0
RESOLUTION = 1024
METHODS = ["clip", "csp"]


def rounded(logits):
    """float32 tensor [N, C] -> int16 [N, C], in steps of 1 / RESOLUTION."""
    steps = np.round(logits.double().numpy() * RESOLUTION)
    if np.abs(steps).max() >= 2**15:
        raise ValueError(f"a logit of {np.abs(steps).max() / RESOLUTION} does not fit")
    return steps.astype("<i2")


def main(run, models, path):
    torch.set_num_threads(1)
    model = load_model(run / "dual.pt", piece_embeddings(models))
    tokens = Tokens(model.token_embedding(), Tokenizer(models))
    apparel = Apparel(model, Pictures(run / "cache"))
    learned, judged = (np.flatnonzero(mask) for mask in split_of(apparel, None))
    seen_pairs = sorted({apparel.pairs[index] for index in learned})
    pairs = sorted({*seen_pairs, *(apparel.pairs[index] for index in judged)})
    labels = torch.tensor([seen_pairs.index(apparel.pairs[index]) for index in learned])
    truths = np.array([pairs.index(apparel.pairs[index]) for index in judged])
    seen = np.array([pair in set(seen_pairs) for pair in pairs])
    lines = []
    for method in METHODS:
        theta, _ = train(
            model.text, model.logit_scale, tokens, seen_pairs, apparel.images[learned], labels, method,
            RECIPES[method], SEED,
        )  # fmt: skip
        text = encode_pairs(model.text, tokens, theta, pairs, seen_pairs, method)
        with torch.no_grad():
            logits = rounded(model.logit_scale * apparel.images[judged] @ text.T)
        closed = evaluate_logits(logits.astype("float64") / RESOLUTION, seen, np.ones(len(pairs), bool), truths)
        print(method, {name: round(closed[name], 4) for name in ("best_seen", "best_unseen", "best_hm", "auc")})
        encoded = base64.b64encode(logits.tobytes()).decode("ascii")
        lines.append(json.dumps({"method": method, "logits": encoded, "closed": closed}, separators=(",", ":")))
    head = {"pairs": pairs, "seen": np.flatnonzero(seen).tolist(), "truths": truths.tolist(), "resolution": RESOLUTION}
    fields = [f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'))}" for name, value in head.items()]
    methods = '"methods":[\n' + ",\n".join(lines) + "\n]"
    path.write_text("{\n" + ",\n".join([*fields, methods]) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
