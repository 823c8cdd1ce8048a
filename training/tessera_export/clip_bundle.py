"""A CLIP checkpoint as a bundle of the pipeline `dual-encoder`."""

import json
import math
import re

import torch
from safetensors.torch import save as safetensors_bytes

from tessera_composition.soft_prompts import PROMPT
from tessera_export.checkpoint import Single, require
from tessera_export.clip_folder import read_config, read_preprocessing
from tessera_export.clip_graphs import ClipEncoderGraph, image_graph, text_graph, text_graphs
from tessera_export.clip_shapes import clip_shapes
from tessera_export.clip_tokenizer import read_tokenizer
from tessera_export.clip_weights import DTYPES, SharedWeightFile, save
from tessera_training.contract import read_contract

LOGIT_SCALE, LARGEST_LOGARITHM = "logit_scale", 10
# Weights that no answer needs.
UNREAD = (r"(text|vision)_model\.embeddings\.position_ids",)
TOKENIZER, EMBEDDING = "tokenizer.json", "token-embedding.safetensors"
GRAPHS = {
    "image_encoder": "image-encoder.onnx",
    "text_encoder": "text-encoder.onnx",
    "soft_prompt_step": "soft-prompt-step.onnx",
}
# In their place on CUDA: states in half precision. A training step stays in single precision.
CUDA_GRAPHS = {"image_encoder": "image-encoder-cuda.onnx", "text_encoder": "text-encoder-cuda.onnx"}


def export(checkpoint, bundle, precision, report=print, with_cuda=True, check=None):
    """`checkpoint`: Checkpoint of the folder; `with_cuda`: also encoders for CUDA; `check`: that of `finish`"""
    folder, weights = checkpoint.folder, Single(checkpoint)
    config = read_config(folder)
    preprocessing, tokenizer = read_preprocessing(folder, config.image_size), read_tokenizer(folder, config)
    check_weights(checkpoint, config)
    settings = settings_of(checkpoint, config, tokenizer)
    with bundle:
        report("image encoder")
        image_weights = SharedWeightFile(bundle.path("image-encoder.weights"), precision)
        models = {"image_encoder": image_graph(weights, config, preprocessing, image_weights)}
        report("text encoder and training step")
        text_weights = SharedWeightFile(bundle.path("text-encoder.weights"), precision)
        models |= zip(("text_encoder", "soft_prompt_step"), text_graphs(weights, config, text_weights))
        for graph, file in GRAPHS.items():
            save(models[graph], bundle.path(file))
        if with_cuda:
            report("encoders in half precision for CUDA")
            if precision != "float16":  # otherwise the weights are there
                image_weights = SharedWeightFile(bundle.path("image-encoder-cuda.weights"), "float16")
                text_weights = SharedWeightFile(bundle.path("text-encoder-cuda.weights"), "float16")
            cuda_models = {
                "image_encoder": image_graph(weights, config, preprocessing, image_weights, computes_in_half=True),
                "text_encoder": text_graph(ClipEncoderGraph, weights, config, text_weights, computes_in_half=True),
            }
            for graph, file in CUDA_GRAPHS.items():
                save(cuda_models[graph], bundle.path(file))
        write_token_embedding(weights, config, precision, bundle.path(EMBEDDING))
        bundle.path(TOKENIZER).write_text(json.dumps(tokenizer.definition(), ensure_ascii=False), encoding="utf-8")
        report("manifest")
        graphs = {graph: (file, read_contract("dual-encoder", graph)) for graph, file in GRAPHS.items()}
        fingerprint = folder.fingerprint()
        content = content_of(folder, fingerprint, settings, precision)
        bundle.finish(content, graphs, f"{fingerprint} {precision}", CUDA_GRAPHS if with_cuda else None, check)


def check_weights(checkpoint, config):
    shapes = clip_shapes(config) | {LOGIT_SCALE: checkpoint.shape(LOGIT_SCALE) and (1,)}
    checkpoint.require(shapes, "config.json")
    checkpoint.refuse_others(shapes, UNREAD)


def logit_scale_of(checkpoint):
    logarithm = checkpoint[LOGIT_SCALE].item()
    file = checkpoint.directory / checkpoint.place(LOGIT_SCALE).file
    require(
        abs(logarithm) <= LARGEST_LOGARITHM,
        f"{LOGIT_SCALE} of {file} is {logarithm:g}, but has to be a factor's logarithm from "
        f"-{LARGEST_LOGARITHM} to {LARGEST_LOGARITHM}; CLIP has 4.6",
    )
    return math.exp(logarithm)


def settings_of(checkpoint, config, tokenizer):
    return {
        "image_size": config.image_size,
        "resize": "crop",
        "token_embedding": EMBEDDING,
        "tokenizer": TOKENIZER,
        "start_token": tokenizer.start,
        "end_token": tokenizer.end,
        "context_length": config.context_length,
        "prompt": PROMPT,
        "logit_scale": logit_scale_of(checkpoint),
        "text_width": config.text.width,
        "embedding_width": config.embedding_width,
    }


def write_token_embedding(weights, config, precision, path):
    name, dtype = "text_model.embeddings.token_embedding.weight", DTYPES[precision][0]
    table = weights.tensor(name, config.vocabulary, config.text.width).numpy().astype(dtype)
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
    card = (folder.path / "README.md").read_text(encoding="utf-8", errors="replace") if "README.md" in folder else ""
    front = re.match(r"---\n(.*?)\n---", card, re.DOTALL)
    found = re.search(r"^license: *(\S+)", front[1], re.MULTILINE) if front else None
    return found[1] if found else "that of the checkpoint, which does not state it"
