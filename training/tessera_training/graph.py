"""Writes ONNX graphs: every method adds a node and gives the name of its output.

Inputs and outputs of a graph are those of its contract."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 23
FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
FUSED = "com.microsoft"  # operators of ONNX Runtime
END = np.iinfo(np.int64).max


class Graph:
    type = FLOAT  # of states and constants

    def __init__(self, name, contract):
        self.name, self.contract, self.nodes, self.initializers = name, contract, [], []
        self.constants, self.weights, self.casts, self.count = {}, {}, [], 0

    def node(self, kind, *inputs, outputs=1, fused=False, **attributes):
        """`outputs`: how many, or the places of those that are wanted."""
        self.count += 1
        wanted = range(outputs) if isinstance(outputs, int) else outputs
        names = [f"{kind}_{self.count}_{k}" if k in wanted else "" for k in range(max(wanted) + 1)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, domain=FUSED if fused else "", **attributes))
        return names[0] if outputs == 1 else [name for name in names if name]

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
        """A weight stored in half precision and used in single precision (ONNX Runtime converts it once, when it loads
        the graph); a name is stored once."""
        if name not in self.weights:
            self.weights[name] = f"{name}.single"
            self.initializers.append(numpy_helper.from_array(tensor.detach().numpy().astype(np.float16), name))
            self.casts.append(helper.make_node("Cast", [name], [self.weights[name]], to=FLOAT))
        return self.weights[name]

    def output(self, name, value):
        """Gives `value` the name of an output; call this when all nodes are there."""
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [name if old == value else old for old in names]

    # --- branches

    def choose(self, condition, yes, no, types):
        """`yes` and `no` add the nodes of the two branches and return the names of results of the given types."""
        branches = {"then_branch": self.branch(yes, types), "else_branch": self.branch(no, types)}
        results = self.node("If", condition, outputs=len(types), **branches)
        return [results] if len(types) == 1 else results

    def branch(self, build, types):
        outside, self.nodes = self.nodes, []
        results = []
        for name in build():  # a result has to come from inside the branch, under a name of its own
            inside = any(name in node.output for node in self.nodes) and name not in results
            results.append(name if inside else self.node("Identity", name))
        outputs = [helper.make_tensor_value_info(name, dtype, None) for name, dtype in zip(results, types, strict=True)]
        graph = helper.make_graph(self.nodes, f"branch_{self.count}", [], outputs)
        self.nodes = outside
        return graph

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

    def matmul(self, x, name, weight):
        """`weight` as PyTorch's linear layers have it, [out, in]."""
        return self.node("MatMul", x, self.weight(name, weight.T))

    def linear(self, x, name, layer):
        product = self.matmul(x, f"{name}.weight", layer.weight)
        return product if layer.bias is None else self.add(product, self.weight(f"{name}.bias", layer.bias))

    def norm(self, x, name, layer):
        return self.node("RMSNormalization", x, self.weight(f"{name}.weight", layer.weight), axis=-1, epsilon=1e-6)

    def silu(self, x):
        return self.node("QuickGelu", x, alpha=1.0, fused=True)

    def reshape(self, x, *shape):
        return self.node("Reshape", x, self.integers(*shape))

    def unsqueeze(self, x, *axes):
        return self.node("Unsqueeze", x, self.integers(*axes))

    def concat(self, *values, axis):
        return self.node("Concat", *values, axis=axis)

    def gather(self, x, index, axis=0):
        return self.node("Gather", x, index, axis=axis)

    def expand(self, x, *sizes):
        """`sizes` are names of int64 [1] tensors."""
        return self.node("Expand", x, self.concat(*sizes, axis=0))

    def size(self, x, axis):
        """The length of one axis, int64 [1]."""
        return self.node("Shape", x, start=axis, end=axis + 1)

    def range(self, count):
        """0 … count - 1 for an int64 [1] count."""
        scalar = self.node("Squeeze", count, self.integers(0))
        return self.node("Range", self.constant(0, np.int64), scalar, self.constant(1, np.int64))

    def slice(self, x, start, end, *axes):
        """`start` and `end` are numbers or names of int64 [1] tensors and hold for all axes."""
        bounds = [bound if isinstance(bound, str) else self.integers(bound) for bound in (start, end)]
        if len(axes) > 1:
            bounds = [self.concat(*[bound] * len(axes), axis=0) for bound in bounds]
        return self.node("Slice", x, *bounds, self.integers(*axes))

    def cast(self, x, dtype):
        return self.node("Cast", x, to=dtype)

    def as_states(self, x):
        """A float32 tensor in the type of states."""
        return x if self.type == FLOAT else self.cast(x, self.type)

    def single(self, x):
        """States as float32, as outputs are."""
        return x if self.type == FLOAT else self.cast(x, FLOAT)

    def equal(self, one, other):
        return self.node("Equal", one, other)

    def descending(self, x, count):
        """Indices of the `count` (int64 [1]) highest of the last axis, in ascending order."""
        _, best = self.node("TopK", x, count, outputs=2, axis=-1, sorted=1)
        negative, _ = self.node("TopK", self.node("Neg", best), count, outputs=2, axis=-1, sorted=1)
        return self.node("Neg", negative)

    def model(self):
        model = self.unchecked_model()
        onnx.checker.check_model(model)
        return model

    def unchecked_model(self):
        """For a graph with external weights, which is checked where they are."""
        inputs, outputs = (
            [helper.make_tensor_value_info(name, *tensor) for name, tensor in tensors.items()]
            for tensors in (self.contract.inputs, self.contract.outputs)
        )
        graph = helper.make_graph(self.casts + self.nodes, self.name, inputs, outputs, self.initializers)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)
