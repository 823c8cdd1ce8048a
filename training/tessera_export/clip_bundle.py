"""A CLIP checkpoint as a bundle of the pipeline `dual-encoder`."""

import json
import math
import re
import shutil
from pathlib import Path

import torch
from safetensors.torch import save as safetensors_bytes

from tessera_composition.soft_prompts import PROMPT
from tessera_export.bundle import SCHEMA, file_of
from tessera_export.clip_folder import read_config, read_preprocessing, read_tokenizer
from tessera_export.clip_graphs import image_graph, text_graphs
from tessera_export.clip_weights import DTYPES, SharedWeightFile, save
from tessera_export.folder import CheckpointError
from tessera_training.contract import described, read_contract

MANIFEST, TOKENIZER, EMBEDDING = "bundle.json", "tokenizer.json", "token-embedding.safetensors"
GRAPHS = {
    "image_encoder": "image-encoder.onnx",
    "text_encoder": "text-encoder.onnx",
    "soft_prompt_step": "soft-prompt-step.onnx",
}


def export(folder, out, precision, name, report=print):
    """Writes the bundle; `out` is there as a whole or as it was."""
    check_target(out)
    config = read_config(folder)
    preprocessing, tokenizer = read_preprocessing(folder, config), read_tokenizer(folder, config)
    staging = out.with_name(f".{out.name}-new")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        report("image encoder")
        weights = SharedWeightFile(staging / "image-encoder.weights", precision)
        models = {"image_encoder": image_graph(folder, config, preprocessing, weights)}
        report("text encoder and training step")
        weights = SharedWeightFile(staging / "text-encoder.weights", precision)
        models |= zip(("text_encoder", "soft_prompt_step"), text_graphs(folder, config, weights))
        for graph, file in GRAPHS.items():
            save(models[graph], staging / file)
        write_token_embedding(folder, config, precision, staging / EMBEDDING)
        (staging / TOKENIZER).write_text(json.dumps(tokenizer.definition(), ensure_ascii=False), encoding="utf-8")
        settings = {
            "image_size": config.image_size,
            "resize": "crop",
            "token_embedding": EMBEDDING,
            "tokenizer": TOKENIZER,
            "start_token": tokenizer.start,
            "end_token": tokenizer.end,
            "context_length": config.context_length,
            "prompt": PROMPT,
            "logit_scale": math.exp(folder.tensor("logit_scale").item()),
            "text_width": config.text.width,
            "embedding_width": config.embedding_width,
        }
        report("manifest")
        manifest = manifest_of(folder, staging, models, settings, precision, name)
        (staging / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(out, ignore_errors=True)
        staging.rename(out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def check_target(out):
    """Nothing but a bundle is replaced."""
    if out.exists() and not (out / MANIFEST).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise CheckpointError(f"{out} is there and is no bundle; name a directory that does not exist yet.")


def write_token_embedding(folder, config, precision, path):
    name, dtype = "text_model.embeddings.token_embedding.weight", DTYPES[precision][0]
    table = folder.tensor(name, config.vocabulary, config.text.width).numpy().astype(dtype)
    path.write_bytes(safetensors_bytes({"token_embedding.weight": torch.from_numpy(table)}))


def manifest_of(folder, directory, models, settings, precision, name):
    source, fingerprint = folder.path.resolve().name, folder.fingerprint()
    license = license_of(folder)
    return {
        "schema": SCHEMA,
        "name": name,
        "version": fingerprint[:12],
        "description": f"CLIP, exported from the checkpoint {source} with weights in {precision}.",
        "license": license,
        "provenance": [
            {"package": source, "version": fingerprint, "license": license, "url": "", "use": "all weights, tokenizer"}
        ],
        "built_from": f"{fingerprint} {precision}",
        "task": "composition",
        "pipeline": "dual-encoder",
        "settings": settings,
        "graphs": {graph: graph_of(graph, model) for graph, model in models.items()},
        "files": {file.name: file_of(file) for file in sorted(directory.iterdir())},
    }


def graph_of(graph, model):
    batch = read_contract("dual-encoder", graph).batch
    return {"file": GRAPHS[graph], **described(model), **({} if batch is None else {"batch": batch})}


def license_of(folder):
    """As the front matter of the model card has it."""
    card = folder.text("README.md") if "README.md" in folder else ""
    front = re.match(r"---\n(.*?)\n---", card, re.DOTALL)
    found = re.search(r"^license: *(\S+)", front[1], re.MULTILINE) if front else None
    return found[1] if found else "that of the checkpoint, which does not state it"


def bundle_name(out: Path):
    """The directory's name as far as it can be the name of a bundle."""
    name = re.sub(r"[^a-z0-9.-]+", "-", out.resolve().name.lower()).strip("-.")
    if not name:
        raise CheckpointError(f"The name {out.name} has no letters or digits for the bundle's name; give --name.")
    return name
