"""Turns a reasoner.onnx into weights again, so that its graph can be exported anew.

    WEIGHTS=../packages/bundle-builder/weights/reasoner
    python -m tessera_training.restore --graph $WEIGHTS/reasoner.onnx --out reasoner.pt

The heads that only training reads are not in the graph; they start anew.
"""

import argparse
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from tessera_training.export import Exporter
from tessera_training.graph import Graph
from tessera_training.model import new_reasoner
from tessera_training.weights import save_reasoner


def restored(graph):
    """The graph of a reasoner.onnx -> a model with its weights."""
    stored = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}

    class Reading(Graph):
        def weight(self, name, tensor):
            """Exporting asks for every weight as a view of a parameter, which takes the stored values here."""
            tensor.detach().copy_(stored[name])
            return super().weight(name, tensor)

    model = new_reasoner()
    Exporter(model, Reading).build()
    made_by = {output: node for node in graph.node for output in node.output}
    scaled, offset = made_by["class_logits"].input
    with torch.no_grad():
        model.calibration.copy_(torch.stack([stored[made_by[scaled].input[1]], stored[offset]]))
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    save_reasoner(restored(onnx.load(arguments.graph).graph), arguments.out)


if __name__ == "__main__":
    main()
