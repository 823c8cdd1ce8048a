"""Trains the dual encoder contrastively on cached features and loose captions.

    python -m tessera_composition.train --cache CACHE --models MODELS --out RUN

Every caption's colour, object and look is learned by its own part of the embedding, also from captions
whose words are put together at random; the whole embedding by CLIP's loss. Training rows of apparel and crops of COCO's
training photos, no validation photo.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from tessera_composition.captions import TEMPLATES, abridged, mixed, words_of
from tessera_composition.features import load_features
from tessera_composition.model import PARTS, Config, DualEncoder, save_model
from tessera_composition.pieces import Tokenizer, piece_embeddings

OWN, MIXED = 64, 64  # captions of a step: of its first pictures, and put together from all
PART_OF_WORD = {"colour": 0, "object": 1}  # index into Words.parts; the look part learns pattern and size
COCO_SHARE = 0.2


class Pictures:
    def __init__(self, cache):
        self.texture, self.meaning, self.pixels, self.labels = load_features(cache)
        train = [i for i, label in enumerate(self.labels) if label["split"] == "train"]
        self.coco = np.array([i for i in train if self.labels[i]["source"] == "coco"])
        apparel = [i for i in train if self.labels[i]["source"] == "apparel"]
        self.apparel = {}  # by garment, so that none is rare
        for index in apparel:
            self.apparel.setdefault(self.labels[index]["object"], []).append(index)

    def draw(self, count, random):
        """Indices of `count` pictures."""
        garments = list(self.apparel.values())
        chosen = []
        for _ in range(count):
            pool = self.coco if random.random() < COCO_SHARE else garments[random.integers(len(garments))]
            chosen.append(pool[random.integers(len(pool))])
        return np.array(chosen)

    def tensors(self, indices, mirrored=None):
        """-> texture, meaning, pixels in [-1, 1]; `mirrored` [B] bool."""
        texture, meaning = (torch.from_numpy(np.asarray(a[indices], np.float32)) for a in (self.texture, self.meaning))
        pixels = torch.from_numpy(np.asarray(self.pixels[indices], np.float32)).permute(0, 3, 1, 2) / 127.5 - 1
        values = texture, meaning, pixels
        if mirrored is None:
            return values
        flip = torch.from_numpy(mirrored)[:, None, None, None]
        return tuple(torch.where(flip, value.flip(-1), value) for value in values)


def cross_entropy(logits, positive, allowed):
    """Mean over rows that have a positive of -log of the share of the positives among the allowed [B, T]."""
    logits = logits.masked_fill(~allowed, -1e4)
    rows = (positive & allowed).any(-1)
    loss = logits.logsumexp(-1) - logits.masked_fill(~(positive & allowed), -1e4).logsumexp(-1)
    return (loss * rows).sum() / rows.sum().clamp(min=1)


def part_losses(parts, text, scale, pictures, captions):
    """parts: name -> [B, w]; text [T, D]; what the pictures show and the captions say -> losses by name."""
    result = {}
    for name, values in zip(PARTS, text.split(list(PARTS.values()), -1)):
        logits = scale * parts[name] @ F.normalize(values, dim=-1).T
        aspects = [PART_OF_WORD[name]] if name in PART_OF_WORD else [2, 3]
        for aspect in aspects:
            said = np.array([words.parts()[aspect] or "" for words in captions])
            shown = np.array([words.parts()[aspect] or "?" for words in pictures])
            allowed = torch.from_numpy(said != "").expand(len(pictures), -1)
            positive = torch.from_numpy(shown[:, None] == said[None])
            key = name if len(aspects) == 1 else f"{name} {['pattern', 'size'][aspect - 2]}"
            result[key] = cross_entropy(logits, positive, allowed)
    return result


WEIGHTS = {"colour": 1.0, "object": 1.0, "look pattern": 0.4, "look size": 0.2, "whole": 0.5, "back": 0.25}


def step_losses(model, tokenizer, pictures, indices, random):
    words = [words_of(pictures.labels[index], random) for index in indices]
    captions = [abridged(own, random) for own in words[:OWN]] + [mixed(words, random) for _ in range(MIXED)]
    texts = [caption.text(TEMPLATES[random.integers(len(TEMPLATES))]) for caption in captions]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        parts = model.image.parts(*pictures.tensors(indices, random.random(len(indices)) < 0.5))
        text = model.encode_texts(texts, tokenizer)
    parts, text = {name: value.float() for name, value in parts.items()}, text.float()
    scale = model.logit_scale
    losses = part_losses(parts, text, scale, words, captions)
    logits = scale * F.normalize(torch.cat(list(parts.values()), -1), dim=-1) @ F.normalize(text, dim=-1).T
    positive = torch.tensor([[caption.describes(own) for caption in captions] for own in words])
    everything = torch.ones_like(positive)
    losses["whole"] = cross_entropy(logits, positive, everything)
    losses["back"] = cross_entropy(logits.T, positive.T, everything.T)
    return losses


def train(arguments):
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    random, pictures = np.random.default_rng(0), Pictures(arguments.cache)
    tokenizer = Tokenizer(arguments.models)
    model = DualEncoder(Config(), piece_embeddings(arguments.models))
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": arguments.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=arguments.rate, betas=(0.9, 0.98), fused=True)
    log, sums, started = (arguments.out / "log.jsonl").open("w"), {}, time.time()
    model.train()
    for step in range(arguments.steps):
        losses = step_losses(model, tokenizer, pictures, pictures.draw(arguments.batch, random), random)
        sum(WEIGHTS[name] * loss for name, loss in losses.items()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        share = step / arguments.steps
        for group in optimizer.param_groups:
            group["lr"] = arguments.rate * min(1, (step + 1) / 100) * (0.5 + 0.5 * np.cos(np.pi * share))
        optimizer.step()
        optimizer.zero_grad()
        for name, loss in losses.items():
            sums[name] = sums.get(name, 0) + loss.item() / 50
        if (step + 1) % 50 == 0:
            record = {"step": step + 1, "seconds": time.time() - started, "scale": model.logit_scale.item(), **sums}
            print(json.dumps({name: round(value, 4) for name, value in record.items()}), file=log, flush=True)
            sums = {}
        if (step + 1) % 250 == 0 or step + 1 == arguments.steps:
            save_model(arguments.out / "dual.pt", model)
    summary = {"steps": arguments.steps, "batch_size": arguments.batch, "learning_rate": arguments.rate}
    summary |= {"weight_decay": arguments.weight_decay, "seconds": round(time.time() - started)}
    summary["parameters"] = sum(parameter.numel() for parameter in model.parameters())
    (arguments.out / "training.json").write_text(json.dumps(summary, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=160)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    train(arguments)


if __name__ == "__main__":
    main()
