"""Writes the small ONNX graphs that the tests of packages/inference run.

    pip install onnx==1.23.2
    python training/golden/make_inference_graphs.py

The graphs are a few hundred bytes each and carry no weights; graphs.json has what each takes and gives.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

sys.path.append(str(Path(__file__).resolve().parents[1]))
from tessera_training.contract import described  # noqa: E402

OUTPUT_DIRECTORY = Path(__file__).resolve().parents[2] / "packages" / "inference" / "test-vectors"
BATCHES = {"batch": {"batch": "batch", "padded": ["height", "width"]}}
OPSET = 17
IR_VERSION = 8

FLOAT, FLOAT16, UINT8 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8
INT64, BOOL = TensorProto.INT64, TensorProto.BOOL
value = helper.make_tensor_value_info


def constant(name, data_type, dims, values):
    return helper.make_tensor(name, data_type, dims, values)


def normalize():
    """An image [height, width, 3] of bytes times a gain [3], as floats: stands for an encoder."""
    return helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["image_float"], to=FLOAT),
            helper.make_node("Mul", ["image_float", "gain"], ["features"]),
            helper.make_node("ReduceMean", ["features"], ["mean"], axes=[0, 1], keepdims=0),
        ],
        "normalize",
        [value("image", UINT8, ["height", "width", 3]), value("gain", FLOAT, [3])],
        [value("features", FLOAT, ["height", "width", 3]), value("mean", FLOAT, [3])],
    )


def product():
    """Matrix product of [2, 3] and [3, columns]."""
    return helper.make_graph(
        [helper.make_node("MatMul", ["left", "right"], ["product"])],
        "product",
        [value("left", FLOAT, [2, 3]), value("right", FLOAT, [3, "columns"])],
        [value("product", FLOAT, [2, "columns"])],
    )


def increment():
    """Adds one to the integers whose flag is set, and flips the flags."""
    return helper.make_graph(
        [
            helper.make_node("Add", ["numbers", "one"], ["larger"]),
            helper.make_node("Where", ["flags", "larger", "numbers"], ["incremented"]),
            helper.make_node("Not", ["flags"], ["flipped"]),
        ],
        "increment",
        [value("numbers", INT64, ["count"]), value("flags", BOOL, ["count"])],
        [value("incremented", INT64, ["count"]), value("flipped", BOOL, ["count"])],
        [constant("one", INT64, [], [1])],
    )


def echo():
    """Gives bytes and floats back unchanged: for the cost of the way alone."""
    return helper.make_graph(
        [
            helper.make_node("Identity", ["bytes"], ["bytes_back"]),
            helper.make_node("Identity", ["floats"], ["floats_back"]),
        ],
        "echo",
        [value("bytes", UINT8, ["byte_count"]), value("floats", FLOAT, ["float_count"])],
        [value("bytes_back", UINT8, ["byte_count"]), value("floats_back", FLOAT, ["float_count"])],
    )


def halves():
    """Twice its input in half precision, and the same as float32."""
    return helper.make_graph(
        [
            helper.make_node("Add", ["halves", "halves"], ["doubled"]),
            helper.make_node("Cast", ["doubled"], ["doubled_float"], to=FLOAT),
        ],
        "halves",
        [value("halves", FLOAT16, ["count"])],
        [value("doubled", FLOAT16, ["count"]), value("doubled_float", FLOAT, ["count"])],
    )


def external():
    """Adds weights [4] from a file beside the graph."""
    return helper.make_graph(
        [helper.make_node("Add", ["floats", "weights"], ["sum"])],
        "external",
        [value("floats", FLOAT, [4])],
        [value("sum", FLOAT, [4])],
        [onnx.numpy_helper.from_array(np.array([1, 2, 3, 4], np.float32), "weights")],
    )


def reshape():
    """Reshapes at run time: a shape that does not fit makes the run fail inside ONNX Runtime."""
    return helper.make_graph(
        [helper.make_node("Reshape", ["floats", "shape"], ["reshaped"])],
        "reshape",
        [value("floats", FLOAT, ["count"]), value("shape", INT64, [2])],
        [value("reshaped", FLOAT, ["rows", "columns"])],
    )


def countdown():
    """Counts the given number of loop iterations: a run of any length."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["condition_in"], ["condition_out"]),
            helper.make_node("Add", ["total_in", "one"], ["total_out"]),
        ],
        "body",
        [value("iteration", INT64, []), value("condition_in", BOOL, []), value("total_in", INT64, [1])],
        [value("condition_out", BOOL, []), value("total_out", INT64, [1])],
    )
    return helper.make_graph(
        [
            helper.make_node("Squeeze", ["iterations"], ["trip_count"]),
            helper.make_node("Loop", ["trip_count", "true", "zero"], ["total"], body=body),
        ],
        "countdown",
        [value("iterations", INT64, [1])],
        [value("total", INT64, [1])],
        [
            constant("true", BOOL, [], [True]),
            constant("zero", INT64, [1], [0]),
            constant("one", INT64, [1], [1]),
        ],
    )


def batch():
    """Sums the pixels of each image times a gain, and looks a number up for each row. An index outside of the table makes the
    run fail; the run takes as many loop iterations as the row with most."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["condition_in"], ["condition_out"]),
            helper.make_node("Add", ["total_in", "one"], ["total_out"]),
        ],
        "body",
        [value("iteration", INT64, []), value("condition_in", BOOL, []), value("total_in", INT64, [])],
        [value("condition_out", BOOL, []), value("total_out", INT64, [])],
    )
    return helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["image_float"], to=FLOAT),
            helper.make_node("ReduceSum", ["image_float", "sides"], ["sums"], keepdims=0),
            helper.make_node("Mul", ["sums", "gain"], ["colour"]),
            helper.make_node("Gather", ["table", "index"], ["found"]),
            helper.make_node("ReduceMax", ["iterations"], ["trip_count"], keepdims=0),
            helper.make_node("Loop", ["trip_count", "true", "zero"], ["counted"], body=body),
            helper.make_node("Mul", ["counted", "zero"], ["nothing"]),
            helper.make_node("Add", ["found", "nothing"], ["number"]),
        ],
        "batch",
        [
            value("image", UINT8, ["batch", "height", "width", 3]),
            value("gain", FLOAT, [3]),
            value("index", INT64, ["batch"]),
            value("iterations", INT64, ["batch"]),
        ],
        [value("colour", FLOAT, ["batch", 3]), value("number", INT64, ["batch"])],
        [
            constant("sides", INT64, [2], [1, 2]),
            constant("table", INT64, [4], [10, 20, 30, 40]),
            constant("true", BOOL, [], [True]),
            constant("zero", INT64, [], [0]),
            constant("one", INT64, [], [1]),
        ],
    )


def main():
    OUTPUT_DIRECTORY.mkdir(parents=True, exist_ok=True)
    contracts = {}
    for build in (normalize, product, increment, echo, external, halves, reshape, countdown, batch):
        model = helper.make_model(
            build(), opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="tessera"
        )
        onnx.checker.check_model(model, full_check=True)
        path = OUTPUT_DIRECTORY / f"{build.__name__}.onnx"
        # The data file of an earlier run would be appended to.
        data = path.with_name(f"{path.name}.data")
        data.unlink(missing_ok=True)
        onnx.save(model, path, save_as_external_data=build is external, location=data.name, size_threshold=0)
        contracts[build.__name__] = {**described(model), **BATCHES.get(build.__name__, {})}
        print(f"{path.name}: {path.stat().st_size} bytes")
    (OUTPUT_DIRECTORY / "graphs.json").write_text(json.dumps(contracts, indent=2) + "\n")


if __name__ == "__main__":
    main()
