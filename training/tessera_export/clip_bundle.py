"""A CLIP checkpoint as a bundle of the pipeline `dual-encoder`."""

import json
import math
import re

import torch
from safetensors.torch import save as safetensors_bytes

from tessera_composition.soft_prompts import PROMPT
from tessera_export.clip_folder import read_config, read_preprocessing, read_tokenizer
from tessera_export.clip_graphs import image_graph, text_graphs
from tessera_export.clip_weights import DTYPES, SharedWeightFile, save
from tessera_training.contract import read_contract

TOKENIZER, EMBEDDING = "tokenizer.json", "token-embedding.safetensors"
GRAPHS = {
    "image_encoder": "image-encoder.onnx",
    "text_encoder": "text-encoder.onnx",
    "soft_prompt_step": "soft-prompt-step.onnx",
}


def export(folder, bundle, precision, report=print):
    config = read_config(folder)
    preprocessing, tokenizer = read_preprocessing(folder, config), read_tokenizer(folder, config)
    with bundle:
        report("image encoder")
        weights = SharedWeightFile(bundle.path("image-encoder.weights"), precision)
        models = {"image_encoder": image_graph(folder, config, preprocessing, weights)}
        report("text encoder and training step")
        weights = SharedWeightFile(bundle.path("text-encoder.weights"), precision)
        models |= zip(("text_encoder", "soft_prompt_step"), text_graphs(folder, config, weights))
        for graph, file in GRAPHS.items():
            save(models[graph], bundle.path(file))
        write_token_embedding(folder, config, precision, bundle.path(EMBEDDING))
        bundle.path(TOKENIZER).write_text(json.dumps(tokenizer.definition(), ensure_ascii=False), encoding="utf-8")
        report("manifest")
        graphs = {graph: (file, read_contract("dual-encoder", graph)) for graph, file in GRAPHS.items()}
        fingerprint = folder.fingerprint()
        content = content_of(folder, fingerprint, settings_of(folder, config, tokenizer), precision)
        bundle.finish(content, graphs, f"{fingerprint} {precision}")


def settings_of(folder, config, tokenizer):
    return {
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


def write_token_embedding(folder, config, precision, path):
    name, dtype = "text_model.embeddings.token_embedding.weight", DTYPES[precision][0]
    table = folder.tensor(name, config.vocabulary, config.text.width).numpy().astype(dtype)
    path.write_bytes(safetensors_bytes({"token_embedding.weight": torch.from_numpy(table)}))


def content_of(folder, fingerprint, settings, precision):
    source, license = folder.path.resolve().name, license_of(folder)
    return {
        "version": fingerprint[:12],
        "description": f"CLIP, exported from the checkpoint {source} with weights in {precision}.",
        "license": license,
        "provenance": [
            {"package": source, "version": fingerprint, "license": license, "url": "", "use": "all weights, tokenizer"}
        ],
        "task": "composition",
        "pipeline": "dual-encoder",
        "settings": settings,
    }


def license_of(folder):
    """As the front matter of the model card has it."""
    card = folder.text("README.md") if "README.md" in folder else ""
    front = re.match(r"---\n(.*?)\n---", card, re.DOTALL)
    found = re.search(r"^license: *(\S+)", front[1], re.MULTILINE) if front else None
    return found[1] if found else "that of the checkpoint, which does not state it"
