"""The frozen tower's features of all pictures, computed once.

    python -m tessera_composition.features --models MODELS --apparel APPAREL --coco COCO --out CACHE

MODELS has `detector.onnx` of the bundle tessera-baseline. The tower is cut after two of its tensors, named here as in
the TensorFlow graph and as in the ONNX graph that packages/bundle-builder makes of it.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from PIL import Image

from tessera_composition.colours import colour_word
from tessera_composition.pictures import (
    DOTTED,
    LARGE,
    PLAIN,
    SIDE,
    SMALL,
    STRIPED,
    coco_crops,
    patterned,
    read_rows,
    recoloured,
    shrunk,
    square,
)  # fmt: skip

# Texture at a sixteenth of the side, meaning at a thirty-second: [88, 16, 16] and [480, 8, 8].
CUTS = {
    "texture": ("tower_0/MobilenetV3/expanded_conv_11/add", "Add_331"),
    "meaning": ("tower_0/extern1/hard_swish/mul_1", "Mul_476"),
}
CHANGED = 0.45  # share of the training photos that are also seen changed
PIXELS = 32  # the head sees the picture at PIXELS × PIXELS


def cut_tower(detector):
    """`detector.onnx` -> an ONNX model from `image` uint8 [B, S, S, 3] to the tensors of CUTS."""
    model = onnx.load(str(detector))
    producers = {name: node for node in model.graph.node for name in node.output}
    wanted, open_names = {}, [name for _, name in CUTS.values()]
    while open_names:
        node = producers.get(open_names.pop())
        if node is not None and id(node) not in wanted:
            wanted[id(node)] = node
            open_names += node.input
    nodes = [node for node in model.graph.node if id(node) in wanted]
    used = {name for node in nodes for name in node.input}
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["B", "S", "S", 3])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for _, name in CUTS.values()]
    weights = [tensor for tensor in model.graph.initializer if tensor.name in used]
    graph = helper.make_graph(nodes, "tower", [image], outputs, weights)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


class Tower:
    def __init__(self, detector):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        model = cut_tower(detector).SerializeToString()
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(self, pixels):
        """uint8 [B, SIDE, SIDE, 3] -> texture [B, 88, 16, 16], meaning [B, 480, 8, 8], float16."""
        names = [name for _, name in CUTS.values()]
        return [value.astype(np.float16) for value in self.session.run(names, {"image": pixels})]


def small_pixels(pixels):
    """uint8 [B, SIDE, SIDE, 3] -> uint8 [B, PIXELS, PIXELS, 3], means of blocks."""
    count, block = len(pixels), SIDE // PIXELS
    blocks = pixels.reshape(count, PIXELS, block, PIXELS, block, 3)
    return blocks.mean((2, 4)).round().astype(np.uint8)


def apparel_pictures(data, random):
    """(pixels, labels) of every row, and of CHANGED training rows two more: recoloured, and patterned or shrunk."""
    for row in read_rows(data):
        image = Image.open(Path(data) / "images" / row.image)
        image.draft("RGB", (SIDE, SIDE))
        pixels = square(image)
        label = {"source": "apparel", "object": row.object, "attribute": row.attribute, "split": row.split}
        label |= {"pattern": None, "size": LARGE}
        yield pixels, {**label, "variant": "original"}
        if row.split != "train" or random.random() > CHANGED:
            continue
        yield recoloured(pixels, random), {**label, "attribute": None, "variant": "recoloured"}
        yield changed(pixels, {**label, "attribute": None}, random)


def changed(pixels, label, random):
    if random.random() < 0.5:
        pixels = recoloured(pixels, random)
    pattern = [STRIPED, DOTTED, PLAIN][random.integers(3)]
    size = [SMALL, LARGE][random.integers(2)]
    if pattern != PLAIN:
        pixels = patterned(pixels, pattern, random)
    if size == SMALL:
        pixels = shrunk(pixels, random)
    return pixels, {**label, "pattern": pattern, "size": size, "variant": "changed"}


def coco_pictures(data, random):
    for pixels, klass in coco_crops(data):
        label = {"source": "coco", "object": klass, "attribute": None, "split": "train", "pattern": None, "size": LARGE}
        yield pixels, {**label, "variant": "original"}
        yield changed(pixels, label, random)


def compute(pictures, tower, batch=16):
    arrays, labels, pending = {"texture": [], "meaning": [], "pixels": []}, [], []

    def flush():
        stack = np.stack(pending)
        texture, meaning = tower.run(stack)
        for name, value in (("texture", texture), ("meaning", meaning), ("pixels", small_pixels(stack))):
            arrays[name].append(value)
        pending.clear()
        print(f"\r{len(labels)} pictures", end="", flush=True)

    for pixels, label in pictures:
        pending.append(pixels)
        labels.append({**label, "colour": colour_word(small_pixels(pixels[None])[0])})
        if len(pending) == batch:
            flush()
    if pending:
        flush()
    print()
    return {name: np.concatenate(parts) for name, parts in arrays.items()}, labels


def load_features(cache):
    """-> texture, meaning, pixels (memory-mapped) and the labels, one dict per picture."""
    cache = Path(cache)
    arrays = [np.load(cache / f"{name}.npy", mmap_mode="r") for name in ("texture", "meaning", "pixels")]
    return *arrays, json.loads((cache / "labels.json").read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--apparel", required=True)
    parser.add_argument("--coco", required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    random, tower = np.random.default_rng(0), Tower(arguments.models / "detector.onnx")
    parts = [compute(coco_pictures(arguments.coco, random), tower)]
    parts.append(compute(apparel_pictures(arguments.apparel, random), tower))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in ("texture", "meaning", "pixels"):
        np.save(arguments.out / f"{name}.npy", np.concatenate([arrays[name] for arrays, _ in parts]))
    (arguments.out / "labels.json").write_text(json.dumps([label for _, labels in parts for label in labels]))


if __name__ == "__main__":
    main()
