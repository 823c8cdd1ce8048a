"""Writes the ONNX graph that bench/src/speed/prefill.ts measures the machine with.

pip install onnx==1.23.2
python training/golden/make_bench_graphs.py
"""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

OUTPUT = Path(__file__).resolve().parents[2] / "bench" / "graphs" / "matrix-product.onnx"


def main():
    """A product of two square matrices."""
    square = ["size", "size"]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["left", "right"], ["product"])],
        "matrix_product",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, square) for name in ("left", "right")],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, square)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, OUTPUT)


if __name__ == "__main__":
    main()
