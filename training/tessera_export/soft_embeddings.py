"""Turns soft embeddings of the reference CSP code (Nayak, Yu, Bach, ICLR 2023) into a vocabulary of the service.

    python -m tessera_export.soft_embeddings --embeddings soft_embeddings.pt --pairs compositional-split-natural \\
        --bundle ../models/clip-vit-large-patch14 --out mit-states.tessera-vocabulary
    npx tessera vocabulary import mit-states.tessera-vocabulary

The file has `soft_embeddings` [A + O, W], attributes before objects; it has no names. They are in train_pairs.txt,
val_pairs.txt and test_pairs.txt of the data set's split: the reference code takes all attributes and all objects of the
three files, each sorted. The embeddings must have been trained for the checkpoint that the bundle was exported from.
"""

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path

import onnx
import torch
from safetensors.torch import save

from tessera_export.folder import CheckpointError

TENSOR = "soft_embeddings"
FORMAT = "tessera-vocabulary/1"  # of packages/composition/src/vocabulary/vocabulary-file.ts
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
SETS = ("train", "val", "test")


def read_pairs(directory):
    """-> pairs (attribute, object) of each set, as the files have them"""
    return {name: read_pair_file(directory / f"{name}_pairs.txt") for name in SETS}


def read_pair_file(path):
    if not path.is_file():
        raise CheckpointError(f"There is no {path}; --pairs is a directory as compositional-split-natural.")
    pairs = [tuple(line.split()) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    for pair in pairs:
        if len(pair) != 2:
            raise CheckpointError(f'{path} has the line "{" ".join(pair)}", which is no attribute and object.')
    return pairs


def read_embeddings(path):
    """-> float32 [rows, W]; code in the file is not run"""
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path} is not a file of tensors that torch.save wrote: {error}") from None
    rows = stored.get(TENSOR) if isinstance(stored, dict) else None
    if not isinstance(rows, torch.Tensor) or rows.ndim != 2:
        raise CheckpointError(f"{path} has no matrix {TENSOR}; it is not what the reference CSP code saves.")
    return rows.detach().float().contiguous()


def base_hash(bundle, manifest):
    """What soft prompts belong to, as baseHash of packages/dual-encoder computes it."""
    table = manifest["files"][manifest["settings"]["token_embedding"]]["sha256"]
    return hashlib.sha256((graph_hash(bundle, manifest, "text_encoder") + table).encode()).hexdigest()


def graph_hash(bundle, manifest, graph):
    """As `graphHash` of packages/inference: of the graph's file, with the files of its weights where it has some."""
    files, file = manifest["files"], manifest["graphs"][graph]["file"]
    model = onnx.load(bundle / file, load_external_data=False)
    entries = (entry for tensor in model.graph.initializer for entry in tensor.external_data)
    locations = sorted({entry.value for entry in entries if entry.key == "location"})
    if not locations:
        return files[file]["sha256"]
    parts = [files[file]["sha256"], *(f"{location}\0{files[location]['sha256']}\0" for location in locations)]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def vocabulary(rows, sets, bundle, name):
    """-> the bytes of a vocabulary file"""
    manifest = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
    if manifest.get("pipeline") != "dual-encoder":
        raise CheckpointError(f"{bundle} is a bundle of another kind: its pipeline is {manifest.get('pipeline')}.")
    pairs = [pair for pairs in sets.values() for pair in pairs]
    attributes, objects = (sorted({pair[place] for pair in pairs}) for place in (0, 1))
    width = manifest["settings"]["text_width"]
    if rows.shape[1] != width:
        raise CheckpointError(
            f"The embeddings have width {rows.shape[1]}, the text encoder of {manifest['name']} {width}: "
            "they were trained for another CLIP."
        )
    if len(rows) != len(attributes) + len(objects):
        raise CheckpointError(
            f"There are {len(rows)} embeddings for {len(attributes)} attributes and {len(objects)} objects: "
            "the pairs are those of another data set or split."
        )
    if not torch.isfinite(rows).all():
        raise CheckpointError("The embeddings have values that are not finite.")
    metadata = {
        "format": FORMAT,
        "name": name,
        "model": manifest["name"],
        "method": "csp",
        "attributes": json.dumps(attributes),
        "objects": json.dumps(objects),
        "seen_pairs": json.dumps(list(dict.fromkeys(sets["train"]))),
        "logit_scale": json.dumps(manifest["settings"]["logit_scale"]),
        "base": json.dumps({"name": manifest["name"], "sha256": base_hash(bundle, manifest)}),
    }
    return save({"soft_prompts": rows}, metadata)


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--embeddings", type=Path, required=True, help="soft_embeddings.pt")
    parser.add_argument("--pairs", type=Path, required=True, help="directory with train_, val_ and test_pairs.txt")
    parser.add_argument("--bundle", type=Path, required=True, help="the exported CLIP")
    parser.add_argument("--out", type=Path, required=True, help="the vocabulary file")
    parser.add_argument("--name", help="of the vocabulary; otherwise that of --out")
    arguments = parser.parse_args(words)
    name = arguments.name or arguments.out.name.removesuffix(".tessera-vocabulary")
    try:
        if not re.fullmatch(NAME, name):
            raise CheckpointError(f'A vocabulary has up to 64 letters, digits, dots, "_" and "-", not "{name}".')
        if not (arguments.bundle / "bundle.json").is_file():
            raise CheckpointError(f"{arguments.bundle} is no bundle; export the CLIP with tessera_export.clip first.")
        sets, rows = read_pairs(arguments.pairs), read_embeddings(arguments.embeddings)
        arguments.out.write_bytes(vocabulary(rows, sets, arguments.bundle, name))
    except CheckpointError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"The vocabulary {name} is in {arguments.out}; store it with `npx tessera vocabulary import {arguments.out}`."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
