"""Writes a miniature LISA checkpoint and its CLIP: random weights in the real file layout.

    python training/tests/miniature_lisa.py DIRECTORY

DIRECTORY/lisa has config.json, added_tokens.json, tokenizer.model and two pickled shards with their index, the language
model in bfloat16 and SAM in float32, as LISA-7B-v1; DIRECTORY/clip has config.json, preprocessor_config.json and
model.safetensors.
"""

import json
import sys
from pathlib import Path

import sentencepiece
import torch
from safetensors.torch import save_file

LLAMA = {
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "rms_norm_eps": 1e-6,
    "max_position_embeddings": 2048,
}
CLIP = {
    "image_size": 224,
    "patch_size": 14,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}
SAM = {"grid": 16, "patch": 16, "width": 64, "heads": 4, "layers": 3, "window": 7, "global_layers": (1,), "hidden": 128}
SAM_OF_MINIATURE = SAM | {"grid": 14}  # 224 pixels, as CLIP's: a picture of that size is never resized
PROMPT = 256
TEXT = Path(__file__).resolve().parents[2] / "LICENSE"  # which never changes


class Weights:
    """Random tensors whose products neither vanish nor explode."""

    def __init__(self, seed):
        self.random, self.tensors = torch.Generator().manual_seed(seed), {}

    def normal(self, name, *shape, scale=1.0):
        self.tensors[name] = scale * torch.randn(*shape, generator=self.random)

    def linear(self, name, rows, columns, *kernel, bias=True):
        self.normal(f"{name}.weight", rows, columns, *kernel, scale=(columns * max(1, *kernel, 1)) ** -0.5)
        if bias:
            self.normal(f"{name}.bias", rows, scale=0.05)

    def norm(self, name, width, bias=True):
        self.tensors[f"{name}.weight"] = 1 + 0.1 * torch.randn(width, generator=self.random)
        if bias:
            self.normal(f"{name}.bias", width, scale=0.05)


def llama_weights(vocabulary, config=LLAMA, seed=1):
    weights, width, hidden = Weights(seed), config["hidden_size"], config["intermediate_size"]
    size = width // config["num_attention_heads"]
    key_width = size * config.get("num_key_value_heads", config["num_attention_heads"])
    weights.normal("model.embed_tokens.weight", vocabulary, width)
    for number in range(config["num_hidden_layers"]):
        key = f"model.layers.{number}"
        for part, rows in (("q", width), ("k", key_width), ("v", key_width), ("o", width)):
            weights.linear(f"{key}.self_attn.{part}_proj", rows, width, bias=False)
        weights.tensors[f"{key}.self_attn.rotary_emb.inv_freq"] = 10_000.0 ** (-torch.arange(0, size, 2) / size)
        for part, rows, columns in (("gate", hidden, width), ("up", hidden, width), ("down", width, hidden)):
            weights.linear(f"{key}.mlp.{part}_proj", rows, columns, bias=False)
        weights.norm(f"{key}.input_layernorm", width, bias=False)
        weights.norm(f"{key}.post_attention_layernorm", width, bias=False)
    weights.norm("model.norm", width, bias=False)
    weights.linear("lm_head", vocabulary, width, bias=False)
    weights.linear("model.mm_projector", width, CLIP["hidden_size"])
    weights.linear("model.text_hidden_fcs.0.0", width, width)
    weights.linear("model.text_hidden_fcs.0.2", PROMPT, width)
    return weights.tensors


def clip_weights(config=CLIP, seed=2):
    """A vision tower by the names of transformers, below `vision_model.`."""
    weights, width, patch = Weights(seed), config["hidden_size"], config["patch_size"]
    weights.normal("embeddings.class_embedding", width)
    weights.normal("embeddings.patch_embedding.weight", width, 3, patch, patch, scale=(3 * patch * patch) ** -0.5)
    tokens = (config["image_size"] // patch) ** 2 + 1
    weights.normal("embeddings.position_embedding.weight", tokens, width, scale=0.3)
    weights.norm("pre_layrnorm", width)
    for number in range(config["num_hidden_layers"]):
        key = f"encoder.layers.{number}"
        for part in ("q", "k", "v", "out"):
            weights.linear(f"{key}.self_attn.{part}_proj", width, width)
        weights.linear(f"{key}.mlp.fc1", config["intermediate_size"], width)
        weights.linear(f"{key}.mlp.fc2", width, config["intermediate_size"])
        for part in ("layer_norm1", "layer_norm2"):
            weights.norm(f"{key}.{part}", width)
    weights.norm("post_layernorm", width)
    return weights.tensors


def sam_weights(config=SAM, seed=3, in_blocks=False):
    """Segment Anything by its own names; `in_blocks`: its random masks are of blocks, not of specks, which the service
    removes."""
    weights, width, head = Weights(seed), config["width"], config["width"] // config["heads"]
    encoder = "image_encoder"
    weights.linear(f"{encoder}.patch_embed.proj", width, 3, config["patch"], config["patch"])
    weights.normal(f"{encoder}.pos_embed", 1, config["grid"], config["grid"], width, scale=0.3)
    for number in range(config["layers"]):
        key = f"{encoder}.blocks.{number}"
        window = config["grid"] if number in config["global_layers"] else config["window"]
        for part in ("norm1", "norm2"):
            weights.norm(f"{key}.{part}", width)
        weights.linear(f"{key}.attn.qkv", 3 * width, width)
        weights.linear(f"{key}.attn.proj", width, width)
        for axis in "hw":
            weights.normal(f"{key}.attn.rel_pos_{axis}", 2 * window - 1, head, scale=0.3)
        weights.linear(f"{key}.mlp.lin1", config["hidden"], width)
        weights.linear(f"{key}.mlp.lin2", width, config["hidden"])
    weights.linear(f"{encoder}.neck.0", PROMPT, width, 1, 1, bias=False)
    weights.norm(f"{encoder}.neck.1", PROMPT)
    weights.linear(f"{encoder}.neck.2", PROMPT, PROMPT, 3, 3, bias=False)
    weights.norm(f"{encoder}.neck.3", PROMPT)

    weights.normal("prompt_encoder.pe_layer.positional_encoding_gaussian_matrix", 2, PROMPT // 2)
    for name in ("not_a_point_embed", "no_mask_embed", *(f"point_embeddings.{kind}" for kind in range(4))):
        weights.normal(f"prompt_encoder.{name}.weight", 1, PROMPT)

    decoder = "mask_decoder"
    weights.normal(f"{decoder}.iou_token.weight", 1, PROMPT)
    weights.normal(f"{decoder}.mask_tokens.weight", 4, PROMPT)

    def attention(key, inner):
        for part in "qkv":
            weights.linear(f"{key}.{part}_proj", inner, PROMPT)
        weights.linear(f"{key}.out_proj", PROMPT, inner)

    for number in range(2):
        key = f"{decoder}.transformer.layers.{number}"
        attention(f"{key}.self_attn", PROMPT)
        attention(f"{key}.cross_attn_token_to_image", PROMPT // 2)
        attention(f"{key}.cross_attn_image_to_token", PROMPT // 2)
        for norm in range(1, 5):
            weights.norm(f"{key}.norm{norm}", PROMPT)
        weights.linear(f"{key}.mlp.lin1", 2048, PROMPT)
        weights.linear(f"{key}.mlp.lin2", PROMPT, 2048)
    attention(f"{decoder}.transformer.final_attn_token_to_image", PROMPT // 2)
    weights.norm(f"{decoder}.transformer.norm_final_attn", PROMPT)
    for number, (inputs, outputs) in {0: (PROMPT, 64), 3: (64, 32)}.items():
        side = 1 if in_blocks else 2
        weights.linear(f"{decoder}.output_upscaling.{number}", inputs, outputs, side, side)
        name = f"{decoder}.output_upscaling.{number}.weight"
        weights.tensors[name] = weights.tensors[name].repeat(1, 1, 2 // side, 2 // side)
        weights.normal(f"{decoder}.output_upscaling.{number}.bias", outputs, scale=0.05)
    weights.norm(f"{decoder}.output_upscaling.1", 64)
    for key, outputs in (*((f"output_hypernetworks_mlps.{k}", 32) for k in range(4)), ("iou_prediction_head", 4)):
        for layer, rows in enumerate((PROMPT, PROMPT, outputs)):
            weights.linear(f"{decoder}.{key}.layers.{layer}", rows, PROMPT)
    return weights.tensors


def write_tokenizer(directory, vocabulary=800):
    """A SentencePiece model of LLaMA's kind, trained on this repository's licence."""
    text = directory / "text.txt"
    text.write_text(TEXT.read_text())
    sentencepiece.SentencePieceTrainer.Train(
        input=str(text), model_prefix=str(directory / "tokenizer"), model_type="bpe", vocab_size=vocabulary,
        byte_fallback=True, split_digits=True, normalization_rule_name="identity", add_dummy_prefix=True,
        remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, character_coverage=0.9995, minloglevel=2,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1,
    )  # fmt: skip
    text.unlink()
    (directory / "tokenizer.vocab").unlink()
    return vocabulary


def write_shards(directory, tensors, shards=2):
    """Pickled shards with their index; the weights in their order, cut where the bytes are shared out."""
    total = sum(tensor.nbytes for tensor in tensors.values())
    parts, weight_map, seen = [{} for _ in range(shards)], {}, 0
    for name, tensor in tensors.items():
        number = min(shards - 1, seen * shards // total)
        parts[number][name] = tensor
        weight_map[name] = f"pytorch_model-{number + 1:05}-of-{shards:05}.bin"
        seen += tensor.nbytes
    for number, part in enumerate(parts):
        torch.save(part, directory / f"pytorch_model-{number + 1:05}-of-{shards:05}.bin")
    write_index(directory, weight_map)


def write_index(directory, weight_map):
    (directory / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))


def write_clip(directory, config=CLIP):
    directory.mkdir(parents=True)
    described = {"model_type": "clip", "vision_config": config}
    (directory / "config.json").write_text(json.dumps(described))
    preprocessing = {
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    (directory / "preprocessor_config.json").write_text(json.dumps(preprocessing))
    tensors = {f"vision_model.{name}": tensor for name, tensor in clip_weights(config).items()}
    save_file(tensors, str(directory / "model.safetensors"))


def write_configuration(lisa, llama):
    """Tokenizer and config.json -> how many tokens the model has"""
    lisa.mkdir(parents=True)
    vocabulary = write_tokenizer(lisa)
    added = ["<pad>", "[SEG]", "<im_start>", "<im_end>"]
    (lisa / "added_tokens.json").write_text(json.dumps({token: vocabulary + k for k, token in enumerate(added)}))
    config = {
        "architectures": ["LlavaLlamaForCausalLM"],
        "model_type": "llava",
        "vocab_size": vocabulary + len(added),
        **llama,
        "mm_hidden_size": CLIP["hidden_size"],
        "mm_use_im_start_end": True,
        "mm_vision_select_layer": -2,
        "mm_vision_tower": "openai/clip-vit-large-patch14",
        "out_dim": PROMPT,
        "torch_dtype": "bfloat16",
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    (lisa / "config.json").write_text(json.dumps(config))
    return config["vocab_size"]


def write_miniature(directory, llama=LLAMA, sam=SAM_OF_MINIATURE):
    write_clip(directory / "clip")
    lisa = directory / "lisa"
    vocabulary = write_configuration(lisa, llama)
    tensors = {name: tensor.bfloat16() for name, tensor in llama_weights(vocabulary, llama).items()}
    tensors |= {f"model.visual_model.{name}": tensor for name, tensor in sam_weights(sam, in_blocks=True).items()}
    write_shards(lisa, tensors)
    return lisa


if __name__ == "__main__":
    write_miniature(Path(sys.argv[1]))
