"""Turns the committed weights back into a checkpoint that training goes on from, at step 0 and without the optimizer's
state.

    python -m tessera_reader.restore --weights ../packages/bundle-builder/weights/reader --out RUN/checkpoint.pt
"""

import argparse
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from tessera_training.blocks import SIZE


def trained_weights(path):
    """The trained weights in a reader.onnx, by the names that they have in the model; float32."""
    stored = {tensor.name: tensor for tensor in onnx.load(path).graph.initializer}

    def array(name):
        return torch.from_numpy(numpy_helper.to_array(stored[name]).copy()).float()

    state = {}
    for name in stored:
        if name.endswith((".qkv.values", ".out.values")):
            layer = name.removesuffix(".values")
            values, scales, zeros = array(name), array(f"{layer}.scales.half"), array(f"{layer}.zeros")
            scales = scales.view(len(values), -1)
            blocks = values.view(len(values), -1, SIZE) - zeros.view(len(values), -1, 1)
            adapted = ".product" if f"{layer}.lora_down.weight" in stored else ""
            state[f"{layer}{adapted}.weight"] = (blocks * scales[..., None]).flatten(1)
        elif name.startswith(("heads.", "tag_", "blocks.")) and name.endswith(".weight"):
            state[name] = array(name).T
        elif name == "seg" or name.endswith(("_norm", ".bias")):
            state[name] = array(name)
    return state


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": trained_weights(arguments.weights / "reader.onnx"), "step": 0}, arguments.out)


if __name__ == "__main__":
    main()
