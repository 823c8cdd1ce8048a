"""What graphs take and give, in the words of the bundles that serve them.

packages/bundle-builder/src has a file graphs.json for each trained bundle: tensors by name with type and shape. The
exporters declare what is there, the bundle's manifest says it, and the service compares both when it loads a graph.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from onnx import TensorProto

DIRECTORY = Path(__file__).resolve().parents[2] / "packages" / "bundle-builder" / "src"
DTYPES = {
    "bool": TensorProto.BOOL,
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
}


@dataclass
class Contract:
    """Name -> (dtype of TensorProto, shape); a name in a shape is a size that each run chooses."""

    inputs: dict
    outputs: dict
    batch: str | None = None  # the dimension along which the service may put runs together
    padded: tuple = ()  # dimensions in which it pads those runs with zeros

    def batching(self):
        padded = {"padded": list(self.padded)} if self.padded else {}
        return {} if self.batch is None else {"batch": self.batch, **padded}


def read_contract(bundle, graph, **sizes):
    """`sizes`: numbers for names among the dimensions, where the model's sizes decide."""
    declared = json.loads((DIRECTORY / bundle / "graphs.json").read_text())[graph]

    def tensors(kind):
        return {
            name: (DTYPES[tensor["dtype"]], [sizes.get(dim, dim) for dim in tensor["shape"]])
            for name, tensor in declared[kind].items()
        }

    return Contract(tensors("inputs"), tensors("outputs"), declared.get("batch"), tuple(declared.get("padded", ())))


def described(model, contract=None):
    """An ONNX model as a manifest describes it: inputs, outputs, and how runs share a batch by its contract."""
    names = {number: name for name, number in DTYPES.items()}

    def tensors(values):
        types = ((value.name, value.type.tensor_type) for value in values)
        return {
            name: {"dtype": names[kind.elem_type], "shape": [dim.dim_param or dim.dim_value for dim in kind.shape.dim]}
            for name, kind in types
        }

    batching = {} if contract is None else contract.batching()
    return {"inputs": tensors(model.graph.input), "outputs": tensors(model.graph.output), **batching}
