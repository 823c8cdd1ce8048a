"""Draws the losses of a run: python -m tessera_training.curves RUN/log.jsonl RUN/curves.png"""

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend is chosen before pyplot is loaded)

LOSSES = ("regions", "listwise", "class", "gate", "form", "place", "singular")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("image")
    arguments = parser.parse_args()
    records = [json.loads(line) for line in arguments.log.read_text().splitlines()]
    figure, axes = pyplot.subplots(1, len(LOSSES) + 1, figsize=(3.2 * (len(LOSSES) + 1), 2.8), layout="constrained")
    for axis, name in zip(axes, (*LOSSES, "rate")):
        points = [(record["step"], record[name]) for record in records if name in record]
        axis.plot(*zip(*points), linewidth=1)
        axis.set(title=name, xlabel="step")
        axis.grid(alpha=0.3)
    figure.savefig(arguments.image, dpi=100)


if __name__ == "__main__":
    main()
