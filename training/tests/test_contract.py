"""What the exporters write against what the bundles declare."""

import numpy as np
import onnxruntime
import pytest
from onnx.checker import ValidationError

from tessera_training.contract import DIRECTORY, DTYPES, read_contract
from tessera_training.graph import Graph

WEIGHTS = DIRECTORY.parent / "weights"
WIDTHS = {"text_width": 256, "embedding_width": 256}
COMMITTED = [
    ("reasoner", "reasoner", {}),
    ("dual-encoder", "text_encoder", WIDTHS),
    ("dual-encoder", "soft_prompt_step", WIDTHS),
    ("dual-encoder", "image_head", WIDTHS),
]


@pytest.mark.parametrize("bundle, graph, sizes", COMMITTED)
def test_committed_graphs_take_and_give_what_their_contract_says(bundle, graph, sizes):
    contract = read_contract(bundle, graph, **sizes)
    session = onnxruntime.InferenceSession(WEIGHTS / bundle / f"{graph.replace('_', '-')}.onnx")
    names = {number: f"tensor({name})" for name, number in DTYPES.items()}
    names[DTYPES["float32"]] = "tensor(float)"
    for tensors, values in ((contract.inputs, session.get_inputs()), (contract.outputs, session.get_outputs())):
        declared = {name: (names[dtype], shape) for name, (dtype, shape) in tensors.items()}
        assert {value.name: (value.type, value.shape) for value in values} == declared


def test_outputs_have_the_shapes_that_the_contract_says():
    contract = read_contract("reasoner", "reasoner")
    session = onnxruntime.InferenceSession(WEIGHTS / "reasoner" / "reasoner.onnx")
    named = {"queries": 2, "length": 5, "groups": 1, "all_layers": 1280}
    dtypes = {DTYPES["float32"]: np.float32, DTYPES["int64"]: np.int64}

    def shape_of(shape):
        return tuple(named.get(dim, dim) for dim in shape)

    feeds = {name: np.ones(shape_of(shape), dtypes[dtype]) for name, (dtype, shape) in contract.inputs.items()}
    feeds["image_tokens"] *= 128
    outputs = zip(contract.outputs.values(), session.run(list(contract.outputs), feeds), strict=True)
    for (dtype, shape), value in outputs:
        assert (value.dtype, value.shape) == (dtypes[dtype], shape_of(shape))


def test_a_graph_without_one_of_its_outputs_is_refused():
    with pytest.raises(ValidationError):
        Graph("reasoner", read_contract("reasoner", "reasoner")).model()
