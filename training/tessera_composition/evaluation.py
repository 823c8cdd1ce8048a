"""The generalised evaluation of compositional zero-shot learning, done the long way in float64.

A bias is added to whole matrices, and every prediction is an argmax over all candidates (Purushwalkam et al.,
"Task-Driven Modular Networks", ICCV 2019; as in Nayak, Yu, Bach, "CSP", ICLR 2023). Needs NumPy alone.
"""

import numpy as np

LARGEST_BIAS = 1e3  # beyond any difference of logits
MARGIN = 1e-4  # keeps an image just on the wrong side of its own bias
BIASES = 20


def evaluate_logits(logits, seen, allowed, truths):
    """logits [N, C] float64, seen and allowed [C] bool, truths [N] -> metrics, as soft-prompt papers compute them."""
    scores = np.where(allowed, logits, -np.inf)
    is_seen_image = seen[truths]

    def matches(bias):
        return np.argmax(scores + np.where(seen, 0.0, bias), axis=1) == truths

    def point(bias):
        correct = matches(bias)
        return [float(bias), float(correct[is_seen_image].mean()), float(correct[~is_seen_image].mean())]

    rightly_unseen = matches(LARGEST_BIAS) & ~is_seen_image
    largest_seen = scores[:, seen].max(axis=1)
    differences = np.sort((largest_seen - scores[np.arange(len(truths)), truths])[rightly_unseen] - MARGIN)
    biases = differences[:: max(len(differences) // BIASES, 1)]
    curve = [point(bias) for bias in biases] + [point(LARGEST_BIAS)]
    seen_accuracy = np.array([entry[1] for entry in curve])
    unseen_accuracy = np.array([entry[2] for entry in curve])
    sums = seen_accuracy + unseen_accuracy
    harmonic = np.divide(2 * seen_accuracy * unseen_accuracy, sums, out=np.zeros_like(sums), where=sums > 0)
    best = int(np.argmax(harmonic))
    return {
        "auc": float(np.trapezoid(seen_accuracy, unseen_accuracy)),
        "best_hm": float(harmonic[best]),
        "best_seen": float(seen_accuracy.max()),
        "best_unseen": float(unseen_accuracy.max()),
        "bias": curve[best][0] if harmonic[best] > 0 else LARGEST_BIAS,
        "curve": curve,
    }
