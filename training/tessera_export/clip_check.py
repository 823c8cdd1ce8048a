"""The exported graphs beside the CLIP of transformers, on the same checkpoint."""

import json
import math

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import CLIPImageProcessor, CLIPModel

from tessera_export.bundle import MANIFEST
from tessera_export.checkpoint import Checkpoint
from tessera_export.clip_bundle import CUDA_GRAPHS, EMBEDDING, GRAPHS
from tessera_export.folder import CheckpointError

# Largest difference of unit embeddings. With weights in half precision it was 4e-4 of small models.
BOUNDS = {"float32": 1e-4, "float16": 2e-3}
TEXTS = 3
LENGTHS = (5, 7, 8)


def run(bundle, graph, feeds, on_cuda=False):
    """`on_cuda`: the graph that CUDA runs. The processor runs it here: it computes half precision by converting."""
    file = (CUDA_GRAPHS if on_cuda else GRAPHS)[graph]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(bundle / file), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def unit(x):
    return F.normalize(torch.as_tensor(x), dim=-1)


def token_rows(settings, vocabulary, random):
    """Ids [TEXTS, n] of texts of several lengths that share their beginning, and where each ends."""
    ids = random.integers(0, min(settings["start_token"], vocabulary), (TEXTS, max(LENGTHS)))
    ids[:, 0] = settings["start_token"]
    ids[:, 1] = ids[0, 1]
    for row, length in zip(ids, LENGTHS):
        row[length - 1 :] = settings["end_token"]
    return torch.from_numpy(ids), np.array(LENGTHS) - 1


@torch.no_grad()
def differences(checkpoint, bundle, seed=0, on_cuda=False):
    """-> the largest difference of image embeddings, text embeddings (both of unit length) and logits"""
    settings = json.loads((bundle / MANIFEST).read_text())["settings"]
    random, size = np.random.default_rng(seed), settings["image_size"]
    pixels = random.integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    table = load_file(bundle / EMBEDDING)["token_embedding.weight"].float()
    ids, end = token_rows(settings, len(table), random)
    image = unit(run(bundle, "image_encoder", {"pixels": pixels}, on_cuda)[0])
    feeds = {"inputs_embeds": table[ids].numpy(), "end": end}
    text = unit(run(bundle, "text_encoder", feeds, on_cuda)[0])

    # transformers leaves out a logit_scale in a list; whatever else it leaves out shows in the differences.
    model = CLIPModel.from_pretrained(checkpoint, dtype=torch.float32, ignore_mismatched_sizes=True).eval()
    model.logit_scale.fill_(Checkpoint(checkpoint)["logit_scale"].item())
    image_expected, text_expected = reference_embeddings(model, checkpoint, pixels, ids)
    logits = settings["logit_scale"] * image @ text.T
    logits_expected = model.logit_scale.exp() * image_expected @ text_expected.T
    pairs = ((image, image_expected), (text, text_expected), (logits, logits_expected))
    return tuple((one - other).abs().max().item() for one, other in pairs)


def reference_embeddings(model, checkpoint, pixels, ids):
    """Unit image and text embeddings as transformers' CLIPModel gives them, through its own preprocessing."""
    processor = CLIPImageProcessor.from_pretrained(checkpoint)
    inputs = processor(images=[torch.from_numpy(p).permute(2, 0, 1) for p in pixels], return_tensors="pt")
    output = model(input_ids=ids, pixel_values=inputs["pixel_values"])
    return unit(output.image_embeds), unit(output.text_embeds)


def check(checkpoint, bundle, precision, on_cuda=False):
    """Refuses a bundle that computes something else than its checkpoint."""
    image, text, logits = differences(checkpoint, bundle, on_cuda=on_cuda)
    bound = BOUNDS[precision]
    if not (image <= bound and text <= bound and math.isfinite(logits)):  # nan is not, either
        raise CheckpointError(
            f"The bundle differs from transformers' CLIPModel by {image:.1e} (images), {text:.1e} (texts) and "
            f"{logits:.1e} (logits); {bound:.0e} is the most of images and texts. The checkpoint is damaged, or of a "
            "kind that this exporter does not know."
        )
    return image, text, logits
