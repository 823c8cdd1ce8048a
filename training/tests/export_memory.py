"""Measures the memory that an export of LISA takes, with random weights of LISA-7B's widths but few layers.

    python training/tests/export_memory.py DIRECTORY --layers 3 --precision float16

writes DIRECTORY/lisa (two shards), DIRECTORY/clip and DIRECTORY/bundle, about 10 GB, and prints the largest size of the
exporting process beside that of the largest shard.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import torch
from miniature_lisa import CLIP, write_clip, write_configuration, write_index

from tessera_export.checkpoint import MAPPED_BYTES
from tessera_export.fields import Fields
from tessera_export.language_model import LlamaConfig
from tessera_export.lisa_weights import language_shapes, sam_shapes
from tessera_export.random_image_encoder import SHAPES

TRAINING = Path(__file__).resolve().parents[1]
LLAMA = {
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_attention_heads": 32,
    "rms_norm_eps": 1e-6,
    "max_position_embeddings": 2048,
    "vocab_size": 32004,
}
CLIP_L = CLIP | {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}


def write_checkpoint(directory, layers):
    described = LLAMA | {"num_hidden_layers": layers}
    write_configuration(directory, described)
    language = language_shapes(LlamaConfig.read(Fields(described)), CLIP_L["hidden_size"])
    parts = [(language, torch.bfloat16), (sam_shapes(SHAPES["sam-vit-h"]), torch.float32)]
    weight_map = {}
    for number, (shapes, dtype) in enumerate(parts, 1):
        file = f"pytorch_model-{number:05}-of-{len(parts):05}.bin"
        torch.save(
            {name: torch.empty(shape, dtype=dtype).normal_(std=0.02) for name, shape in shapes.items()},
            directory / file,
        )
        weight_map |= dict.fromkeys(shapes, file)
    write_index(directory, weight_map)


def memory_of_export(*words, mapped_bytes=MAPPED_BYTES):
    """Of a process of its own by Linux's account -> its largest size before the export, and after it"""
    code = f"""
from tessera_export import checkpoint, lisa
def most():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
checkpoint.MAPPED_BYTES = {mapped_bytes}
before = most()
lisa.main({[str(word) for word in words]!r})
print(before, most())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=TRAINING, check=True, stdout=subprocess.PIPE, text=True)
    return tuple(int(value) for value in done.stdout.split())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--precision", default="float16")
    arguments = parser.parse_args()
    lisa, clip = arguments.directory / "lisa", arguments.directory / "clip"
    if not lisa.exists():
        write_checkpoint(lisa, arguments.layers)
        write_clip(clip, CLIP_L)
    words = ["--checkpoint", lisa, "--clip", clip, "--out", arguments.directory / "bundle"]
    _, most = memory_of_export(*words, "--precision", arguments.precision)
    shard = max(path.stat().st_size for path in lisa.glob("*.bin"))
    print(f"{most / 1e9:.2f} GB at most, {most / shard:.2f} times the largest shard of {shard / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
