"""The decoder with fewer image tokens: clustering, scattering, pruning (LVLM_CSP, arXiv 2504.10854) and its baselines.

A plan says from which layer on which image tokens take part. A token that takes no part keeps the state it had, which
before its first layer is its embedding; so bringing tokens back needs nothing more (scatter rule "skip"). Tokens keep
their order and their rotary positions. Image tokens see each other but no text, so their states are shared by all
queries of a scene until a plan chooses by attention.

This is the readable version of the exported graph, see export.py.
"""

from dataclasses import dataclass

import torch

from tessera_training.model import HIDDEN, IMAGE_TOKENS, attention, rotary_table
from tessera_training.scenes import REGIONS

SCATTER_RULES = ("skip", "copy", "residual", "reset")


@dataclass
class Step:
    """From `layer` on `keep` image tokens take part, chosen by "priority" or by "attention"; with "all", every one."""

    layer: int
    by: str
    keep: int = IMAGE_TOKENS
    scatter: str = "skip"


def cluster_scatter_prune(config, selected, pruned, scatter="skip"):
    end = config.cluster_layers + config.scatter_layers
    first = Step(0, "priority", selected)
    return [first, Step(config.cluster_layers, "all", scatter=scatter), Step(end, "attention", pruned)]


def fastv(layer, keep):
    return [Step(0, "all"), Step(layer, "attention", keep)]


def pyramid(layers):
    return [Step(0, "all"), *(Step(layers * part // 4, "attention", IMAGE_TOKENS >> part) for part in (1, 2, 3))]


def never_return(keep):
    return [Step(0, "priority", keep)]


def tokens_per_layer(plan, layers):
    """Image tokens that enter each layer."""
    return [[step.keep for step in plan if step.layer <= layer][-1] for layer in range(layers)]


def text_rows(batch, row):
    """The queries of one scene, taken apart again: features [Q, T, 512], kinds [Q, T], index of SEG [Q]."""
    owner = batch["token_query"][row]
    lengths = [int((owner == query).sum()) for query in range(batch["seg"].shape[1])]
    parts = (
        batch["features"][row, : sum(lengths)].split(lengths),
        batch["token_kind"][row, : sum(lengths)].split(lengths),
    )
    features, kinds = (torch.nn.utils.rnn.pad_sequence(part, batch_first=True) for part in parts)
    return features, kinds, torch.tensor(lengths) - 1


def causal(count, device):
    return torch.full((count, count), HIDDEN, device=device).triu(1)


def layer_with_prefix(block, image, text, image_rotary, text_rotary):
    """Image tokens [P, n, width] with P = 1 (shared) or Q, text [Q, T, width] -> both after the layer and the text's
    attention to image tokens [Q, heads, T, n]."""
    image_q, image_k, image_v = block.project(image, image_rotary)
    q, k, v = block.project(text, text_rotary)
    queries, count = len(text), image.shape[1]
    keys = torch.cat([image_k.expand(queries, -1, -1, -1), k], 2)
    values = torch.cat([image_v.expand(queries, -1, -1, -1), v], 2)
    bias = torch.nn.functional.pad(causal(text.shape[1], text.device), (count, 0))
    weights = attention(q, keys, bias)
    image = block.finish(image, attention(image_q, image_k, 0.0) @ image_v)
    return image, block.finish(text, weights @ values), weights[..., :count]


def scatter(rule, states, embeddings, selected, centres):
    """States [1, N, width] when the tokens outside `selected` [n] come back; "nearest" is by box centre [N, 2]."""
    if rule == "skip":
        return states
    if rule == "reset":
        return embeddings
    distances = (centres[:, None] - centres[selected]).square().sum(-1)  # [N, n]
    nearest = selected[distances.argmin(1)]  # of a selected token: itself
    moved = states[:, nearest] if rule == "copy" else embeddings + states[:, nearest] - embeddings[:, nearest]
    inside = torch.zeros(len(centres), dtype=torch.bool, device=states.device).index_fill(0, selected, True)
    return torch.where(inside[:, None], states, moved)


def gather_rows(states, index):
    """states [P, N, width], index [P or Q, n] -> [P or Q, n, width]."""
    return states.expand(len(index), -1, -1).gather(1, index[..., None].expand(-1, -1, states.shape[-1]))


@torch.no_grad()
def run(model, batch, row, plan, priority):
    """One scene of a batch under a plan; `priority` [N] ranks its image tokens. -> as Reasoner.score, batch of 1."""
    config, size = model.config, model.config.width // model.config.heads
    regions, scores = batch["regions"][row : row + 1], batch["scores"][row : row + 1]
    embeddings = model.embed_image(regions, scores, batch["grid"][row : row + 1])
    boxes = torch.cat([model.cells[0], regions[0]])
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    features, kinds, seg = text_rows(batch, row)
    text = model.embed_text(features, kinds, seg[:, None], batch["prior"][row][:, None])
    every = torch.arange(IMAGE_TOKENS, device=text.device)[None]
    text_rotary = rotary_table(IMAGE_TOKENS + torch.arange(text.shape[1], device=text.device)[None], size)
    states, active, seen = embeddings, every, None  # seen: attention of SEG to the active tokens [Q, n]

    for layer, block in enumerate(model.blocks):
        for step in (step for step in plan if step.layer == layer):
            if step.by == "all":
                if active.shape[1] < IMAGE_TOKENS:
                    states = scatter(step.scatter, states, embeddings, active[0], centres)
                active = every
            elif step.by == "priority":
                active = priority.topk(step.keep).indices.sort().values[None]
            else:
                best = seen.topk(min(step.keep, active.shape[1])).indices.sort(-1).values
                active = active.expand(len(best), -1).gather(1, best)
                states = states.expand(len(active), -1, -1)
        image, text, weights = layer_with_prefix(
            block, gather_rows(states, active), text, rotary_table(active, size), text_rotary
        )
        states = states.scatter(1, active[..., None].expand_as(image), image)
        seen = weights[torch.arange(len(seg)), :, seg].mean(1)
        if layer + 1 == config.cluster_layers + config.scatter_layers:
            region_states = states[:, -REGIONS:]
    final = text[torch.arange(len(seg)), seg]
    prior, scores = batch["prior"][row][:, None], scores.expand(len(seg), -1, -1)
    return tuple(output.transpose(0, 1) for output in model.score(final[:, None], region_states, prior, scores))
