"""The committed graphs of the dual encoder against PyTorch with the weights that they hold."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from onnx import numpy_helper

from tessera_composition.model import Config, TextEncoder
from tessera_composition.step import Prompts, State, loss_of

WEIGHTS = Path(__file__).parents[2] / "packages" / "bundle-builder" / "weights" / "dual-encoder"
DESCRIPTION = WEIGHTS / "dual-encoder.json"
pytestmark = pytest.mark.skipif(not DESCRIPTION.exists(), reason=f"there is no {DESCRIPTION}: export a dual encoder")


def stored_weights(name):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(str(WEIGHTS / name)).graph.initializer}


def difference(value, expected):
    return np.linalg.norm(value - expected) / np.linalg.norm(expected)


@pytest.fixture(scope="module")
def encoder():
    """The text encoder with the weights of the exported step."""
    described = json.loads(DESCRIPTION.read_text())
    weights = {name: torch.tensor(value).float() for name, value in stored_weights("soft-prompt-step.onnx").items()}
    layers = sum(name.endswith(".up.weight") for name in weights)
    config = Config(
        described["text_width"], layers, Config.text_heads, described["context_length"], described["embedding_width"]
    )
    encoder = TextEncoder(config).requires_grad_(False)
    for name in encoder.state_dict():
        if ".qkv." in name:
            weights[name] = torch.cat([weights[name.replace(".qkv.", f".{part}.")] for part in "qkv"])
    encoder.load_state_dict({name: weights[name] for name in encoder.state_dict()})
    return encoder.eval()


def session(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(WEIGHTS / name), options, providers=["CPUExecutionProvider"])


def prompts_of(pairs, random):
    """Prompts of seven tokens that share the first four, for pairs (attribute's row, object's row) of theta."""
    fixed = 0.1 * random.normal(size=(7, 256)).astype(np.float32)
    fixed[4:6] = 0
    rows = np.full((len(pairs), 7), 7)
    rows[:, 4:6] = pairs
    return Prompts(
        torch.from_numpy(fixed).repeat(len(pairs), 1, 1), torch.from_numpy(rows), torch.full((len(pairs),), 6)
    )


@pytest.mark.parametrize("name", ["text-encoder.onnx", "soft-prompt-step.onnx"])
def test_both_graphs_hold_the_same_weights(name):
    weights, expected = stored_weights(name), stored_weights("text-encoder.onnx")
    half = {key for key, value in expected.items() if value.dtype == np.float16}
    assert half and all(np.array_equal(weights[key], expected[key]) for key in half)


def test_the_text_encoder_is_that_of_pytorch(encoder):
    random = np.random.default_rng(0)
    texts = 0.1 * random.normal(size=(4, 9, 256)).astype(np.float32)
    texts[:, :3] = texts[0, :3]
    end = np.array([8, 5, 7, 8])
    value = session("text-encoder.onnx").run(None, {"inputs_embeds": texts, "end": end})[0]
    assert difference(value, encoder(torch.from_numpy(texts), torch.from_numpy(end)).numpy()) <= 1e-4


def test_the_gradient_is_that_of_autograd(encoder):
    random = np.random.default_rng(1)
    prompts = prompts_of([(a, o) for a in range(4) for o in range(4, 7)], random)
    theta = torch.from_numpy(0.1 * random.normal(size=(7, 256)).astype(np.float32)).requires_grad_()
    mask = torch.from_numpy(((random.random((7, 256)) > 0.2) / 0.8).astype(np.float32))
    images = F.normalize(torch.from_numpy(random.normal(size=(16, encoder.projection.out_features))).float(), dim=-1)
    labels, scale = torch.arange(16) % 12, 30.0
    loss = loss_of(encoder, theta, mask, prompts, images, labels, scale)
    loss.backward()
    numbers = {"step": 1, "learning_rate": 1e-3, "weight_decay": 0, "logit_scale": scale}
    feeds = {name: np.array(value, np.float32) for name, value in numbers.items()}
    zeros = torch.zeros(7, 256)
    tensors = State(theta.detach(), zeros, zeros)._asdict() | prompts._asdict()
    tensors |= {"dropout_mask": mask, "image_embeds": images, "labels": labels}
    feeds |= {name: value.numpy() for name, value in tensors.items()}
    value, gradient = session("soft-prompt-step.onnx").run(["loss", "gradient"], feeds)
    assert value == pytest.approx(loss.item(), rel=1e-5)
    assert difference(gradient, theta.grad.numpy()) <= 1e-4
