"""The exported graphs of the dual encoder against PyTorch, with random weights."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F

from tessera_composition import model as dual
from tessera_composition.export import (
    EncoderGraph,
    StepGraph,
    description,
    half_precision_weights,
    image_head,
    safetensors,
)
from tessera_composition.soft_prompts import Tokens, initial_theta, prompts_of
from tessera_composition.step import Prompts, State, fresh_state, loss_of, soft_prompt_step

NAMES = ["red", "blue", "striped", "dress", "shirt", "shoes"]
SCALE = 20.0
PAIRS = {
    "csp": [("red", "dress"), ("blue", "dress"), ("red", "shirt")],
    "coop": [("red", "dress"), ("blue", "dress"), ("red", "shirt")],
    "attributes": [("red", "dress"), ("striped", "blue", "dress"), ("blue", "red", "striped", "shoes")],
    "one pair": [("red", "dress")],
}


@pytest.fixture(scope="module")
def encoder():
    """A small text encoder whose weights survive half precision."""
    torch.manual_seed(0)
    config = dual.Config(text_width=32, text_layers=3, text_heads=2, context_length=9, embedding_width=24)
    encoder = dual.TextEncoder(config).eval().requires_grad_(False)
    for parameter in encoder.parameters():
        parameter.copy_((parameter + 0.05 * torch.randn_like(parameter)).half().float())
    return encoder


@pytest.fixture(scope="module")
def tokens():
    """Words of one piece each, one of them of two."""
    torch.manual_seed(1)
    words = ["a", "photo", "of", *NAMES]

    def tokenize(text):
        return [index for word in text.split() for index in ([words.index(word)] if word != "shoes" else [7, 8])]

    return Tokens(torch.randn(len(words) + 2, 32), tokenize)


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def text_session(encoder):
    return session(EncoderGraph(encoder, 2).build())


@pytest.fixture(scope="module")
def step_session(encoder):
    return session(StepGraph(encoder, 2).build())


def difference(value, expected):
    """Relative to the length of the expected values."""
    return np.linalg.norm(np.asarray(value) - np.asarray(expected)) / np.linalg.norm(np.asarray(expected))


# --- text encoder


@pytest.mark.parametrize("shared", [0, 1, 4, 6])
def test_texts_that_begin_alike_get_the_embeddings_of_the_model(encoder, text_session, shared):
    random = torch.Generator().manual_seed(shared)
    texts = torch.randn(5, 8, 32, generator=random)
    texts[:, :shared] = texts[0, :shared]
    end = torch.tensor([7, 6, 7, 6, 7])
    value = text_session.run(None, {"inputs_embeds": texts.numpy(), "end": end.numpy()})[0]
    assert difference(value, encoder(texts, end)) <= 1e-4


def test_equal_texts_and_a_text_alone(encoder, text_session):
    texts = torch.randn(1, 9, 32).expand(3, -1, -1).contiguous()
    for count, end in ((3, [8, 8, 8]), (3, [2, 8, 0]), (1, [5])):
        feeds = {"inputs_embeds": texts[:count].numpy(), "end": np.array(end)}
        expected = encoder(texts[:count], torch.tensor(end))
        assert difference(text_session.run(None, feeds)[0], expected) <= 1e-4


def test_what_follows_the_end_does_not_count(text_session):
    texts = np.random.default_rng(0).normal(size=(2, 7, 32)).astype(np.float32)
    end = np.array([4, 5])
    before = text_session.run(None, {"inputs_embeds": texts, "end": end})[0]
    texts[0, 5:] = 9
    assert np.abs(text_session.run(None, {"inputs_embeds": texts, "end": end})[0] - before).max() <= 1e-5


# --- step


def case(tokens, name, images=10):
    method = name if name == "coop" else "csp"
    pairs = PAIRS[name]
    prompts, theta = prompts_of(pairs, tokens, pairs, method), initial_theta(tokens, pairs, method)
    torch.manual_seed(len(name))
    state = State(theta, 0.01 * torch.randn_like(theta), 1e-4 * torch.rand_like(theta))
    mask = (torch.rand_like(theta) > 0.3) / 0.7
    image_embeds = F.normalize(torch.randn(images, 24), dim=-1)
    return state, mask, prompts, image_embeds, torch.randint(len(pairs), (images,))


def run_step(step_session, state, step, rate, decay, mask, prompts, image_embeds, labels):
    numbers = {"step": step, "learning_rate": rate, "weight_decay": decay, "logit_scale": SCALE}
    tensors = {**state._asdict(), **prompts._asdict()}
    tensors |= {"dropout_mask": mask, "image_embeds": image_embeds, "labels": labels}
    feeds = {name: np.array(value, np.float32) for name, value in numbers.items()}
    feeds |= {name: value.numpy() for name, value in tensors.items()}
    names = ["loss", "gradient", "next_theta", "next_first_moment", "next_second_moment"]
    return dict(zip(names, step_session.run(names, feeds)))


@pytest.mark.parametrize("images", [1, 10])
@pytest.mark.parametrize("name", ["csp", "coop", "attributes"])
def test_loss_and_gradient_are_those_of_autograd(encoder, tokens, step_session, name, images):
    state, mask, prompts, image_embeds, labels = case(tokens, name, images)
    outputs = run_step(step_session, state, 3, 1e-2, 0.1, mask, prompts, image_embeds, labels)
    theta = state.theta.clone().requires_grad_()
    loss = loss_of(encoder, theta, mask, prompts, image_embeds, labels, SCALE)
    loss.backward()
    assert theta.grad.norm() > 1e-3
    assert difference(outputs["gradient"], theta.grad) <= 1e-4
    assert outputs["loss"] == pytest.approx(loss.item(), rel=1e-5)


def test_prompts_that_share_nothing(encoder, tokens, step_session):
    state, mask, prompts, image_embeds, labels = case(tokens, "csp")
    prompts = Prompts(prompts.prompts.clone(), prompts.rows.clone(), prompts.end)
    prompts.rows[:, 0] = torch.tensor([0, 1, 2])
    outputs = run_step(step_session, state, 1, 1e-2, 0, mask, prompts, image_embeds, labels)
    loss, gradient, _ = soft_prompt_step(encoder, state, 1, 1e-2, 0, mask, prompts, image_embeds, labels, SCALE)
    assert difference(outputs["gradient"], gradient) <= 1e-4


def test_one_prompt_teaches_nothing(tokens, step_session):
    state, mask, prompts, image_embeds, labels = case(tokens, "one pair")
    outputs = run_step(step_session, state, 1, 1e-2, 0, mask, prompts, image_embeds, labels)
    assert outputs["loss"] == 0
    assert (outputs["gradient"] == 0).all()


def test_a_row_that_no_prompt_has_only_decays(tokens, step_session):
    state, mask, prompts, image_embeds, labels = case(tokens, "csp")
    wider = fresh_state(torch.cat([state.theta, state.theta[:1]]))
    rows = torch.where(prompts.rows == len(state.theta), len(wider.theta), prompts.rows)
    prompts = Prompts(prompts.prompts, rows, prompts.end)
    mask = torch.ones_like(wider.theta)
    outputs = run_step(step_session, wider, 1, 1e-2, 0.1, mask, prompts, image_embeds, labels)
    assert (outputs["gradient"][-1] == 0).all()
    assert np.abs(outputs["gradient"][:-1]).max(1).min() > 0
    assert difference(outputs["next_first_moment"][-1], 0.1 * 0.1 * wider.theta[-1]) <= 1e-5


@pytest.mark.parametrize("name", ["csp", "coop", "attributes"])
def test_steps_are_those_of_adam_with_weight_decay(encoder, tokens, step_session, name):
    start, _, prompts, image_embeds, labels = case(tokens, name)
    state, theta = fresh_state(start.theta), start.theta.clone().requires_grad_()
    optimizer = torch.optim.Adam([theta], lr=1e-2, weight_decay=0.05)
    for step in range(1, 6):
        mask = (torch.rand_like(theta) > 0.2) / 0.8
        outputs = run_step(step_session, state, step, 1e-2, 0.05, mask, prompts, image_embeds, labels)
        state = State(*(torch.from_numpy(outputs[f"next_{part}"]) for part in State._fields))
        optimizer.zero_grad()
        loss_of(encoder, theta, mask, prompts, image_embeds, labels, SCALE).backward()
        optimizer.step()
        moments = optimizer.state[theta]
        assert difference(state.theta - start.theta, theta.detach() - start.theta) <= 1e-3
        assert difference(state.theta, theta.detach()) <= 1e-4
        assert difference(state.first_moment, moments["exp_avg"]) <= 1e-4
        assert difference(state.second_moment, moments["exp_avg_sq"]) <= 2e-4


def test_the_readable_step_is_adam_too(encoder, tokens):
    start, mask, prompts, image_embeds, labels = case(tokens, "csp")
    state, theta = fresh_state(start.theta), start.theta.clone().requires_grad_()
    optimizer = torch.optim.Adam([theta], lr=1e-2, weight_decay=0.05)
    for step in range(1, 6):
        _, _, state = soft_prompt_step(encoder, state, step, 1e-2, 0.05, mask, prompts, image_embeds, labels, SCALE)
        optimizer.zero_grad()
        loss_of(encoder, theta, mask, prompts, image_embeds, labels, SCALE).backward()
        optimizer.step()
        assert difference(state.theta, theta.detach()) <= 1e-5


# --- image head and the other files


def test_the_image_head_averages_and_scales_pixels():
    torch.manual_seed(0)
    head = dual.ImageHead().eval().requires_grad_(False)
    random = np.random.default_rng(0)
    texture, meaning = (random.normal(size=(3, *shape)).astype(np.float32) for shape in ((88, 16, 16), (480, 8, 8)))
    blocks = random.integers(0, 256, (3, 3, 32, 32)).astype(np.float32)
    pixels = blocks.repeat(8, 2).repeat(8, 3)
    feeds = {"texture": texture, "meaning": meaning, "pixels": pixels}
    value = session(image_head(head)).run(["image_embeds"], feeds)[0]
    expected = head(torch.from_numpy(texture), torch.from_numpy(meaning), torch.from_numpy(blocks / 127.5 - 1))
    assert value.shape == (3, sum(dual.PARTS.values()))
    assert difference(value, expected) <= 2e-3  # its weights are rounded to half precision


def test_large_weights_are_stored_in_half_precision_once(encoder):
    model = StepGraph(encoder, 2).build()
    large = [tensor for tensor in model.graph.initializer if np.prod(tensor.dims) >= 1024]
    assert {tensor.data_type for tensor in large} == {10}
    parameters = sum(parameter.numel() for parameter in encoder.parameters() if parameter.numel() >= 1024)
    assert sum(np.prod(tensor.dims) for tensor in large) == parameters


def test_half_precision_keeps_what_a_graph_computes():
    torch.manual_seed(0)
    layer = torch.nn.Linear(32, 16).eval().requires_grad_(False)
    layer.weight.copy_(layer.weight.half().float())
    example = torch.randn(4, 32)
    program = torch.onnx.export(layer, (example,), input_names=["x"], dynamo=True, verbose=False)
    model = half_precision_weights(program.model_proto)
    assert difference(session(model).run(None, {"x": example.numpy()})[0], layer(example)) <= 1e-6


def test_special_tokens_are_a_safetensors_file():
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    data = safetensors("special_tokens", values)
    length = int.from_bytes(data[:8], "little")
    assert json.loads(data[8 : 8 + length]) == {
        "special_tokens": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    }
    assert length % 8 == 0 and data[8 + length :] == values.tobytes()


def test_the_description_has_the_sizes_of_the_model():
    model = dual.DualEncoder(dual.Config(), np.zeros((4, 256), np.float32) + np.eye(4, 256))
    described = description(model, {"steps": 3})
    assert described["logit_scale"] == pytest.approx(20)
    assert (described["text_width"], described["embedding_width"], described["context_length"]) == (256, 256, 32)
    assert described["training"] == {"steps": 3}
