"""Exports a CLIP checkpoint in Hugging Face's layout as a bundle that the service loads.

    python -m tessera_export.clip --checkpoint clip-vit-large-patch14 --out ../models/clip-vit-large-patch14

The folder has config.json, preprocessor_config.json, the weights (model.safetensors or pytorch_model.bin, whole or in
shards) and the tokenizer (tokenizer.json, or vocab.json with merges.txt). The bundle gets

    image-encoder.onnx           pixels uint8 [B, S, S, 3] -> image_embeds [B, D]
    text-encoder.onnx            inputs_embeds [B, n, W], end int64 [B] -> text_embeds [B, D]
    soft-prompt-step.onnx        one step of soft-prompt training, over the same weights
    *-encoder-cuda.onnx          the encoders with states in half precision, which take their place on CUDA
    *.weights                    the graphs' weights
    token-embedding.safetensors  [vocabulary, W]
    tokenizer.json, bundle.json

and is compared with transformers' CLIPModel on the same weights. With --precision float16 weights are stored in half
precision; processors compute in single precision all the same. --no-cuda leaves out the graphs for CUDA.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from tessera_export.bundle import BundleDirectory
from tessera_export.checkpoint import Checkpoint
from tessera_export.clip_bundle import export
from tessera_export.clip_weights import DTYPES
from tessera_export.folder import CheckpointError


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder of the model")
    parser.add_argument("--out", type=Path, required=True, help="directory of the bundle, below MODELS_DIR")
    parser.add_argument("--precision", choices=list(DTYPES), default="float32", help="of the stored weights")
    parser.add_argument("--name", help="of the model in requests; otherwise the name of --out")
    parser.add_argument("--no-cuda", action="store_true", help="leave out the encoders in half precision for CUDA")
    parser.add_argument("--no-check", action="store_true", help="leave out the comparison with transformers")
    arguments = parser.parse_args(words)
    try:
        bundle = BundleDirectory(arguments.out, arguments.name)
        with_cuda, check = not arguments.no_cuda, None if arguments.no_check else partial(compare, arguments)
        export(Checkpoint(arguments.checkpoint), bundle, arguments.precision, report, with_cuda, check)
    except (CheckpointError, OverflowError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The model {bundle.name} is in {arguments.out}; a service with MODELS_DIR={arguments.out.parent} serves it.")
    return 0


def compare(arguments, directory):
    from tessera_export.clip_check import check

    report("comparison with transformers' CLIPModel")
    checks = {"": arguments.precision, **({} if arguments.no_cuda else {" of the graphs for CUDA": "float16"})}
    for which, precision in checks.items():
        image, text, logits = check(arguments.checkpoint, directory, precision, on_cuda=which != "")
        report(f"largest differences{which}: {image:.1e} of images, {text:.1e} of texts, {logits:.1e} of logits")


def report(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
