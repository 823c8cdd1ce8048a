"""What training loops share: processes that average their gradients, and a log of mean losses."""

import json
import os
import signal
import sys
import time

import torch
import torch.distributed as dist


def run_processes(train, processes, arguments):
    """Calls train(rank, processes, arguments) in so many processes; one runs here."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "rendezvous").unlink(missing_ok=True)
    if processes == 1:
        train(0, 1, arguments)
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # a normal exit ends the daemonic processes too
        torch.multiprocessing.spawn(train, (processes, arguments), nprocs=processes, daemon=True)


def join_processes(rank, processes, out):
    """Of several processes each has one thread; they meet at a file in the run's directory."""
    if processes > 1:
        torch.set_num_threads(1)
        place = f"file://{(out / 'rendezvous').absolute()}"
        dist.init_process_group("gloo", init_method=place, rank=rank, world_size=processes)


def average_gradients(model, processes):
    if processes == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    for gradient, part in zip(gradients, (flat / processes).split([g.numel() for g in gradients])):
        gradient.copy_(part.view_as(gradient))


def save_checkpoint(path, **content):
    """Replaces the file once all of it is written, so that an interrupted run finds a whole one."""
    temporary = path.with_suffix(".part")
    torch.save(content, temporary)
    os.replace(temporary, path)


class Progress:
    """Writes a line of mean losses to log.jsonl every `every` steps, of the first process alone."""

    def __init__(self, rank, out, every=20):
        self.file, self.every = (out / "log.jsonl").open("a") if rank == 0 else None, every
        self.start()

    def start(self):
        self.sums, self.count, self.started = {}, 0, time.time()

    def step(self, number, losses, **more):
        """`number` steps are done; `losses` are scalar tensors by name."""
        self.count += 1
        for name, loss in losses.items():
            self.sums[name] = self.sums.get(name, 0) + loss.item()
        if number % self.every:
            return
        record = {"step": number, **more, "seconds_per_step": (time.time() - self.started) / self.count}
        record |= {name: value / self.count for name, value in self.sums.items()}
        if self.file:
            print(json.dumps({name: round(value, 5) for name, value in record.items()}), file=self.file, flush=True)
        self.start()
