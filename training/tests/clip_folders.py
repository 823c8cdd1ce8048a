"""Checkpoint folders of CLIP with random weights, in the layout of the real ones."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, trainers
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

from tessera_export.clip_tokenizer import byte_symbols

README = Path(__file__).resolve().parents[2] / "README.md"
SIZES = {
    "text_config": {
        "hidden_size": 48,
        "intermediate_size": 192,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 77,
    },
    "vision_config": {
        "hidden_size": 64,
        "intermediate_size": 256,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": 64,
        "patch_size": 16,
    },
    "projection_dim": 40,
}


def small_tokenizer(merges=300):
    """CLIP's tokenizer with a small vocabulary, learned from the README."""
    plain = CLIPTokenizer(vocab={"<|startoftext|>": 0, "<|endoftext|>": 1}, merges=[]).backend_tokenizer
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer, learner.pre_tokenizer = plain.normalizer, plain.pre_tokenizer
    symbols = byte_symbols()
    trainer = trainers.BpeTrainer(vocab_size=2000, initial_alphabet=symbols, end_of_word_suffix="</w>")
    learner.train([str(README)], trainer)
    found = [tuple(merge) for merge in json.loads(learner.to_str())["model"]["merges"]][:merges]
    pieces = [*symbols, *(symbol + "</w>" for symbol in symbols), *("".join(merge) for merge in found)]
    pieces = [*dict.fromkeys(pieces), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={piece: index for index, piece in enumerate(pieces)}, merges=found)


def write_clip_folder(path, *, sizes=SIZES, activation="quick_gelu", safe=True, tokenizer=None, seed=0):
    """-> the model that was written"""
    torch.manual_seed(seed)
    tokenizer = tokenizer or small_tokenizer()
    text = {**sizes["text_config"], "vocab_size": len(tokenizer), "hidden_act": activation}
    text |= {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    vision = {**sizes["vision_config"], "hidden_act": activation}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=sizes["projection_dim"])
    model = CLIPModel(config).eval()
    with torch.no_grad():  # as spread as trained ones, so that no layer is next to nothing
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)
            elif name != "logit_scale":
                parameter.add_(0.1 * torch.randn_like(parameter))
        model.logit_scale.fill_(torch.tensor(20.0).log())
    path.mkdir(parents=True, exist_ok=True)
    if safe:
        model.save_pretrained(path)
    else:
        config.architectures = ["CLIPModel"]
        config.save_pretrained(path)
        torch.save(model.state_dict(), path / "pytorch_model.bin")
    side = vision["image_size"]
    CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side}).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return model
