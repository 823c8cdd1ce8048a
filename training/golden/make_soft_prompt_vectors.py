"""Writes a small dual encoder as a bundle, and what PyTorch makes of it, for the tests of packages/dual-encoder.

    python3 -m venv .venv && .venv/bin/pip install -e training
    .venv/bin/python training/golden/make_soft_prompt_vectors.py packages/dual-encoder/test-vectors

`dual-encoder/` is a bundle with random weights that has every file of tessera-dual, its step exported as the real one
is; images have SIDE x SIDE pixels. `soft-prompts.json`, with arrays as base64 of little-endian float32 unless it says
otherwise:
  texts     [{text, embedding [D]}]: of whole captions that are cut into word pieces, not normalised
  step      {inputs, outputs}: of the graph soft_prompt_step, name -> {type, dims, data}; outputs by torch.autograd and
            torch.optim.Adam, the moments of an earlier step included
  pictures  uint8 [N, SIDE, SIDE, 3]
  examples  [{attributes, object, set}]: what each picture shows
  trainings [{method, recipe, examples, loss [epochs], validation [epochs], initial, theta}]: of the pictures with the
            given indices; mean loss of each epoch, metrics on those of the set "val" among the seen pairs and their
            own, the learned rows [P, W] before the first and after the last epoch
"""

import base64
import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto

from tessera_composition.export import EncoderGraph, StepGraph, safetensors
from tessera_composition.model import Config, TextEncoder
from tessera_composition.soft_prompts import PROMPT, Recipe, Tokens, evaluate, initial_theta, prompts_of, train
from tessera_composition.step import State, loss_of
from tessera_training.contract import Contract, described
from tessera_training.frozen import Tokenizer
from tessera_training.graph import FLOAT, Graph

SEED = 20261122
SIDE, BLOCK = 8, 4  # of an image, and of the blocks whose means its embedding is made of
CONFIG = Config(text_width=16, text_layers=2, text_heads=2, context_length=10, embedding_width=12)
SCALE = 20.0
ATTRIBUTES, PATTERNS, OBJECTS = ["blue", "green", "red"], ["plain", "striped"], ["dress", "hat", "shirt", "shoes"]
# "shoes" and "hat" have two pieces; every symbol that begins a piece is one.
PIECES = [
    ["\u2581", -9],
    *[[f"\u2581{word}", -1] for word in [*PROMPT.split(), *ATTRIBUTES, *PATTERNS, "dress", "shirt"]],
]
PIECES += [["\u2581sho", -2], ["es", -2], ["e", -9], ["\u2581ha", -2], ["t", -3]]
BATCHES = {"image_encoder": {"batch": "batch"}, "text_encoder": {"batch": "prompts"}}
UNSEEN = {("blue", "shirt"), ("red", "hat"), ("plain", "red", "dress"), ("striped", "green", "shoes")}
# Adam's default but for the rate: two hundred times the usual one, since there are few steps.
RECIPES = {
    "csp": Recipe(epochs=6, batch_size=16, learning_rate=0.1, weight_decay=1e-3, dropout=0.2),
    "coop": Recipe(epochs=4, batch_size=16, learning_rate=0.1, weight_decay=1e-3, dropout=0.0),
}


# --- the bundle


def small_text_encoder():
    """Random weights that survive half precision."""
    encoder = TextEncoder(CONFIG).eval().requires_grad_(False)
    for parameter in encoder.parameters():
        parameter.copy_((parameter + 0.1 * torch.randn_like(parameter)).half().float())
    return encoder


def image_encoder(weight):
    """weight [D, 3 * blocks] -> a graph like tessera-dual's."""
    inputs = {"pixels": (TensorProto.UINT8, ["batch", SIDE, SIDE, 3])}
    outputs = {"image_embeds": (FLOAT, ["batch", len(weight)])}
    graph, blocks = Graph("image_encoder", Contract(inputs, outputs)), (SIDE // BLOCK) ** 2
    planes = graph.node("Transpose", graph.cast("pixels", FLOAT), perm=[0, 3, 1, 2])
    means = graph.node("AveragePool", planes, kernel_shape=[BLOCK, BLOCK], strides=[BLOCK, BLOCK])
    scaled = graph.add(graph.scaled(means, 1 / 127.5), graph.constant(-1))
    product = graph.node("Gemm", graph.reshape(scaled, -1, 3 * blocks), graph.weight("weight", weight), transB=1)
    graph.output("image_embeds", product)
    return graph.model()


def embed_pictures(pictures, weight):
    """uint8 [N, SIDE, SIDE, 3] -> [N, D] of unit length, as image_encoder and what comes after it."""
    means = F.avg_pool2d(torch.from_numpy(pictures).permute(0, 3, 1, 2).float(), BLOCK)
    return F.normalize((means / 127.5 - 1).flatten(1) @ weight.T, dim=-1)


def write_bundle(directory, graphs, table, tokenizer):
    directory.mkdir(parents=True, exist_ok=True)
    for name, model in graphs.items():
        onnx.save(model, str(directory / f"{name.replace('_', '-')}.onnx"))
    (directory / "token-embedding.safetensors").write_bytes(safetensors("token_embedding.weight", table))
    (directory / "tokenizer.json").write_text(json.dumps(tokenizer) + "\n")
    contents = {path.name: path.read_bytes() for path in sorted(directory.iterdir()) if path.name != "bundle.json"}
    manifest = {
        "schema": 3,
        "name": "small-dual",
        "version": "1",
        "description": "A dual encoder with random weights, for tests.",
        "license": "Apache-2.0",
        "built_from": "",
        "provenance": [],
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in contents.items()
        },
        "graphs": {
            name: {"file": f"{name.replace('_', '-')}.onnx", **described(model), **BATCHES.get(name, {})}
            for name, model in graphs.items()
        },
        "task": "composition",
        "pipeline": "dual-encoder",
        "settings": {
            "image_size": SIDE,
            "resize": "stretch",
            "token_embedding": "token-embedding.safetensors",
            "tokenizer": "tokenizer.json",
            "start_token": len(table) - 2,
            "end_token": len(table) - 1,
            "context_length": CONFIG.context_length,
            "prompt": PROMPT,
            "logit_scale": SCALE,
            "text_width": CONFIG.text_width,
            "embedding_width": CONFIG.embedding_width,
        },
    }
    (directory / "bundle.json").write_text(json.dumps(manifest, indent=2) + "\n")


# --- pictures


def picture(pair, random):
    """The last attribute is the colour, stripes darken the left half, the object says which corner is bright."""
    pixels = random.normal(90, 25, (SIDE, SIDE, 3))
    pixels[..., ATTRIBUTES.index(pair[-2])] += 70
    place = OBJECTS.index(pair[-1])
    rows, columns = (slice(BLOCK * at, BLOCK * at + BLOCK) for at in divmod(place, 2))
    pixels[rows, columns] += 60
    if pair[0] == "striped":
        pixels[:, : SIDE // 2] -= 60
    return np.clip(pixels, 0, 255).astype(np.uint8)


def make_examples(random):
    """-> pictures, pairs, sets; of each number of attributes, the seen pairs and then those of the validation set."""
    single = [(a, o) for a in ATTRIBUTES for o in OBJECTS]
    double = [(p, a, o) for p in PATTERNS for a in ATTRIBUTES for o in ("dress", "shoes")]
    pairs, sets = [], []
    for pair in single + double:
        counts = {"train": 0 if pair in UNSEEN else 8, "val": 4}
        for name, count in counts.items():
            pairs += [pair] * count
            sets += [name] * count
    return np.stack([picture(pair, random) for pair in pairs]), pairs, sets


# --- vectors


def encode(array):
    kind = {"f": "<f4", "i": "<i8", "u": "u1"}[np.asarray(array).dtype.kind]
    return base64.b64encode(np.ascontiguousarray(array, dtype=kind).tobytes()).decode("ascii")


def tensor(value):
    array = np.asarray(value)
    names = {"f": "float32", "i": "int64"}
    return {"type": names[array.dtype.kind], "dims": list(array.shape), "data": encode(array)}


def caption_vectors(encoder, tokens):
    """Captions from start to end, without slots."""
    result = []
    for text in (f"{PROMPT} red dress", f"{PROMPT} blue shirt", f"{PROMPT} striped green dress", f"{PROMPT} red shoes"):
        ids = [len(tokens.table) - 2, *tokens.tokenize(text), len(tokens.table) - 1]
        embedding = encoder(tokens.table[ids][None], torch.tensor([len(ids) - 1]))[0]
        result.append({"text": text, "embedding": encode(embedding.numpy())})
    return result


def step_vectors(encoder, tokens, random):
    """The third step of a training with several attributes."""
    pairs = [("red", "dress"), ("blue", "shoes"), ("striped", "red", "shirt")]
    prompts, theta = prompts_of(pairs, tokens, pairs, "csp"), initial_theta(tokens, pairs, "csp").requires_grad_()
    optimizer = torch.optim.Adam([theta], lr=0.01, weight_decay=0.05)
    for _ in range(3):
        moments = optimizer.state.get(theta) or {name: torch.zeros_like(theta) for name in ("exp_avg", "exp_avg_sq")}
        before = State(theta.detach(), moments["exp_avg"], moments["exp_avg_sq"])
        before = {name: value.clone().numpy() for name, value in before._asdict().items()}
        mask = torch.from_numpy(((random.random(theta.shape) > 0.3) / 0.7).astype(np.float32))
        images = F.normalize(torch.from_numpy(random.normal(size=(5, CONFIG.embedding_width))).float(), dim=-1)
        labels = torch.from_numpy(random.integers(0, len(pairs), 5))
        optimizer.zero_grad()
        loss = loss_of(encoder, theta, mask, prompts, images, labels, SCALE)
        loss.backward()
        optimizer.step()
    numbers = {"step": 3, "learning_rate": 0.01, "weight_decay": 0.05, "logit_scale": SCALE}
    inputs = before | {name: np.array(value, np.float32) for name, value in numbers.items()}
    inputs |= {"dropout_mask": mask, "image_embeds": images, "labels": labels, **prompts._asdict()}
    after = State(theta.detach(), optimizer.state[theta]["exp_avg"], optimizer.state[theta]["exp_avg_sq"])
    outputs = {"loss": loss.detach(), "gradient": theta.grad} | {f"next_{k}": v for k, v in after._asdict().items()}
    return {
        kind: {name: tensor(value) for name, value in values.items()}
        for kind, values in (("inputs", inputs), ("outputs", outputs))
    }


def training_vectors(encoder, tokens, features, pairs, sets, method, attributes):
    """A whole training on the pictures whose pairs have `attributes` attributes."""
    chosen = [index for index, pair in enumerate(pairs) if len(pair) == attributes + 1]
    fit = [index for index in chosen if sets[index] == "train"]
    validation = [index for index in chosen if sets[index] == "val"]
    seen = sorted({pairs[index] for index in fit})
    candidates = sorted({*seen, *(pairs[index] for index in validation)})
    recipe, seed = RECIPES[method], 7
    metrics = []

    def on_epoch(theta):
        truths = [candidates.index(pairs[index]) for index in validation]
        images = features[validation]
        metrics.append(evaluate(encoder, SCALE, tokens, theta, seen, candidates, images, truths, method))

    labels = torch.tensor([seen.index(pairs[index]) for index in fit])
    theta, history = train(encoder, SCALE, tokens, seen, features[fit], labels, method, recipe, seed, on_epoch)
    print(method, attributes, [round(loss, 3) for loss in history], [round(entry["auc"], 3) for entry in metrics])
    return {
        "method": method,
        "recipe": {**asdict(recipe), "seed": seed},
        "examples": chosen,
        "loss": history,
        "validation": [{name: value for name, value in entry.items() if name != "curve"} for entry in metrics],
        "initial": encode(initial_theta(tokens, seen, method).numpy()),
        "theta": encode(theta.numpy()),
    }


def main(path):
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    random, path = np.random.default_rng(SEED), Path(path)
    encoder = small_text_encoder()
    weight = torch.randn(CONFIG.embedding_width, 3 * (SIDE // BLOCK) ** 2).half().float()
    table = 0.5 * torch.randn(1 + len(PIECES) + 2, CONFIG.text_width)
    graphs = {
        "image_encoder": image_encoder(weight),
        "text_encoder": EncoderGraph(encoder, CONFIG.text_heads).build(),
        "soft_prompt_step": StepGraph(encoder, CONFIG.text_heads).build(),
    }
    tokenizer = {"type": "unigram", "pieces": [["\ufffd", 0], *PIECES], "unknown_id": 0, "reserved": 1}
    write_bundle(path / "dual-encoder", graphs, table.numpy(), tokenizer)
    tokens = Tokens(table, Tokenizer(path / "dual-encoder" / "tokenizer.json").encode)
    pictures, pairs, sets = make_examples(random)
    features = embed_pictures(pictures, weight)
    runs = [("csp", 1), ("coop", 1), ("csp", 2)]
    vectors = {
        "texts": caption_vectors(encoder, tokens),
        "step": step_vectors(encoder, tokens, random),
        "pictures": encode(pictures),
        "examples": [
            {"attributes": list(pair[:-1]), "object": pair[-1], "set": name} for pair, name in zip(pairs, sets)
        ],
        "trainings": [training_vectors(encoder, tokens, features, pairs, sets, *run) for run in runs],
    }
    lines = (f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'))}" for name, value in vectors.items())
    (path / "soft-prompts.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1])
