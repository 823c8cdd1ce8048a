"""Exports a trained mask refiner for packages/bundle-builder, which puts it behind SAM's mask decoder.

    python -m tessera_masks.export --weights RUN/refiner.pt --out DIR

DIR gets mask-refiner.onnx, with weights in half precision:

    pixels [P, 32, 64, 64] in the crop, logits [P, 256, 256], boxes [P, 4] in [0, 1] -> refined [P, 256, 256]
"""

import argparse
from pathlib import Path

import torch

from tessera_composition.export import half_precision_weights, without_origins
from tessera_masks.model import FEATURES, SIDE, MaskRefiner

MAP = 256
OPSET = 18


def refiner_graph(model):
    prompts = torch.export.Dim("prompts")
    arguments = torch.zeros(2, FEATURES, SIDE, SIDE), torch.zeros(2, MAP, MAP), torch.tensor([[0.2, 0.3, 0.6, 0.7]] * 2)
    program = torch.onnx.export(
        model.eval(),
        arguments,
        input_names=["pixels", "logits", "boxes"],
        output_names=["refined"],
        opset_version=OPSET,
        dynamic_shapes=[{0: prompts}] * 3,
        dynamo=True,
        verbose=False,
    )
    return half_precision_weights(without_origins(program.model_proto))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    model = MaskRefiner()
    model.load_state_dict(torch.load(arguments.weights))
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "mask-refiner.onnx"
    path.write_bytes(refiner_graph(model).SerializeToString())
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
