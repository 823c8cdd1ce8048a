"""Weights of the reasoner in half precision: python -m tessera_training.weights RUN/checkpoint.pt reasoner.pt"""

import argparse
from dataclasses import asdict

import torch

from tessera_training.model import Config, new_reasoner


def load_reasoner(path):
    """A checkpoint or a half-precision file -> the model, ready to run."""
    stored = torch.load(path, map_location="cpu")
    model = new_reasoner(config=Config(**stored["config"]))
    model.load_state_dict({name: value.float() for name, value in stored["model"].items()})
    return model.eval()


def save_reasoner(model, path):
    """A half-precision file of the model."""
    state = {name: value.half() for name, value in model.state_dict().items()}
    torch.save({"model": state, "config": asdict(model.config)}, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("weights")
    arguments = parser.parse_args()
    save_reasoner(load_reasoner(arguments.checkpoint), arguments.weights)


if __name__ == "__main__":
    main()
