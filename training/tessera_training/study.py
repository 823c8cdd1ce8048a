"""Pruning methods at equal image-token cuts, in token space, in PyTorch.

    python -m tessera_training.study --weights WEIGHTS --models MODELS --photos CACHE/val.npz

The figure of a method is its mean selection F1; beside it the mean difference to the model with all tokens and the 95 %
interval of that difference (bootstrap over queries).
"""

import json

import numpy as np
import torch

from tessera_training.batches import Batcher
from tessera_training.evaluate import cases_from, judge, parser_of_cases
from tessera_training.frozen import TextEncoder
from tessera_training.model import IMAGE_TOKENS
from tessera_training.priorities import SELECTIONS
from tessera_training.pruning import Step, cluster_scatter_prune, fastv, never_return, pyramid, run, tokens_per_layer
from tessera_training.queries import CONTEXT_KINDS
from tessera_training.weights import load_reasoner

CUTS = (0.5, 0.65, 0.7, 0.75, 0.8)


def budget(config, cut):
    """Tokens per layer in clustering and pruning for a cut, twice as many in clustering: (nc, np) or None."""
    end = config.cluster_layers + config.scatter_layers
    left = (1 - cut) * config.layers * IMAGE_TOKENS - config.scatter_layers * IMAGE_TOKENS
    pruned = int(left / (2 * config.cluster_layers + config.layers - end))
    return (min(IMAGE_TOKENS, 2 * pruned), pruned) if pruned >= 1 else None


def fastv_at(config, cut):
    """FastV with as many full layers, at most two, as leave tokens for the others."""
    for full in (2, 1):
        keep = int(((1 - cut) * config.layers - full) * IMAGE_TOKENS / (config.layers - full))
        if keep >= 1:
            return fastv(full, keep)
    return None


def methods_at(config, cut, scatters):
    """Name -> (plan, selection)."""
    keep = int((1 - cut) * IMAGE_TOKENS)
    methods = {"fastv": (fastv_at(config, cut), "cls")}
    methods |= {f"{name}, never return": (never_return(keep), name) for name in ("cls", "random")}
    if counts := budget(config, cut):
        for name in SELECTIONS:
            methods[f"cluster {name}"] = cluster_scatter_prune(config, *counts), name
        for rule in scatters:
            methods[f"cluster cls, {rule}"] = cluster_scatter_prune(config, *counts, rule), "cls"
    return methods


def outputs_under(model, batch, scene, plan, selection, generator):
    first = plan[0].keep
    priority = torch.from_numpy(SELECTIONS[selection](scene, first, generator))
    class_logits, context, gate, singular = (output[0] for output in run(model, batch, 0, plan, priority))
    return class_logits.numpy(), context.numpy(), torch.sigmoid(gate).numpy(), singular.numpy()


def interval(differences, generator):
    draws = generator.choice(differences, (1000, len(differences))).mean(1)
    return np.quantile(draws, [0.025, 0.975])


def main():
    parser = parser_of_cases(__doc__.splitlines()[0])
    parser.set_defaults(rounds=2)
    parser.add_argument("--cuts", type=float, nargs="+", default=CUTS)
    parser.add_argument(
        "--cluster-layers", type=int, help="where scattering begins; it ends where it was trained to end"
    )
    parser.add_argument("--scatters", nargs="*", default=[], help="scatter rules beside skip")
    arguments = parser.parse_args()
    model, batcher = load_reasoner(arguments.weights), Batcher(TextEncoder(arguments.models))
    if arguments.cluster_layers:
        move_scattering(model.config, arguments.cluster_layers)
    cases = [(scene, queries, batcher.batch([scene], [queries])) for scene, queries in cases_from(arguments)]

    def f1_of(plan, selection):
        generator, results = np.random.default_rng(1), []
        for scene, queries, batch in cases:
            results += judge(outputs_under(model, batch, scene, plan, selection, generator), scene, queries)
        return np.array([result[1] for result in results]), [result[0] for result in results]

    full, kinds = f1_of([Step(0, "all")], "cls")
    context = np.isin(kinds, CONTEXT_KINDS)
    print(f"all tokens: {full.mean():.3f}, context kinds {full[context].mean():.3f}, {len(full)} queries")
    rows, generator = [], np.random.default_rng(2)
    plans = [
        (cut, name, *method)
        for cut in arguments.cuts
        for name, method in methods_at(model.config, cut, arguments.scatters).items()
    ]
    plans.append((None, "pyramid", pyramid(model.config.layers), "cls"))
    for cut, name, plan, selection in plans:
        tokens = tokens_per_layer(plan, model.config.layers)
        real = 1 - sum(tokens) / (model.config.layers * IMAGE_TOKENS)
        f1, _ = f1_of(plan, selection)
        low, high = interval(f1 - full, generator)
        row = {"cut": cut, "method": name, "real_cut": real, "f1": f1.mean(), "difference": (f1 - full).mean()}
        row |= {"low": low, "high": high, "context_difference": (f1 - full)[context].mean(), "tokens": tokens}
        rows.append(row)
        print(
            f"{name:24} cut {real:.3f}  F1 {row['f1']:.3f}  difference {row['difference']:+.3f}"
            f" [{low:+.3f}, {high:+.3f}]"
            f"  context kinds {row['context_difference']:+.3f}  {tokens}",
            flush=True,
        )
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(rows, file, indent=2, default=float)


def move_scattering(config, cluster_layers):
    config.scatter_layers += config.cluster_layers - cluster_layers
    config.cluster_layers = cluster_layers


if __name__ == "__main__":
    main()
