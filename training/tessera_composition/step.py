"""One step of soft-prompt training: forward, backward, Adam.

`Prompts` are those of the S seen pairs: embeddings [S, n, W] of what is fixed with zeros in the learned slots, for each
slot the row of theta that fills it (P, the number of rows: none), and where each prompt ends.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F

BETAS, EPSILON = (0.9, 0.999), 1e-8


class Prompts(NamedTuple):
    prompts: torch.Tensor  # [S, n, W]
    rows: torch.Tensor  # int64 [S, n]
    end: torch.Tensor  # int64 [S]

    def filled(self, theta):
        """theta [P, W] -> token embeddings [S, n, W]."""
        return self.prompts + F.pad(theta, (0, 0, 0, 1))[self.rows]


class State(NamedTuple):
    """What one step hands to the next, each [P, W]."""

    theta: torch.Tensor
    first_moment: torch.Tensor
    second_moment: torch.Tensor


def fresh_state(theta):
    return State(theta, torch.zeros_like(theta), torch.zeros_like(theta))


def loss_of(encoder, theta, dropout_mask, prompts, image_embeds, labels, logit_scale):
    """Cross-entropy over the prompts of images [B, D] of unit length with labels int64 [B]."""
    text = F.normalize(encoder(prompts.filled(theta * dropout_mask), prompts.end), dim=-1)
    return F.cross_entropy(logit_scale * image_embeds @ text.T, labels)


def adam(state, gradient, step, learning_rate, weight_decay):
    """Adam (Kingma and Ba, 2015) with L2 in the gradient; `step` counts from 1."""
    gradient = gradient + weight_decay * state.theta
    first = BETAS[0] * state.first_moment + (1 - BETAS[0]) * gradient
    second = BETAS[1] * state.second_moment + (1 - BETAS[1]) * gradient**2
    rate = learning_rate / (1 - BETAS[0] ** step)
    spread = (second / (1 - BETAS[1] ** step)).sqrt() + EPSILON
    return State(state.theta - rate * first / spread, first, second)


def soft_prompt_step(
    encoder, state, step, learning_rate, weight_decay, dropout_mask, prompts, image_embeds, labels, logit_scale
):
    """-> loss [], gradient [P, W] without weight decay, the next state."""

    def of_theta(theta):
        return loss_of(encoder, theta, dropout_mask, prompts, image_embeds, labels, logit_scale)

    gradient, loss = torch.func.grad_and_value(of_theta)(state.theta)
    return loss, gradient, adam(state, gradient, step, learning_rate, weight_decay)
