"""Exports a LISA checkpoint and its CLIP vision tower as a bundle that the service runs.

    python -m tessera_export.lisa --checkpoint LISA-7B-v1 --clip clip-vit-large-patch14 --out ../models/lisa-7b

--precision is the language model's: float16 (default, for GPUs), int4 (for CPUs), float32. Vision tower and SAM stay in
float32 unless --vision-precision float16. --dry-run says how large the bundle will be and writes nothing.
"""

import argparse
import hashlib
import json
import math
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import torch

from tessera_export.bundle import BundleDirectory
from tessera_export.checkpoint import Checkpoint, require
from tessera_export.clip_folder import read_preprocessing
from tessera_export.clip_vision import VisionConfig, write_vision_tower
from tessera_export.export_graph import PRECISIONS
from tessera_export.fields import Fields
from tessera_export.folder import CheckpointError
from tessera_export.language_model import LlamaConfig
from tessera_export.lisa_language import write_language_model
from tessera_export.lisa_weights import SAM, check
from tessera_export.llama_tokenizer import read_tokenizer
from tessera_export.sam import write_image_encoder, write_mask_decoder
from tessera_export.sam_shapes import PROMPT, SamShape

OPENING = (
    "A chat between a curious human and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the human's questions. "
    "USER: <im_start><image><im_end>\n "
)
PROMPTS = {
    "sentence": OPENING + "{text} Please output segmentation mask. ASSISTANT:",
    "phrase": OPENING + "What is {text} in this image? Please output segmentation mask. ASSISTANT:",
}
SPECIAL = ("[SEG]", "<im_start>", "<im_end>")
HEAD, EMBEDDINGS = "lm_head.weight", "model.embed_tokens.weight"
GRAPHS = {
    "vision_tower": "vision-tower.onnx",
    "language_model": "language-model.onnx",
    "image_encoder": "image-encoder.onnx",
    "mask_decoder": "mask-decoder.onnx",
}
PROVENANCE = [
    (
        "LISA",
        "Apache-2.0; weights under the licence of LLaMA",
        "https://github.com/dvlab-research/LISA",
        "language model",
    ),
    ("CLIP", "MIT", "https://github.com/openai/CLIP", "vision tower"),
    ("Segment Anything", "Apache-2.0", "https://github.com/facebookresearch/segment-anything", "encoder and decoder"),
]
# What the graphs do, where config.json may ask for something else.
IMPLEMENTED = {
    "mm_projector_type": "linear",
    "mm_use_im_start_end": True,
    "mm_vision_select_feature": "patch",
    "out_dim": PROMPT,
}
# Of a weight in a large product; with int4 a block of 32 has a scale of two bytes and half a byte of zero point.
BYTES = {"float32": 4, "float16": 2, "int4": (32 / 2 + 2 + 0.5) / 32}


class Lisa:
    """The parts of the two folders, checked."""

    def __init__(self, checkpoint, clip):
        self.weights, self.tower = Checkpoint(checkpoint), Checkpoint(clip)
        config = Fields(self.weights.config(), f"{self.weights.directory}/config.json")
        tie_head(self.weights, config)
        for name in ("model.mm_projector.weight", "model.text_hidden_fcs.0.0.weight", HEAD):
            require(
                name in self.weights,
                f"{self.weights.directory} has no {name}: it is no checkpoint of LISA v1 (LISA++ and LLaVA 1.5 differ)",
            )
        self.sam = self.weights.with_prefix(SAM)
        require(
            "image_encoder.pos_embed" in self.sam,
            f"{self.weights.directory} has no model.visual_model: SAM is not in it",
        )
        config.require(IMPLEMENTED)
        self.llama, self.sam_shape = LlamaConfig.read(config), SamShape.of(self.sam.with_prefix("image_encoder."))
        vision = VisionConfig.read(self.tower.config())
        preprocessing = read_preprocessing(self.tower.folder, vision.side)
        self.vision = replace(vision, mean=tuple(preprocessing.mean), std=tuple(preprocessing.std))
        self.select_layer = config.integer("mm_vision_select_layer", -2)
        self.start_token = config.count("bos_token_id", 1)
        require(
            self.start_token < self.llama.vocabulary,
            f"bos_token_id of {config.file} is {self.start_token}, but the model has {self.llama.vocabulary} tokens",
        )
        check(self.weights, self.llama, self.sam_shape, self.tower, self.vision)
        self.tokenizer, added = read_tokenizer(self.weights.folder, self.llama.vocabulary)
        missing = [token for token in SPECIAL if token not in added]
        require(not missing, f"The tokenizer of {self.weights.directory} has no added tokens {', '.join(missing)}")
        self.seg_token = added["[SEG]"]
        least = self.vision.tokens + max(len(self.tokenizer.encode(prompt).ids) for prompt in PROMPTS.values())
        require(
            least <= self.llama.positions,
            f"max_position_embeddings of {config.file} is {self.llama.positions}, but the image and a prompt without "
            f"its words take {least} tokens",
        )

    def bytes(self, precision, vision_precision):
        """Size of the bundle's weights by graph, about."""
        sizes = {"vision_tower": 0.0, "language_model": 0.0, "sam": 0.0}
        for name in self.weights:
            count = math.prod(self.weights.shape(name))
            if name.startswith(SAM):
                sizes["sam"] += count * BYTES[vision_precision]
            elif name == EMBEDDINGS:
                sizes["language_model"] += count * (4 if precision == "float32" else 2)
            elif name == HEAD:
                sizes["language_model"] += count * (1.1 if precision == "int4" else BYTES[precision])
            elif "inv_freq" not in name:
                sizes["language_model"] += count * BYTES[precision]
        for name in self.tower:
            if name.startswith("vision_model."):
                sizes["vision_tower"] += math.prod(self.tower.shape(name)) * BYTES[vision_precision]
        return {name: int(size) for name, size in sizes.items()}

    def settings(self):
        llama, tokens = self.llama, self.vision.tokens
        side = self.vision.side // self.vision.patch
        scatter = max(1, round(llama.layers * 6 / 32))
        return {
            "tokenizer": "tokenizer.json",
            "prompts": PROMPTS,
            "start_token": self.start_token,
            "seg_token": self.seg_token,
            "mask_source": "before_seg",
            "maximum_tokens": llama.positions,
            "vision_image_size": self.vision.side,
            "encoder_longest_side": self.sam_shape.side,
            "decoder": {
                "layers": llama.layers,
                "width": llama.width,
                "feed_forward_width": llama.hidden,
                "grid_side": side,
            },
            # 65 % fewer operations of image tokens for 32 layers and 256 tokens.
            "pruning": {
                "mode": "csp",
                "cluster_layers": llama.layers // 2,
                "scatter_layers": scatter,
                "selected_tokens": max(1, tokens // 4),
                "kept_tokens": max(1, tokens // 8),
                "selection": "cls",
                "fastv_layer": min(2, llama.layers - 1),
            },
            "presence_calibration": {"bias": 0, "weights": [1, 0]},
            "is_calibrated": False,
        }


def tie_head(weights, config):
    """Where the head is said to be the embeddings, it may be absent, or has to be equal."""
    is_tied = config.get("tie_word_embeddings", False, "true or false", lambda value: isinstance(value, bool))
    if is_tied and HEAD not in weights and EMBEDDINGS in weights:
        weights.tie(HEAD, EMBEDDINGS)
    elif is_tied and HEAD in weights:
        require(
            torch.equal(weights[HEAD], weights[EMBEDDINGS]),
            f"{HEAD} differs from {EMBEDDINGS}, but tie_word_embeddings of {config.file} is True",
        )
        weights.close()


def export(lisa, bundle, precision, vision_precision, say):
    # Contracts alone are kept: a graph holds its weights.
    say("vision tower")
    projector = lisa.weights.with_prefix("model.mm_projector.")
    tower = lisa.tower.with_prefix("vision_model.")
    path, contracts = bundle.path(GRAPHS["vision_tower"]), {}
    contracts["vision_tower"] = write_vision_tower(
        tower, lisa.vision, projector, path, lisa.select_layer, vision_precision
    ).contract
    lisa.tower.close()
    say(f"language model, {lisa.llama.layers} layers in {precision}")
    path = bundle.path(GRAPHS["language_model"])
    tokens, seg_token = lisa.vision.tokens, lisa.seg_token
    contracts["language_model"] = write_language_model(
        lisa.weights, lisa.llama, path, precision, tokens, seg_token
    ).contract
    say("SAM")
    path, sam_encoder = bundle.path(GRAPHS["image_encoder"]), lisa.sam.with_prefix("image_encoder.")
    contracts["image_encoder"] = write_image_encoder(sam_encoder, path, vision_precision).contract
    prompts, decoder = (lisa.sam.with_prefix(f"{part}.") for part in ("prompt_encoder", "mask_decoder"))
    path = bundle.path(GRAPHS["mask_decoder"])
    contracts["mask_decoder"] = write_mask_decoder(
        prompts, decoder, path, lisa.sam_shape.grid, lisa.sam_shape.side, vision_precision
    ).contract
    bundle.path("tokenizer.json").write_text(lisa.tokenizer.to_str(), encoding="utf8")

    source = lisa.weights.directory.resolve().name
    content = {
        "version": "1",
        "description": f"{source}: a language model reads the photo and the query, SAM draws what it means. "
        f"Language model in {precision}.",
        "license": "see the checkpoint: LLaMA's licence, Apache-2.0 AND MIT",
        "provenance": [
            {"package": package, "version": source, "license": license, "url": url, "use": use}
            for package, license, url, use in PROVENANCE
        ],
        "task": "segmentation",
        "pipeline": "lisa",
        "settings": lisa.settings(),
    }
    files = sorted((name, place.file) for name, place in lisa.weights.stored.items())
    sources = [str(files), precision, vision_precision, json.dumps(lisa.weights.config())]
    graphs = {name: (GRAPHS[name], contract) for name, contract in contracts.items()}
    return bundle.finish(content, graphs, hashlib.sha256("\n".join(sources).encode()).hexdigest())


def main(words=None):
    parser = argparse.ArgumentParser(prog="lisa", description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", help="of the bundle; otherwise that of the directory")
    parser.add_argument("--precision", choices=PRECISIONS, default="float16")
    parser.add_argument("--vision-precision", choices=("float32", "float16"), default="float32")
    parser.add_argument("--dry-run", action="store_true")
    arguments = parser.parse_args(words)

    def say(text):
        print(text, file=sys.stderr, flush=True)

    try:
        lisa = Lisa(arguments.checkpoint, arguments.clip)
        bundle = BundleDirectory(arguments.out, arguments.name)
        sizes = lisa.bytes(arguments.precision, arguments.vision_precision)
        total = sum(sizes.values())
        say(", ".join(f"{name} {size / 1e9:.2f} GB" for name, size in sizes.items()) + f": {total / 1e9:.2f} GB")
        if arguments.dry_run:
            return
        place = next(parent for parent in bundle.out.parents if parent.exists())
        free = shutil.disk_usage(place).free
        require(free > 1.05 * total, f"{place} has {free / 1e9:.1f} GB free; the bundle takes {total / 1e9:.1f} GB")
        with bundle:
            written = export(lisa, bundle, arguments.precision, arguments.vision_precision, say)
        say(f"{bundle.out}: {written / 1e9:.2f} GB")
    except CheckpointError as error:
        sys.exit(f"lisa: {error}")


if __name__ == "__main__":
    main()
