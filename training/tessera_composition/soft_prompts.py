"""Training and evaluation of soft prompts in PyTorch: the reference of packages/dual-encoder.

A pair is a tuple of names, its attributes and then its object. `csp` learns a row for each attribute and each object
(Nayak, Yu, Bach, ICLR 2023), `coop` the rows of the words "a photo of" (Zhou et al., 2022), `clip` nothing.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from tessera_composition.evaluation import evaluate_logits
from tessera_composition.seeded_random import dropout_mask, epoch_order
from tessera_composition.step import Prompts, fresh_state, soft_prompt_step

PROMPT = "a photo of"


@dataclass
class Recipe:
    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 5e-4
    weight_decay: float = 1e-5
    dropout: float = 0.2


RECIPES = {"clip": Recipe(epochs=0), "coop": Recipe(dropout=0.0), "csp": Recipe()}


class Tokens:
    """The token embedding and what is made of it: `table` [V + 2, W] with the rows of start and end last."""

    def __init__(self, table, tokenize):
        self.table, self.tokenize = table.detach(), tokenize
        self.start, self.end = self.table[-2], self.table[-1]
        self.words = self.table[tokenize(PROMPT)]

    def mean_row(self, name):
        return self.table[self.tokenize(name)].mean(0)


def attributes_and_objects(pairs):
    """Names of all pairs, sorted."""
    return sorted({name for pair in pairs for name in pair[:-1]}), sorted({pair[-1] for pair in pairs})


def initial_theta(tokens, seen_pairs, method):
    """-> [P, W]: for csp the rows of the attributes, then of the objects."""
    if method == "coop":
        return tokens.words.clone()
    attributes, objects = attributes_and_objects(seen_pairs)
    return torch.stack([tokens.mean_row(name) for name in attributes + objects])


def prompts_of(pairs, tokens, seen_pairs, method):
    """The prompts of `pairs`; names that no seen pair has keep the mean of their word pieces."""
    attributes, objects = attributes_and_objects(seen_pairs)
    own = method != "coop"  # whether names have rows of theta
    attribute_rows = {name: row for row, name in enumerate(attributes)} if own else {}
    object_rows = {name: row for row, name in enumerate(objects, len(attributes))} if own else {}

    def slots(pair):
        """Of each place, a row of theta or an embedding."""
        words = list(tokens.words) if own else list(range(len(tokens.words)))
        names = [attribute_rows.get(name, tokens.mean_row(name)) for name in pair[:-1]]
        return [tokens.start, *words, *names, object_rows.get(pair[-1], tokens.mean_row(pair[-1])), tokens.end]

    filled = [slots(pair) for pair in pairs]
    length = max(map(len, filled))
    none = len(attributes) + len(objects) if own else len(tokens.words)
    prompts = torch.zeros(len(pairs), length, tokens.table.shape[1])
    rows = torch.full((len(pairs), length), none)
    for index, places in enumerate(filled):
        for place, slot in enumerate(places):
            if isinstance(slot, int):
                rows[index, place] = slot
            else:
                prompts[index, place] = slot
    return Prompts(prompts, rows, torch.tensor([len(places) - 1 for places in filled]))


@torch.no_grad()  # of everything but theta, which torch.func differentiates by
def train(encoder, logit_scale, tokens, seen_pairs, images, labels, method, recipe, seed, on_epoch=None):
    """Images [N, D] of unit length, labels int64 [N] that index seen_pairs -> theta [P, W], mean loss of each epoch.

    `on_epoch` is called with theta after every epoch.
    """
    theta = initial_theta(tokens, seen_pairs, method)
    if method == "clip":
        return theta, []
    prompts, state = prompts_of(seen_pairs, tokens, seen_pairs, method), fresh_state(theta)
    history, step = [], 0
    for epoch in range(1, recipe.epochs + 1):
        order, losses = torch.from_numpy(epoch_order(seed, epoch, len(labels))), []
        for batch in order.split(recipe.batch_size):
            step += 1
            mask = torch.from_numpy(dropout_mask(seed, step, tuple(theta.shape), recipe.dropout))
            loss, _, state = soft_prompt_step(
                encoder, state, step, recipe.learning_rate, recipe.weight_decay, mask,
                prompts, images[batch], labels[batch], logit_scale,
            )  # fmt: skip
            losses.append(loss.item())
        history.append(float(np.mean(losses)))
        if on_epoch is not None:
            on_epoch(state.theta)
    return state.theta, history


@torch.no_grad()
def encode_pairs(encoder, tokens, theta, pairs, seen_pairs, method, batch=1024):
    """-> text embeddings [C, D] of unit length."""
    prompts = prompts_of(pairs, tokens, seen_pairs, method)
    filled = prompts.filled(theta)
    parts = [encoder(*part) for part in zip(filled.split(batch), prompts.end.split(batch))]
    return F.normalize(torch.cat(parts), dim=-1)


def evaluate(encoder, logit_scale, tokens, theta, seen_pairs, pairs, images, truths, method):
    """Images [N, D] of unit length, truths [N] that index `pairs` -> metrics as evaluation.py gives them.

    The candidates are `pairs`. Closed world: the seen pairs and those of the images; open world: every attribute with
    every object.
    """
    text = encode_pairs(encoder, tokens, theta, pairs, seen_pairs, method)
    logits = (float(logit_scale) * images @ text.T).double().numpy()
    known = set(seen_pairs)
    seen = np.array([pair in known for pair in pairs])
    return evaluate_logits(logits, seen, np.ones(len(pairs), bool), np.asarray(truths))
