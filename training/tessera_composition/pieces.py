"""Word pieces of Universal Sentence Encoder lite and their embeddings, which stay frozen."""

from pathlib import Path

import onnx
from onnx import numpy_helper

from tessera_training import frozen

PIECES, WIDTH = 8002, 256


def piece_embeddings(models):
    """Directory with the bundle's `text-encoder.onnx` -> float32 [PIECES, WIDTH]."""
    graph = onnx.load(str(Path(models) / "text-encoder.onnx")).graph
    tables = [tensor for tensor in graph.initializer if list(tensor.dims) == [PIECES, WIDTH]]
    if len(tables) != 1:
        raise ValueError(f"text-encoder.onnx has {len(tables)} tables of word pieces [{PIECES}, {WIDTH}]")
    return numpy_helper.to_array(tables[0]).astype("float32")


class Tokenizer:
    """Names of primitives and captions -> ids of word pieces: lower case, dots as spaces."""

    def __init__(self, models):
        self.tokenizer = frozen.Tokenizer(Path(models) / "tokenizer.json")

    def __call__(self, text):
        return self.tokenizer.encode(text.lower().replace(".", " ").strip())
