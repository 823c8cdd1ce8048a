"""A miniature CLIP checkpoint, and what transformers makes of it, for the end-to-end test in test/e2e/clip.test.ts.

    python tests/clip_reference.py write DIRECTORY TEXTS.json          DIRECTORY gets the checkpoint
    python tests/clip_reference.py classify DIRECTORY TEXT... -- IMAGE...   prints logits [images, texts] as JSON
    python tests/clip_reference.py soften DIRECTORY OUT.pt WORD...   embeddings of words, saved as the CSP code does

TEXTS.json gets 2 000 texts, odd ones included, with the ids that CLIPTokenizer gives them.
"""

import json
import random
import sys
from pathlib import Path

import torch
from clip_folders import write_clip_folder
from PIL import Image
from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
from make_clip_vectors import random_text  # noqa: E402

TEXTS, SEED = 2000, 20261130


def write(directory, texts_path):
    write_clip_folder(Path(directory))
    tokenizer = CLIPTokenizer.from_pretrained(directory)
    rng = random.Random(SEED)
    texts = [random_text(rng) for _ in range(TEXTS)]
    cases = [{"text": text, "ids": tokenizer(text, add_special_tokens=False)["input_ids"]} for text in texts]
    Path(texts_path).write_text(json.dumps(cases))


@torch.no_grad()
def classify(directory, *words):
    middle = words.index("--")
    texts, paths = words[:middle], words[middle + 1 :]
    model, tokenizer = CLIPModel.from_pretrained(directory).eval(), CLIPTokenizer.from_pretrained(directory)
    images = [Image.open(path).convert("RGB") for path in paths]
    pixels = CLIPImageProcessor.from_pretrained(directory)(images=images, return_tensors="pt")["pixel_values"]
    output = model(pixel_values=pixels, **tokenizer(list(texts), return_tensors="pt", padding=True))
    print(json.dumps(output.logits_per_image.tolist()))


def soften(directory, out, *words):
    """Each word has to be one piece."""
    tokenizer = CLIPTokenizer.from_pretrained(directory)
    table = CLIPModel.from_pretrained(directory).text_model.embeddings.token_embedding.weight
    ids = [tokenizer(word, add_special_tokens=False)["input_ids"] for word in words]
    assert all(len(pieces) == 1 for pieces in ids), ids
    torch.save({"soft_embeddings": torch.nn.Parameter(table[[pieces[0] for pieces in ids]].detach())}, out)


if __name__ == "__main__":
    {"write": write, "classify": classify, "soften": soften}[sys.argv[1]](*sys.argv[2:])
