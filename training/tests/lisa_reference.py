"""LISA put together from transformers' modules, for comparison; nothing of the exporter is used.

    python training/tests/lisa_reference.py --checkpoint DIRECTORY/lisa --clip DIRECTORY/clip photo.png "the dog" …

prints for each query the mask of an image that needs no resizing as runs of pixels in rows, and the expected IoU.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import sentencepiece
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file

RENAMED = [  # stock name, name in transformers
    ("image_encoder.patch_embed.proj", "vision_encoder.patch_embed.projection"),
    ("image_encoder.neck.0", "vision_encoder.neck.conv1"),
    ("image_encoder.neck.1", "vision_encoder.neck.layer_norm1"),
    ("image_encoder.neck.2", "vision_encoder.neck.conv2"),
    ("image_encoder.neck.3", "vision_encoder.neck.layer_norm2"),
    ("image_encoder.blocks", "vision_encoder.layers"),
    ("image_encoder.", "vision_encoder."),
    ("prompt_encoder.point_embeddings", "prompt_encoder.point_embed"),
    ("norm_final_attn", "layer_norm_final_attn"),
    ("output_upscaling.0", "upscale_conv1"),
    ("output_upscaling.1", "upscale_layer_norm"),
    ("output_upscaling.3", "upscale_conv2"),
    (".layers.0.weight", ".proj_in.weight"),
    (".layers.0.bias", ".proj_in.bias"),
    (".layers.1.weight", ".layers.0.weight"),
    (".layers.1.bias", ".layers.0.bias"),
    (".layers.2.", ".proj_out."),
]


def in_transformers(name):
    if "pe_layer" in name:
        return "shared_image_embedding.positional_embedding"
    for old, new in RENAMED:
        if old.startswith(".layers") and not ("output_hypernetworks" in name or "iou_prediction" in name):
            continue
        if old in name:
            name = name.replace(old, new)
            if old.startswith(".layers"):
                break
    for norm in range(1, 5):
        name = name.replace(f".norm{norm}.", f".layer_norm{norm}.")
    return name


def sam_reference(weights, sizes):
    side = sizes["grid"] * sizes["patch"]
    vision = transformers.SamVisionConfig(
        hidden_size=sizes["width"], num_hidden_layers=sizes["layers"], num_attention_heads=sizes["heads"],
        image_size=side, patch_size=sizes["patch"], window_size=sizes["window"], mlp_dim=sizes["hidden"],
        global_attn_indexes=list(sizes["global_layers"]), attn_implementation="eager",
    )  # fmt: skip
    prompts = transformers.SamPromptEncoderConfig(image_size=side, patch_size=sizes["patch"])
    config = transformers.SamConfig(
        vision_config=vision.to_dict(), prompt_encoder_config=prompts.to_dict(), attn_implementation="eager"
    )
    reference = transformers.SamModel(config).eval()
    state = {in_transformers(name): tensor for name, tensor in weights.items()}
    result = reference.load_state_dict(state, strict=False)
    absent = [name for name in result.missing_keys if "mask_embed" not in name and "shared" not in name]
    assert not result.unexpected_keys and not absent, (result.unexpected_keys, absent)
    matrix = state["shared_image_embedding.positional_embedding"]
    for name, values in (*reference.named_buffers(), *reference.named_parameters()):
        if name.endswith("positional_embedding"):
            values.data.copy_(matrix)
    return reference


def llama_reference(weights, described):
    config = transformers.LlamaConfig(**described, attn_implementation="eager", tie_word_embeddings=False)
    reference = transformers.LlamaForCausalLM(config).eval()
    reference.load_state_dict({name: weights[name].float() for name in reference.state_dict()})
    return reference


def clip_reference(weights, described):
    """`weights` by their names below `vision_model.`"""
    reference = transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**described, attn_implementation="eager"))
    prefix = "vision_model." if "vision_model.pre_layrnorm.weight" in reference.state_dict() else ""
    reference.load_state_dict({f"{prefix}{name}": tensor for name, tensor in weights.items()}, strict=False)
    return reference.eval()


class Lisa:
    """A miniature checkpoint as its authors' code runs it: without pruning, one query at a time."""

    def __init__(self, checkpoint, clip, sam):
        index = json.loads((checkpoint / "pytorch_model.bin.index.json").read_text())
        self.weights = {}
        for shard in sorted(set(index["weight_map"].values())):
            self.weights |= torch.load(checkpoint / shard, weights_only=True)
        self.config = json.loads((checkpoint / "config.json").read_text())
        keys = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "rms_norm_eps")
        described = {key: self.config[key] for key in (*keys, "max_position_embeddings", "vocab_size")}
        self.llama = llama_reference(self.weights, described)
        prefix = "model.visual_model."
        visual = {name.removeprefix(prefix): t for name, t in self.weights.items() if name.startswith(prefix)}
        self.sam = sam_reference(visual, sam)
        tower = {name.removeprefix("vision_model."): t for name, t in load_file(clip / "model.safetensors").items()}
        self.tower = clip_reference(tower, json.loads((clip / "config.json").read_text())["vision_config"])
        self.preprocessing = json.loads((clip / "preprocessor_config.json").read_text())
        self.tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(checkpoint / "tokenizer.model"))
        self.added = json.loads((checkpoint / "added_tokens.json").read_text())

    def linear(self, x, name):
        return x @ self.weights[f"{name}.weight"].float().T + self.weights[f"{name}.bias"].float()

    def image_tokens(self, image):
        mean, std = (torch.tensor(self.preprocessing[name]) for name in ("image_mean", "image_std"))
        pixels = ((torch.from_numpy(image).float() / 255 - mean) / std).permute(2, 0, 1)[None]
        states = self.tower(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
        return self.linear(states, "model.mm_projector")

    def prompt(self, image, query):
        opening = (
            "A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, "
            "detailed, and polite answers to the human's questions. USER:"
        )
        asked = query if query.endswith(".") else f"What is {query} in this image?"
        before = [1, *self.tokenizer.encode(opening), self.added["<im_start>"]]
        question = f"{asked} Please output segmentation mask. ASSISTANT:"
        after = [self.added["<im_end>"], *self.tokenizer.encode(question)]
        embed = self.llama.model.embed_tokens
        before, after = (embed(torch.tensor([ids])) for ids in (before, after))
        return torch.cat([before, self.image_tokens(image), after], 1)

    @torch.no_grad()
    def segment(self, image, query):
        """image uint8 [side, side, 3] -> mask [side, side], IoU"""
        state = self.llama.model(inputs_embeds=self.prompt(image, query)).last_hidden_state[:, -1]
        hidden = torch.relu(self.linear(state, "model.text_hidden_fcs.0.0"))
        prompt = self.linear(hidden, "model.text_hidden_fcs.0.2")
        mean, std = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
        pixels = ((torch.from_numpy(image).float() - mean) / std).permute(2, 0, 1)[None]
        embedding = self.sam.get_image_embeddings(pixels)
        dense = self.sam.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand_as(embedding)
        masks, iou, *_ = self.sam.mask_decoder(
            image_embeddings=embedding,
            image_positional_embeddings=self.sam.get_image_wide_positional_embeddings(),
            sparse_prompt_embeddings=prompt[None, None],
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        mask = torch.nn.functional.interpolate(masks[0], image.shape[:2], mode="bilinear", align_corners=False)[0, 0]
        return (mask > 0).numpy(), float(iou.flatten()[0])


def runs(mask):
    """Lengths of the runs of equal pixels, row by row, those outside of the mask first."""
    lengths = [(value, sum(1 for _ in group)) for value, group in itertools.groupby(mask.flatten().tolist())]
    return [0] * int(lengths[0][0]) + [length for _, length in lengths]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("image")
    parser.add_argument("queries", nargs="+")
    arguments = parser.parse_args()
    from miniature_lisa import SAM_OF_MINIATURE

    lisa = Lisa(arguments.checkpoint, arguments.clip, SAM_OF_MINIATURE)
    image = np.array(Image.open(arguments.image).convert("RGB"))
    answers = [lisa.segment(image, query) for query in arguments.queries]
    print(json.dumps([{"runs": runs(mask), "iou": iou} for mask, iou in answers]))


if __name__ == "__main__":
    main()
