"""Trains the mask refiner on crops of annotated objects. An interrupted run goes on where it was.

    python -m tessera_masks.train --crops RUN/train.pt --held-out RUN/val.pt --out RUN

The held-out crops are only measured. `refiner.pt` has the running mean of the weights.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from tessera_masks.model import MaskRefiner
from tessera_training.runs import Progress, save_checkpoint

MEAN_DECAY = 0.998
MEASURED_EVERY = 250
WARM_UP = 0.1  # of the steps


def batch_of(crops, indices):
    """-> pixels, logits, targets in 0..1, inside, as numbers"""
    names = "pixels", "logits", "targets", "inside"
    pixels, logits, targets, inside = (crops[name][indices].float() for name in names)
    return pixels, logits, targets / 255 * inside, inside


def mirrored(values, random):
    for axis, share in ((-1, 0.5), (-2, 0.1)):
        if random.random() < share:
            values = [value.flip(axis) for value in values]
    return values


def losses_of(model, pixels, logits, targets, inside):
    """Cross-entropy of the pixels, and 1 - IoU with the probabilities in place of the mask."""
    refined = model.refine_crops(pixels, logits)
    entropy = (F.binary_cross_entropy_with_logits(refined, targets, reduction="none") * inside).mean()
    mask = torch.sigmoid(refined) * inside
    shared = (mask * targets).sum((1, 2))
    union = (mask + targets - mask * targets).sum((1, 2))
    return {"entropy": entropy, "overlap": 1 - ((shared + 1) / (union + 1)).mean()}


@torch.no_grad()
def mean_overlap(model, crops, count=64):
    """-> IoU in the crop, mean over crops: as decoded, refined"""
    model.eval()
    overlaps = []
    for indices in torch.arange(len(crops["pixels"])).split(count):
        pixels, logits, targets, inside = batch_of(crops, indices)
        target = targets > 0.5
        for mask in (logits > 0, model.refine_crops(pixels, logits) > 0):
            mask = mask & (inside > 0)
            shared, union = (mask & target).sum((1, 2)), (mask | target).sum((1, 2))
            overlaps.append((shared / union.clamp(min=1)).sum())
    model.train()
    return [sum(overlaps[kind::2]).item() / len(crops["pixels"]) for kind in (0, 1)]


def shares(crops):
    """How often each crop is drawn: a large object more often than a small one, by the fourth root of its area."""
    areas = crops["areas"].double() ** 0.25
    return (areas / areas.sum()).numpy()


def rate_share(done):
    """The learning rate, as a share of the highest: up along a cosine while it warms up, down along another one."""
    rising = min(done / WARM_UP, 1)
    falling = max(done - WARM_UP, 0) / (1 - WARM_UP)
    return (0.5 - 0.5 * math.cos(math.pi * rising)) * (0.5 + 0.5 * math.cos(math.pi * falling))


def train(arguments):
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    crops, held_out = (torch.load(path) for path in (arguments.crops, arguments.held_out))
    model, mean = MaskRefiner(), MaskRefiner()
    optimizer = torch.optim.AdamW(model.parameters(), arguments.rate, weight_decay=0.02)
    parts = {"model": model, "mean": mean, "optimizer": optimizer}
    checkpoint, first = arguments.out / "checkpoint.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        first = state["step"]
        for name, part in parts.items():
            part.load_state_dict(state[name])
    progress, probabilities = Progress(0, arguments.out), shares(crops)
    for step in range(first, arguments.steps):
        random = np.random.default_rng(step)
        indices = torch.from_numpy(random.choice(len(probabilities), arguments.batch, p=probabilities))
        losses = losses_of(model, *mirrored(batch_of(crops, indices), random))
        optimizer.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = arguments.rate * rate_share((step + 1) / arguments.steps)
        optimizer.step()
        with torch.no_grad():
            decay = min(MEAN_DECAY, (step + 1) / (step + 20))
            for averaged, current in zip(mean.parameters(), model.parameters()):
                averaged.lerp_(current, 1 - decay)
        progress.step(step + 1, losses)
        if (step + 1) % MEASURED_EVERY == 0 or step + 1 == arguments.steps:
            decoded, refined = mean_overlap(mean, held_out)
            print(f"step {step + 1}: IoU of held-out objects in their crops {decoded:.4f}, refined {refined:.4f}")
            save_checkpoint(checkpoint, step=step + 1, **{name: part.state_dict() for name, part in parts.items()})
            torch.save(mean.state_dict(), arguments.out / "refiner.pt")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    train(arguments)


if __name__ == "__main__":
    main()
