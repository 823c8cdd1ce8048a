"""Chooses the threshold of presence, on training photos or simulated scenes.

python -m tessera_training.calibrate --weights WEIGHTS --models MODELS --photos CACHE/train.npz --simulated 200
"""

import numpy as np

from tessera_training.batches import Batcher
from tessera_training.evaluate import cases_from, judge, outputs_of, parser_of_cases
from tessera_training.frozen import TextEncoder
from tessera_training.weights import load_reasoner

THRESHOLDS = np.arange(-2, 1.01, 0.25)


def main():
    arguments = parser_of_cases(__doc__.splitlines()[0]).parse_args()
    model, batcher = load_reasoner(arguments.weights), Batcher(TextEncoder(arguments.models))
    results = {threshold: [] for threshold in THRESHOLDS}
    for scene, queries in cases_from(arguments):
        outputs = outputs_of(model, batcher.batch([scene], [queries]))
        for threshold in THRESHOLDS:
            results[threshold] += judge(outputs, scene, queries, threshold)
    print(f"{'threshold':>10}{'F1':>8}{'absent':>8}")
    for threshold, judged in results.items():
        absent = [f1 for kind, f1, *_ in judged if "absent" in kind]
        print(f"{threshold:10.2f}{np.mean([f1 for _, f1, *_ in judged]):8.3f}{np.mean(absent):8.3f}")


if __name__ == "__main__":
    main()
