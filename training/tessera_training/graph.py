"""Writes ONNX graphs: every method adds a node and gives the name of its output."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 23


class Graph:
    def __init__(self, name):
        self.name, self.nodes, self.initializers, self.inputs, self.outputs = name, [], [], [], []
        self.constants, self.weights = {}, {}

    def node(self, kind, *inputs, outputs=1, **attributes):
        names = [f"{kind}_{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, values, dtype=np.float32):
        """A small constant; equal ones are stored once."""
        array = np.asarray(values, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = f"constant_{len(self.constants)}"
            self.initializers.append(numpy_helper.from_array(array, self.constants[key]))
        return self.constants[key]

    def integers(self, *values):
        return self.constant(values, np.int64)

    def weight(self, name, tensor):
        """A weight stored in half precision and used in single precision; a name is stored once."""
        if name not in self.weights:
            self.initializers.append(numpy_helper.from_array(tensor.detach().numpy().astype(np.float16), name))
            self.weights[name] = self.node("Cast", name, to=TensorProto.FLOAT)
        return self.weights[name]

    def input(self, name, dtype, shape):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, name, value, dtype, shape):
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    # --- shorthands

    def add(self, *values):
        total, *rest = values
        for value in rest:
            total = self.node("Add", total, value)
        return total

    def mul(self, one, other):
        return self.node("Mul", one, other)

    def scaled(self, value, factor):
        return self.mul(value, self.constant(factor))

    def linear(self, x, name, layer):
        product = self.node("MatMul", x, self.weight(f"{name}.weight", layer.weight.T))
        return product if layer.bias is None else self.node("Add", product, self.weight(f"{name}.bias", layer.bias))

    def reshape(self, x, *shape):
        return self.node("Reshape", x, self.integers(*shape))

    def unsqueeze(self, x, *axes):
        return self.node("Unsqueeze", x, self.integers(*axes))

    def concat(self, *values, axis):
        return self.node("Concat", *values, axis=axis)

    def size(self, x, axis):
        """The length of one axis, int64 [1]."""
        return self.node("Shape", x, start=axis, end=axis + 1)

    def range(self, count):
        """0 … count - 1 for an int64 [1] count."""
        scalar = self.node("Squeeze", count, self.integers(0))
        return self.node("Range", self.constant(0, np.int64), scalar, self.constant(1, np.int64))

    def slice(self, x, start, end, axis):
        """`start` and `end` are numbers or names of int64 [1] tensors."""
        bounds = [bound if isinstance(bound, str) else self.integers(bound) for bound in (start, end)]
        return self.node("Slice", x, *bounds, self.integers(axis))

    def cast(self, x, dtype):
        return self.node("Cast", x, to=dtype)

    def model(self):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
        onnx.checker.check_model(model)
        return model
