"""Counts the multiply-accumulates of a bundle's frozen graphs for one photo of 640 x 480 pixels, from the shapes that
ONNX Runtime's profile gives for every node.

    python bench/scripts/count_macs.py models/tessera-baseline bench/macs.json

It needs `onnx`, `onnxruntime` and `numpy`.
"""

import json
import math
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

ENCODED = (768, 1024)  # 480 x 640 pixels at the image encoder's longest side
SHOWN = (384, 512)  # and at the detector's
FEEDS = {
    "detector": {"image": np.zeros((1, *SHOWN, 3), np.uint8)},
    "image_encoder": {"image": np.zeros((1, *ENCODED, 3), np.uint8), "sizes": np.array([ENCODED], np.int64)},
    "mask_decoder": {
        "embedding": np.zeros((1, 256, 64, 64), np.float16),
        "points": np.array([[[100, 100], [300, 300]]], np.float32),
        "labels": np.array([[2, 3]], np.int64),
        "prompt_embeddings": np.zeros((1, 0, 256), np.float32),
    },
    "text_encoder": {"ids": np.ones((1, 8), np.int64), "lengths": np.array([8], np.int64)},
}


def shape(entry):
    return next(iter(entry.values()))


def macs_of(operator, inputs, outputs):
    """Of the operators that multiply matrices; everything else is left out."""
    result = math.prod(outputs[0])
    if operator == "Conv":
        return result * math.prod(inputs[1][1:])
    if operator == "ConvTranspose":
        return math.prod(inputs[0]) * math.prod(inputs[1][1:])
    if operator in ("MatMul", "Gemm", "DynamicQuantizeMatMul"):
        return result * inputs[0][-1]
    if operator == "MultiHeadAttention":  # query [B, S, D], key [B, L, D]: scores, then their sums of values
        return 2 * math.prod(inputs[0]) * inputs[1][1]
    return 0


def count(path, feeds):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_profiling = True
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        session.run(None, feeds)
        events = json.loads(Path(session.end_profiling()).read_text())
    total = 0
    for event in events:
        arguments = event.get("args", {})
        if event["cat"] != "Node" or "output_type_shape" not in arguments:
            continue
        inputs, outputs = ([shape(entry) for entry in arguments[key]] for key in ("input_type_shape", "output_type_shape"))
        macs = macs_of(arguments["op_name"], inputs, outputs) if outputs else 0
        total += macs
    return total


def main():
    bundle, out = Path(sys.argv[1]), Path(sys.argv[2])
    graphs = json.loads((bundle / "bundle.json").read_text())["graphs"]
    counts = {name: count(bundle / graphs[name]["file"], feeds) for name, feeds in FEEDS.items()}
    out.write_text(json.dumps(counts, indent=2) + "\n")
    for name, macs in counts.items():
        print(f"{name:14} {macs / 1e9:8.2f} G multiply-accumulates")


if __name__ == "__main__":
    main()
