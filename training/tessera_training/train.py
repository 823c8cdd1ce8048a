"""Trains the reasoner on simulated scenes. On CPU two one-thread processes average their gradients; a GPU works alone.

    OMP_WAIT_POLICY=PASSIVE python -m tessera_training.train --photos CACHE/train.npz --models MODELS --out RUN

Interrupted runs go on from RUN/checkpoint.pt. Scenes depend on seed, step and process only, so a resumed run is the
same run. The learning rate runs in cycles: in each it warms up, stays, and falls to zero over the last --decays steps.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F

from tessera_training.batches import Batcher
from tessera_training.frozen import TextEncoder
from tessera_training.model import new_reasoner, parameter_count, total_score
from tessera_training.photos import load
from tessera_training.queries import ask
from tessera_training.runs import Progress, average_gradients, join_processes, run_processes, save_checkpoint
from tessera_training.scenes import SceneSampler

QUERIES = 12  # per scene


def arguments_from_command_line():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--out", type=Path, required=True)
    cycles, decays = [5800, 11000, 13200, 21600], [1800, 5200, 2200, 4600]
    parser.add_argument("--cycles", type=int, nargs="+", default=cycles, help="the last step of each cycle")
    parser.add_argument("--decays", type=int, nargs="+", default=decays, help="steps, one number per cycle")
    parser.add_argument("--warmup", type=int, default=100)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--scenes", type=int, default=8, help="per step, over all processes")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-every", type=int, default=100, help="steps between checkpoints")
    return parser.parse_args()


def learning_rate(step, arguments):
    start, end, decay = next(c for c in zip([0, *arguments.cycles], arguments.cycles, arguments.decays) if step < c[1])
    warm = min(1, (step - start + 1) / arguments.warmup)
    return arguments.rate * warm * min(1, (end - step) / decay)


def masked_bce(logits, labels):
    """Summed over regions, near misses left out, weighed so that many targets count little more than one: [B, Q]."""
    loss = F.binary_cross_entropy_with_logits(logits, (labels == 1).float(), reduction="none") * (labels >= 0)
    return loss.sum(-1) / (1 + 0.5 * (labels == 1).sum(-1))


def listwise(logits, labels):
    """Cross-entropy of choosing one region of the target, or nothing (logit 0) when there is no target: [B, Q]."""
    nothing = torch.zeros_like(logits[..., :1])
    choices = torch.cat([logits.masked_fill(labels < 0, -30), nothing], -1)
    right = torch.cat([labels == 1, ~(labels == 1).any(-1, keepdim=True)], -1)
    return choices.logsumexp(-1) - choices.masked_fill(~right, -30).logsumexp(-1)


def centre_and_size(boxes):
    """[..., 4] corners -> [..., 4]"""
    low, high = boxes.chunk(2, -1)
    return torch.cat([(low + high) / 2, high - low], -1)


def where_known(predicted, target):
    """Mean squared error of centres and sizes [..., 4] where the target [..., 5] says that there is one."""
    known = target[..., 4:]
    return ((predicted - target[..., :4]).square() * known).sum() / (4 * known.sum()).clamp(min=1)


def losses(outputs, batch):
    """The class channel learns what an object is, the context channel only from queries that need context."""
    class_logits, context, gate, singular = (output.float() for output in outputs[:4])
    auxiliary = {name: output.float() for name, output in outputs[4].items()}
    needs = batch["context"][..., None].float()
    total = torch.where(needs > 0, total_score(class_logits.detach(), context, 1), class_logits)
    single = batch["singular"] | ~(batch["labels"] == 1).any(-1)
    return {
        "regions": masked_bce(total, batch["labels"]).mean(),
        "listwise": (listwise(total, batch["labels"]) * single).mean(),
        "class": masked_bce(class_logits, batch["class_labels"]).mean(),
        "gate": F.binary_cross_entropy_with_logits(gate, needs),
        "singular": F.binary_cross_entropy_with_logits(singular, batch["singular"].float()),
        "form": F.cross_entropy(auxiliary["form"].flatten(0, 1), batch["form"].flatten()),
        "place": (auxiliary["place"] - centre_and_size(batch["regions"])).square().mean(),
        "standing": F.cross_entropy(auxiliary["standing"].flatten(0, 2), batch["standings"].flatten(), ignore_index=-1),
        "anchor": where_known(auxiliary["anchor"], batch["anchor"]),
        "aim": where_known(auxiliary["aim"], batch["aim"]),
    }


WEIGHTS = {
    "regions": 0.5, "listwise": 2.0, "class": 0.2, "gate": 0.1, "singular": 0.1,
    "form": 0.2, "place": 10.0, "standing": 0.5, "anchor": 10.0, "aim": 5.0,
}  # fmt: skip


class Optimizer(torch.optim.AdamW):
    """AdamW with weight decay on matrices alone."""

    def __init__(self, model, rate):
        matrices = [p for p in model.parameters() if p.ndim >= 2]
        others = [p for p in model.parameters() if p.ndim < 2]
        groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
        super().__init__(groups, lr=rate, betas=(0.9, 0.98), fused=True)


def train(rank, processes, arguments):
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    join_processes(rank, processes, arguments.out)
    sampler = SceneSampler(load(arguments.photos))
    batcher = Batcher(TextEncoder(arguments.models), fallback=0.08)
    torch.manual_seed(arguments.seed)
    model = new_reasoner(batcher.class_vectors).to(device)
    optimizer = Optimizer(model, arguments.rate)
    first, checkpoint, steps = 0, arguments.out / "checkpoint.pt", arguments.cycles[-1]
    if checkpoint.exists():
        stored = torch.load(checkpoint, map_location=device)
        model.load_state_dict(stored["model"])
        optimizer.load_state_dict(stored["optimizer"])
        first = stored["step"]
    if rank == 0:
        print(f"{parameter_count(model) / 1e6:.2f} M parameters, from step {first} to {steps}", flush=True)

    progress = Progress(rank, arguments.out)
    for step in range(first, steps):
        random = np.random.default_rng([arguments.seed, step, rank])
        scenes = [sampler.sample(random) for _ in range(arguments.scenes // processes)]
        batch = batcher.batch(scenes, [ask(scene, random, QUERIES) for scene in scenes], random)
        batch = {name: value.to(device) for name, value in batch.items()}
        with torch.autocast(device.type, dtype=torch.bfloat16):
            outputs = model(batch)
        parts = losses(outputs, batch)
        sum(WEIGHTS[name] * part for name, part in parts.items()).backward()
        average_gradients(model, processes)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, arguments)
        optimizer.step()
        optimizer.zero_grad()

        progress.step(step + 1, parts, rate=learning_rate(step, arguments))
        if rank == 0 and ((step + 1) % arguments.save_every == 0 or step + 1 == steps):
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            save_checkpoint(checkpoint, **state, step=step + 1, config=asdict(model.config))
    if processes > 1:
        dist.destroy_process_group()


def main():
    arguments = arguments_from_command_line()
    run_processes(train, 1 if torch.cuda.is_available() else arguments.processes, arguments)


if __name__ == "__main__":
    main()
