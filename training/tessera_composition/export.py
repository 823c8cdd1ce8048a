"""Exports a trained dual encoder for packages/bundle-builder.

    python -m tessera_composition.export --weights dual.pt --models MODELS --out DIR

MODELS has `text-encoder.onnx` of the bundle tessera-baseline. DIR gets, with weights in half precision:

    text-encoder.onnx             inputs_embeds [B, n, W], end int64 [B] -> text_embeds [B, D]
    soft-prompt-step.onnx         one step of step.py's soft_prompt_step, see StepGraph
    image-head.onnx               texture, meaning [B, …], pixels [B, 3, S, S] in 0–255 -> image_embeds [B, D]
    special-tokens.safetensors    special_tokens [2, W]: what begins and what ends a text
    dual-encoder.json             sizes, scale, where the tower is cut, how it was trained
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from tessera_composition.features import CUTS
from tessera_composition.model import PARTS, PIXELS, load_model
from tessera_composition.pictures import SIDE
from tessera_composition.pieces import piece_embeddings
from tessera_composition.soft_prompts import PROMPT
from tessera_composition.step import BETAS, EPSILON
from tessera_composition.text_graph import TextGraph
from tessera_training.contract import read_contract
from tessera_training.graph import FLOAT

HEAD_OPSET = 20


class EncoderGraph(TextGraph):
    def __init__(self, encoder, heads):
        super().__init__("text_encoder", encoder, heads)

    def build(self):
        embeds = self.as_states("inputs_embeds")
        self.arrange(embeds, "end", self.shared_tokens(embeds, "end"))
        x = self.flatten(self.add(embeds, self.positions), self.width)
        text, _ = self.encode(x)
        self.output("text_embeds", self.single(text))
        return self.model()


class StepGraph(TextGraph):
    """P rows are learned, S prompts of n tokens compete, a batch has B images; sizes are dynamic."""

    def __init__(self, encoder, heads):
        super().__init__("soft_prompt_step", encoder, heads)

    def build(self):
        text, text_back = self.prompt_embeddings()
        loss, of_text = self.loss(text)
        gradient = text_back(of_text)
        results = {"loss": loss, "gradient": gradient, **self.adam(gradient)}
        for name, value in results.items():
            self.output(name, value)
        return self.model()

    def prompt_embeddings(self):
        """-> [S, D] of unit length; backward gives the gradient of theta."""
        count = self.size("theta", 0)
        rows = self.unsqueeze(self.cast("rows", FLOAT), 2)
        shared = self.shared_tokens(self.concat("prompts", rows, axis=2), "end")
        self.arrange("prompts", "end", shared)
        fixed = self.flatten(self.add("prompts", self.positions), self.width)
        flat_rows = self.flatten("rows")
        dropped = self.mul("theta", "dropout_mask")
        learned = self.concat(dropped, self.constant(np.zeros((1, self.width))), axis=0)
        text, encode_back = self.encode(self.add(fixed, self.gather(learned, flat_rows)))
        unit, unit_back = self.unit(text)

        def backward(gradient):
            of_tokens = encode_back(unit_back(gradient))
            which = self.one_hot(flat_rows, count)  # a product sums in a fixed order, unlike scattering
            return self.mul(self.product(which, of_tokens, transA=1), "dropout_mask")

        return unit, backward

    def loss(self, text):
        """-> loss, its gradient by text [S, D]."""
        logits = self.mul(self.product("image_embeds", text, transB=1), "logit_scale")
        logarithms = self.node("LogSoftmax", logits, axis=-1)
        truth = self.one_hot("labels", self.prompts)
        batch = self.cast(self.node("Size", "labels"), FLOAT)
        total = self.node("ReduceSum", self.mul(truth, logarithms), keepdims=0)
        loss = self.node("Neg", self.node("Div", total, batch))
        of_logits = self.node("Sub", self.node("Exp", logarithms), truth)
        factor = self.node("Div", "logit_scale", batch)
        return loss, self.mul(self.product(of_logits, "image_embeds", transA=1), factor)

    def adam(self, gradient):
        decayed = self.add(gradient, self.mul("theta", "weight_decay"))
        squared = self.mul(decayed, decayed)
        moments = [
            self.add(self.scaled(old, beta), self.scaled(new, 1 - beta))
            for old, new, beta in zip(("first_moment", "second_moment"), (decayed, squared), BETAS)
        ]
        first, second = (self.node("Div", moment, self.correction(beta)) for moment, beta in zip(moments, BETAS))
        spread = self.add(self.node("Sqrt", second), self.constant(EPSILON))
        change = self.node("Div", self.mul(first, "learning_rate"), spread)
        next_theta = self.node("Sub", "theta", change)
        return {"next_theta": next_theta, "next_first_moment": moments[0], "next_second_moment": moments[1]}

    def correction(self, beta):
        """1 - beta ** step, which single precision would blur in the first steps."""
        power = self.node("Pow", self.double(beta), self.cast("step", TensorProto.DOUBLE))
        return self.cast(self.node("Sub", self.double(1), power), FLOAT)


class HeadOnPixels(nn.Module):
    def __init__(self, head):
        super().__init__()
        self.head = head

    def forward(self, texture, meaning, pixels):
        """pixels [B, 3, SIDE, SIDE] in 0–255, as the tower sees them."""
        means = nn.functional.avg_pool2d(pixels, SIDE // PIXELS)
        return self.head(texture, meaning, means / 127.5 - 1)


def image_head(head):
    contract = read_contract("dual-encoder", "image_head", embedding_width=sum(PARTS.values()))
    batch = torch.export.Dim(contract.batch)
    shapes = [shape for _, shape in contract.inputs.values()]
    program = torch.onnx.export(
        HeadOnPixels(head).eval(),
        tuple(torch.zeros([2 if dim == contract.batch else dim for dim in shape]) for shape in shapes),
        input_names=list(contract.inputs),
        output_names=list(contract.outputs),
        opset_version=HEAD_OPSET,
        dynamic_shapes=[{shape.index(contract.batch): batch} for shape in shapes],
        dynamo=True,
        verbose=False,
    )
    return half_precision_weights(without_origins(program.model_proto))


def without_origins(model):
    """Leaves out what the exporter notes of the Python code behind each node, paths of the machine included."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return model


def half_precision_weights(model, least=256):
    """Stores large initializers as float16, with a Cast that ONNX Runtime runs once, when it loads the graph."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < least:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(casts + nodes)
    onnx.checker.check_model(model)
    return model


def safetensors(name, values):
    """One float32 tensor as the bytes of a safetensors file."""
    data = np.ascontiguousarray(values, "<f4").tobytes()
    header = json.dumps({name: {"dtype": "F32", "shape": list(values.shape), "data_offsets": [0, len(data)]}}).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data


def description(model, training):
    return {
        "image_size": SIDE,
        "resize": "stretch",
        "tower": {name: node for name, (node, _) in CUTS.items()},
        "pixels": "pixels",
        "prompt": PROMPT,
        "context_length": model.config.context_length,
        "logit_scale": model.logit_scale.item(),
        "text_width": model.config.text_width,
        "embedding_width": model.config.embedding_width,
        "training": training,
    }


def export(model, training, out):
    """`training`: what the file of sizes is to tell about how the model was trained."""
    out.mkdir(parents=True, exist_ok=True)
    heads = model.config.text_heads
    graphs = {
        "text-encoder": EncoderGraph(model.text, heads).build(),
        "soft-prompt-step": StepGraph(model.text, heads).build(),
        "image-head": image_head(model.image),
    }
    for name, graph in graphs.items():
        onnx.save(graph, str(out / f"{name}.onnx"))
    special = model.special.detach().numpy()
    (out / "special-tokens.safetensors").write_bytes(safetensors("special_tokens", special))
    (out / "dual-encoder.json").write_text(json.dumps(description(model, training), indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--training", type=Path, help="JSON that dual-encoder.json shall tell as its training")
    arguments = parser.parse_args()
    model = load_model(arguments.weights, piece_embeddings(arguments.models))
    training = json.loads(arguments.training.read_text()) if arguments.training else {}
    export(model, training, arguments.out)


if __name__ == "__main__":
    main()
