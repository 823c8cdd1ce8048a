"""Evaluates the reasoner in token space, beside the calibrated detector rule and without its image tokens.

    python -m tessera_training.evaluate --weights WEIGHTS --models MODELS --photos CACHE/val.npz
    python -m tessera_training.evaluate --weights WEIGHTS --models MODELS --photos CACHE/train.npz --simulated 150
    python -m tessera_training.evaluate --weights WEIGHTS --models MODELS --photos CACHE/val.npz \\
        --data DATA --bench QUERIES

Queries have held-out phrasings and all classes. "rule" takes the regions whose calibrated class score passes, for
singular queries the best of them. Columns: selection F1 (one to one at box IoU 0.5), then the IoU of the covered area.
"""

import argparse
import json

import numpy as np
import torch

from tessera_training.batches import Batcher
from tessera_training.bench_queries import bench_cases
from tessera_training.classes import HELD_OUT_CLASSES
from tessera_training.frozen import TextEncoder
from tessera_training.model import total_score
from tessera_training.photos import load
from tessera_training.phrases import HELD_OUT
from tessera_training.queries import CONTEXT_KINDS, KINDS, ask
from tessera_training.scenes import SceneSampler, photo_scene
from tessera_training.selection import PRESENCE_THRESHOLD, box_iou, select, selection_f1
from tessera_training.weights import load_reasoner

SEED = 20_000


def cases_from(arguments):
    """Scenes with their queries, the same on every call."""
    if arguments.bench:
        return bench_cases(arguments.bench, arguments.data, arguments.split, load(arguments.photos))
    photos, random = load(arguments.photos), np.random.default_rng(SEED)
    if arguments.simulated:
        sampler = SceneSampler(photos)
        scenes = [sampler.sample(random) for _ in range(arguments.simulated)]
    else:
        scenes = [photo_scene(photo) for photo in photos for _ in range(arguments.rounds)]
    return [(scene, ask(scene, random, arguments.queries, HELD_OUT)) for scene in scenes]


@torch.no_grad()
def outputs_of(model, batch, hide_image=False):
    class_logits, context, gate, singular = (output[0] for output in model(batch, hide_image)[:4])
    return class_logits.numpy(), context.numpy(), torch.sigmoid(gate).numpy(), singular.numpy()


def rule_outputs(model, batch):
    """The detector rule in the model's form: step 0 of training, but the model counts what is asked for."""
    with torch.no_grad():
        best = (batch["prior"][0][:, None] * batch["scores"][0][None]).amax(-1)
        logits = (1.8 * torch.logit(best, eps=0.01) + 2.5).numpy()
    _, _, gate, singular = outputs_of(model, batch)
    return logits, np.zeros_like(logits), gate, singular


def judge(outputs, scene, queries, threshold=PRESENCE_THRESHOLD):
    """Per query: (kind, F1, covered IoU, whether its head is a held-out class)."""
    class_logits, context, gate, singular = outputs
    total, results = total_score(class_logits, context, gate), []
    singular = (singular > 0) & (gate[:, 0] > 0.5)  # "the dog" alone asks for every dog
    for index, query in enumerate(queries):
        chosen = scene.regions[select(total[index], class_logits[index], singular[index], scene.regions, threshold)]
        aims = scene.objects[query.targets]
        head = set(query.mentions[0] if query.mentions else [query.described])
        results.append((query.kind, selection_f1(chosen, aims), box_iou(chosen, aims), bool(head & HELD_OUT_CLASSES)))
    return results


def table(results):
    """Results by method -> rows (name, number, per method F1 and IoU)."""
    methods, first = list(results), next(iter(results.values()))
    kinds = list(dict.fromkeys([*KINDS, *(result[0] for result in first)]))
    groups = {kind: [i for i, r in enumerate(first) if r[0] == kind] for kind in kinds}
    groups["context kinds"] = [i for i, r in enumerate(first) if r[0] in CONTEXT_KINDS]
    groups["held-out classes"] = [i for i, r in enumerate(first) if r[3]]
    groups["all"] = list(range(len(first)))
    rows = []
    for name, members in groups.items():
        if members:
            means = {m: [float(np.mean([results[m][i][k] for i in members])) for k in (1, 2)] for m in methods}
            rows.append((name, len(members), means))
    return rows


def print_table(rows):
    methods = list(rows[0][2])
    print(f"{'':18}{'n':>6}" + "".join(f"{method:>18}" for method in methods))
    for name, number, means in rows:
        print(f"{name:18}{number:6}" + "".join(f"{f1:11.3f}{iou:7.3f}" for f1, iou in means.values()))


def parser_of_cases(description):
    """Arguments that say what to evaluate on; used by the study too."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--photos", required=True)
    parser.add_argument("--simulated", type=int, default=0, help="number of simulated scenes instead of the photos")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of queries per photo")
    parser.add_argument("--queries", type=int, default=12)
    parser.add_argument("--bench", help="queries of the benchmark, about the photos of --split in --data")
    parser.add_argument("--data")
    parser.add_argument("--split", choices=["train", "val"], default="val")
    parser.add_argument("--threshold", type=float, default=PRESENCE_THRESHOLD, help="of presence, see calibrate.py")
    parser.add_argument("--json", help="also write the figures here")
    return parser


def main():
    arguments = parser_of_cases(__doc__.splitlines()[0]).parse_args()
    model, batcher = load_reasoner(arguments.weights), Batcher(TextEncoder(arguments.models))
    results = {"rule": [], "reasoner": [], "no image tokens": []}
    for scene, queries in cases_from(arguments):
        batch = batcher.batch([scene], [queries])
        outputs = outputs_of(model, batch)
        results["rule"] += judge(rule_outputs(model, batch), scene, queries, 0.0)
        results["reasoner"] += judge(outputs, scene, queries, arguments.threshold)
        results["no image tokens"] += judge(
            outputs_of(model, batch, hide_image=True), scene, queries, arguments.threshold
        )
    rows = table(results)
    print_table(rows)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump([{"group": name, "queries": number, **means} for name, number, means in rows], file, indent=2)


if __name__ == "__main__":
    main()
