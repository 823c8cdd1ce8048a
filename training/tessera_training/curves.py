"""Draws what a log records by step: python -m tessera_training.curves RUN/log.jsonl RUN/curves.png"""

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend is chosen before pyplot is loaded)

CLOCK = ("step", "seconds", "seconds_per_step")
COLUMNS = 6


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("image")
    arguments = parser.parse_args()
    records = [json.loads(line) for line in arguments.log.read_text().splitlines()]
    names = [name for name in records[0] if name not in CLOCK]
    rows = -(-len(names) // COLUMNS)
    size = 3 * COLUMNS, 2.5 * rows
    figure, axes = pyplot.subplots(rows, COLUMNS, figsize=size, layout="constrained", squeeze=False)
    for axis in axes.flat[len(names) :]:
        axis.remove()
    for axis, name in zip(axes.flat, names):
        axis.plot([record["step"] for record in records], [record[name] for record in records], linewidth=1)
        axis.set(title=name, xlabel="step")
        axis.grid(alpha=0.3)
    figure.savefig(arguments.image, dpi=100)


if __name__ == "__main__":
    main()
