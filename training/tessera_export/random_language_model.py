"""Writes a language model of a known shape with random weights, for `npm run bench:prefill -- --shape`.

    python -m tessera_export.random_language_model --shape llama-7b --out DIRECTORY

The graph is that of an exported LISA without its heads: output `states` [Q, width] of the last tokens, and `tokens`.
All layers have the weights of the first one, which are on disk once; the time of a run does not depend on them.
"""

import argparse
import re
from pathlib import Path

import torch

from tessera_export.export_graph import PRECISIONS, ExportGraph
from tessera_export.language_model import LanguageModel, LlamaConfig, language_contract
from tessera_training.graph import FLOAT
from tessera_training.weight_files import SIZE, block_weights, stored_product

VOCABULARY = 1024  # of the prompts; an embedding of any size costs a run nothing


def shape(layers, width, heads, key_heads, hidden, theta):
    return LlamaConfig(layers, width, heads, key_heads, hidden, VOCABULARY, 1e-5, theta, positions=4096)


SHAPES = {
    "llama-7b": shape(32, 4096, 32, 32, 11008, 10_000.0),
    "llama-1b": shape(16, 2048, 32, 8, 8192, 500_000.0),
    "smollm2": shape(30, 576, 9, 3, 1536, 100_000.0),
    "tiny": shape(4, 64, 4, 2, 128, 10_000.0),
}


class RandomWeights:
    """Weights by their names in a LLaMA of transformers, the same in all layers; norms are one."""

    def __init__(self, config):
        self.config, self.drawn = config, {}

    def __getitem__(self, name):
        name = re.sub(r"layers\.\d+", "layers.0", name)
        if name not in self.drawn:
            self.drawn[name] = self.draw(name)
        return self.drawn[name]

    def draw(self, name):
        config, size = self.config, self.config.width // self.config.heads
        if name.endswith("norm.weight"):
            return torch.ones(config.width)
        keys = config.key_heads * size
        dims = {"q": (config.width, config.width), "k": (keys, config.width), "v": (keys, config.width)}
        dims |= {"o": (config.width, config.width), "down": (config.width, config.hidden)}
        dims |= {part: (config.hidden, config.width) for part in ("gate", "up")}
        part = re.search(r"(\w+?)_proj", name)
        rows, columns = dims[part[1]] if part else (config.vocabulary, config.width)
        return torch.randn(rows, columns) * columns**-0.5


class SharedWeights(ExportGraph):
    """Has the weights of the first layer in all others."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.blocks = {}

    def product(self, x, name, weight, bits=4):
        name = re.sub(r"layers\.\d+", "layers.0", name)
        if self.precision != "int4" or weight.shape[1] % SIZE:
            return super().product(x, name, weight, bits)
        if name not in self.blocks:
            self.blocks[name] = block_weights(self, self.file, name, weight, bits)
        return stored_product(self, x, self.blocks[name], weight.shape, bits)


def write(name, path, image_tokens, precision):
    """Writes a graph of one of SHAPES and gives its shape."""
    config = SHAPES[name]
    torch.manual_seed(1)
    contract = language_contract(config, image_tokens, {"states": (FLOAT, ["queries", config.width])})
    graph = SharedWeights("language_model", contract, path, precision)
    states, tokens = LanguageModel(graph, config, RandomWeights(config)).decode()
    graph.output("states", graph.single(states))
    graph.output("tokens", tokens)
    graph.save()
    return config


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--image-tokens", type=int, default=256)
    parser.add_argument("--precision", choices=PRECISIONS, default="int4")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    write(arguments.shape, arguments.out / "language_model.onnx", arguments.image_tokens, arguments.precision)


if __name__ == "__main__":
    main()
