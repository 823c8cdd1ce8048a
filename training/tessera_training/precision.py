"""Writes the reasoner's graph with the products of its layers in half or 8-bit precision, to weigh them.

    python -m tessera_training.precision int8 reasoner.onnx reasoner-int8.onnx

int8 quantizes as ONNX Runtime's dynamic quantization does: weights per output, once; states per product, when the graph
runs. (Its own tool does not reach weights from within branches.) What came of it: docs/decisions.
"""

import argparse

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from tessera_training.graph import FUSED

PRECISIONS = ("float16", "int8")
LAYERS = "blocks."  # what the names of their weights begin with


def in_precision(model, precision):
    """Changes the model in place; `precision` is one of PRECISIONS."""
    stored = {initializer.name: initializer for initializer in model.graph.initializer}
    halves = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Cast"}

    def int8(node, name):
        if name not in weights:
            weight = numpy_helper.to_array(stored[name]).astype(np.float32)  # [in, out]
            scales = np.abs(weight).max(0) / 127
            quantized = np.round(weight / scales).astype(np.int8)
            parts = numpy_helper.from_array(quantized, f"{name}.int8"), numpy_helper.from_array(scales, f"{name}.scale")
            model.graph.initializer.extend(parts)
        inputs = [node.input[0], f"{name}.int8", f"{name}.scale"]
        return [helper.make_node("DynamicQuantizeMatMul", inputs, node.output, domain=FUSED)]

    def float16(node, name):
        states, product, result = node.input[0], f"{node.output[0]}.half", node.output[0]
        return [
            helper.make_node("Cast", [states], [f"{states}.{product}"], to=TensorProto.FLOAT16),
            helper.make_node("MatMul", [f"{states}.{product}", name], [product]),
            helper.make_node("Cast", [product], [result], to=TensorProto.FLOAT),
        ]

    change, weights = {"int8": int8, "float16": float16}[precision], set()

    def visit(graph):
        nodes = []
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.type == AttributeProto.GRAPH:
                    visit(attribute.g)
            name = halves.get(node.input[1], "") if node.op_type == "MatMul" else ""
            if name.startswith(LAYERS):
                nodes += change(node, name)
                weights.add(name)
            else:
                nodes.append(node)
        graph.ClearField("node")
        graph.node.extend(nodes)

    visit(model.graph)
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in weights]
    for cast in casts:
        model.graph.node.remove(cast)
    if precision == "int8":
        for name in weights:
            model.graph.initializer.remove(stored[name])
    onnx.checker.check_model(model)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("precision", choices=PRECISIONS)
    parser.add_argument("graph")
    parser.add_argument("out")
    arguments = parser.parse_args()
    onnx.save(in_precision(onnx.load(arguments.graph), arguments.precision), arguments.out)


if __name__ == "__main__":
    main()
