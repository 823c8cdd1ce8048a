"""Writes the small ONNX graphs of the model that test/chaos serves.

    pip install onnx==1.23.2
    python training/golden/make_chaos_graphs.py

They stand for a detector, an image encoder, a mask decoder and a text encoder. Their answer can be predicted: an image of
one colour has one object in its upper left corner, whose width and height are the red and the green of the image. An image
whose blue is at its highest keeps the detector busy for ever.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

sys.path.append(str(Path(__file__).resolve().parents[1]))
from tessera_training.contract import described  # noqa: E402

OUTPUT_DIRECTORY = Path(__file__).resolve().parents[2] / "test" / "chaos" / "graphs"
OPSET = 17
IR_VERSION = 8
SIDE = 16  # of the image that the graphs see, and of the mask
PROMPT_WIDTH = 256
ENDLESS = 1 << 60  # loop iterations

FLOAT, UINT8, INT64, BOOL = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT64, TensorProto.BOOL
value = helper.make_tensor_value_info
node = helper.make_node


def constant(name, data_type, values):
    array = np.array(values)
    return helper.make_tensor(name, data_type, array.shape, array.flatten().tolist())


def mean_colour():
    """The mean of the image [batch, height, width, 3] in 256ths, from 1 to 256, as `colour` [batch, 3]."""
    nodes = [
        node("Cast", ["image"], ["image_float"], to=FLOAT),
        node("ReduceMean", ["image_float"], ["mean"], axes=[1, 2], keepdims=0),
        node("Round", ["mean"], ["rounded"]),
        node("Add", ["rounded", "one"], ["counted"]),
        node("Div", ["counted", "levels"], ["colour"]),
    ]
    return nodes, [constant("one", FLOAT, 1.0), constant("levels", FLOAT, 256.0)]


def detector():
    """One box in the upper left corner of each image, of the class 0."""
    body = helper.make_graph(
        [node("Identity", ["go_on"], ["go_on_still"]), node("Identity", ["total"], ["same_total"])],
        "body",
        [value("iteration", INT64, []), value("go_on", BOOL, []), value("total", FLOAT, [])],
        [value("go_on_still", BOOL, []), value("same_total", FLOAT, [])],
    )
    nodes, constants = mean_colour()
    nodes += [
        # An image of the highest blue: 1 where it is, 0 elsewhere.
        node("Gather", ["colour", "blue"], ["blues"], axis=1),
        node("ReduceMax", ["blues"], ["bluest"], keepdims=0),
        node("Floor", ["bluest"], ["is_endless"]),
        node("Cast", ["is_endless"], ["is_endless_integer"], to=INT64),
        node("Mul", ["is_endless_integer", "endless"], ["iterations"]),
        node("Loop", ["iterations", "true", "zero"], ["nothing"], body=body),
        node("Slice", ["colour", "first", "third", "columns"], ["corner"]),
        node("Add", ["corner", "nothing"], ["far_corner"]),
        node("Mul", ["corner", "zero"], ["near_corner"]),
        node("Concat", ["near_corner", "far_corner"], ["flat_boxes"], axis=1),
        node("Unsqueeze", ["flat_boxes", "columns"], ["boxes"]),
        node("ReduceMax", ["corner"], ["largest"], axes=[1], keepdims=1),
        node("Mul", ["largest", "zero"], ["zeros"]),
        node("Add", ["zeros", "certain"], ["scores"]),
        node("Cast", ["zeros"], ["classes"], to=INT64),
    ]
    constants += [
        constant("blue", INT64, [2]),
        constant("endless", INT64, ENDLESS),
        constant("true", BOOL, True),
        constant("zero", FLOAT, 0.0),
        constant("certain", FLOAT, 0.95),
        constant("first", INT64, [0]),
        constant("third", INT64, [2]),
        constant("columns", INT64, [1]),
    ]
    return helper.make_graph(
        nodes,
        "detector",
        [value("image", UINT8, ["batch", SIDE, SIDE, 3])],
        [
            value("boxes", FLOAT, ["batch", 1, 4]),
            value("scores", FLOAT, ["batch", 1]),
            value("classes", INT64, ["batch", 1]),
        ],
        constants,
    )


def image_encoder():
    """Width and height of the object, in cells of the mask. The size of the image is not used."""
    nodes, constants = mean_colour()
    nodes += [
        node("Slice", ["colour", "first", "third", "columns"], ["corner"]),
        node("Mul", ["corner", "side"], ["embedding"]),
    ]
    constants += [
        constant("first", INT64, [0]),
        constant("third", INT64, [2]),
        constant("columns", INT64, [1]),
        constant("side", FLOAT, float(SIDE)),
    ]
    return helper.make_graph(
        nodes,
        "image_encoder",
        [value("image", UINT8, [1, "height", "width", 3]), value("sizes", INT64, [1, 2])],
        [value("embedding", FLOAT, [1, 2])],
        constants,
    )


def mask_decoder():
    """Logits that are above zero inside the object of the embedding, the same for every prompt."""
    centres = np.arange(SIDE) + 0.5
    columns, rows = np.meshgrid(centres, centres)
    nodes = [
        node("Split", ["embedding"], ["width", "height"], axis=1),
        node("Sub", ["width", "column_centres"], ["inside_width"]),
        node("Sub", ["height", "row_centres"], ["inside_height"]),
        node("Min", ["inside_width", "inside_height"], ["mask"]),
        node("Shape", ["points"], ["prompt_count"], start=0, end=1),
        node("Concat", ["prompt_count", "mask_sides"], ["mask_dims"], axis=0),
        node("Expand", ["mask", "mask_dims"], ["low_res_masks"]),
        node("Expand", ["expected_iou", "prompt_count"], ["iou"]),
    ]
    return helper.make_graph(
        nodes,
        "mask_decoder",
        [
            value("embedding", FLOAT, [1, 2]),
            value("points", FLOAT, ["prompts", "points", 2]),
            value("labels", INT64, ["prompts", "points"]),
            value("prompt_embeddings", FLOAT, ["prompts", "embeddings", PROMPT_WIDTH]),
        ],
        [value("low_res_masks", FLOAT, ["prompts", SIDE, SIDE]), value("iou", FLOAT, ["prompts"])],
        [
            constant("column_centres", FLOAT, columns),
            constant("row_centres", FLOAT, rows),
            constant("mask_sides", INT64, [SIDE, SIDE]),
            constant("expected_iou", FLOAT, [0.9]),
        ],
    )


def text_encoder():
    """The same vector for every text: it is similar to the one class."""
    return helper.make_graph(
        [
            node("Shape", ["lengths"], ["texts"], start=0, end=1),
            node("Concat", ["texts", "width"], ["dims"], axis=0),
            node("Expand", ["vector", "dims"], ["sentence"]),
        ],
        "text_encoder",
        [value("ids", INT64, ["batch", "length"]), value("lengths", INT64, ["batch"])],
        [value("sentence", FLOAT, ["batch", 2])],
        [constant("width", INT64, [2]), constant("vector", FLOAT, [[0.6, 0.8]])],
    )


def main():
    OUTPUT_DIRECTORY.mkdir(parents=True, exist_ok=True)
    contracts = {}
    for build in (detector, image_encoder, mask_decoder, text_encoder):
        name = build.__name__
        model = helper.make_model(
            build(), opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="tessera"
        )
        onnx.checker.check_model(model, full_check=True)
        path = OUTPUT_DIRECTORY / f"{name}.onnx"
        onnx.save(model, path)
        contracts[name] = {**described(model), **({"batch": "batch"} if name == "detector" else {})}
        print(f"{path.name}: {path.stat().st_size} bytes")
    (OUTPUT_DIRECTORY / "graphs.json").write_text(json.dumps(contracts, indent=2) + "\n")


if __name__ == "__main__":
    main()
