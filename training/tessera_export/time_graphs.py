"""Times language models and image encoders with random weights on an execution provider of ONNX Runtime.

    python -m tessera_export.time_graphs prefill --shape llama-7b --precision float16 --provider cuda \\
        --questions 1 4 16 --cases '[{"name": "off", "image_tokens": [256, ...]}]' --seconds 200
    python -m tessera_export.time_graphs encoder --shape sam-vit-h --precision float16 --provider cuda --seconds 60

Prints a line of JSON as soon as something is known: first the machine (`provider`, `onnxruntime`, `seconds` to write
and load the graph), then a row for each case with the milliseconds of its runs. Inputs and outputs are bound to the
device: a run copies none of them. Ends in time: cases share what is left of --seconds.

`prefill`: every question has a text of its own about one image. A case's `image_tokens` are the image tokens that enter
each layer.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

from tessera_export import random_image_encoder, random_language_model
from tessera_export.export_graph import PRECISIONS

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
PREFIX, QUESTION = 32, 32  # tokens before the image and of a question, as in LISA's prompt
MOST_RUNS = 30


def say(**row):
    print(json.dumps(row), flush=True)


def open_session(path, provider):
    if provider == "cuda" and hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()  # the libraries of NVIDIA's packages from PyPI
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=[PROVIDERS[provider]])
    found = session.get_providers()
    if found[0] != PROVIDERS[provider]:
        sys.exit(f"{provider} does not work here: ONNX Runtime has {', '.join(found)}")
    return session


def bound(session, feeds, provider):
    """The feeds and all outputs on the device; numbers that ONNX Runtime reads to plan its work stay in main memory."""
    binding = session.io_binding()
    for name, array in feeds.items():
        device = provider if array.dtype.kind == "f" or array.dtype == np.uint8 else "cpu"
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array, device, 0))
    for output in session.get_outputs():
        binding.bind_output(output.name, provider, 0)
    return binding


def timed(session, feeds, provider, seconds):
    """-> milliseconds of runs, the first two left out; at least one run"""
    binding = bound(session, feeds, provider)
    times, end = [], time.perf_counter() + seconds
    for number in range(2 + MOST_RUNS):
        start = time.perf_counter()
        binding.synchronize_inputs()
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        if number >= 2 or time.perf_counter() > end:
            times.append(1000 * (time.perf_counter() - start))
        if time.perf_counter() > end:
            break
    return times


def time_cases(session, cases, provider, deadline):
    """`cases`: (row, feeds) one by one; a case that fails says so in its row."""
    for place, (row, feeds) in enumerate(cases):
        left = deadline - time.perf_counter()
        if left <= 0:
            say(**row, error="no time was left for it")
            continue
        try:
            times = timed(session, feeds, provider, left / (len(cases) - place))
        except Exception as error:  # one case too large for the memory leaves the others
            say(**row, error=str(error).splitlines()[0])
            continue
        say(**row, ms=statistics.median(times), least_ms=min(times), runs=len(times))


def prefill_cases(config, arguments):
    random = np.random.default_rng(1)
    tokens = arguments.image_tokens

    def feeds(questions, image_tokens):
        return {
            "prefix": random.integers(0, config.vocabulary, PREFIX),
            "image_embeddings": random.standard_normal((1, tokens, config.width), dtype=np.float32),
            "text": random.integers(0, config.vocabulary, (questions, QUESTION)),
            "lengths": np.full(questions, QUESTION),
            "priority": random.random(tokens, dtype=np.float32),
            "image_tokens": np.array(image_tokens),
        }

    return [
        ({"questions": questions, "case": case["name"]}, feeds(questions, case["image_tokens"]))
        for questions in arguments.questions
        for case in json.loads(arguments.cases)
    ]


def encoder_cases(config, arguments):
    side = config.side
    image = np.random.default_rng(1).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    return [({"case": f"{side} pixels"}, {"image": image, "sizes": np.array([[side, side]])})]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--precision", choices=PRECISIONS, default="float16")
    shared.add_argument("--provider", choices=PROVIDERS, default="cuda")
    shared.add_argument("--seconds", type=float, default=200, help="in which the command ends, about")
    kinds = parser.add_subparsers(dest="kind", required=True)
    prefill = kinds.add_parser("prefill", parents=[shared])
    prefill.add_argument("--shape", choices=random_language_model.SHAPES, required=True)
    prefill.add_argument("--image-tokens", type=int, default=256)
    prefill.add_argument("--questions", type=int, nargs="+", default=[1, 4, 16])
    prefill.add_argument("--cases", required=True)
    encoder = kinds.add_parser("encoder", parents=[shared])
    encoder.add_argument("--shape", choices=random_image_encoder.SHAPES, required=True)
    arguments = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="tessera-time-") as directory:
        path = Path(directory) / "graph.onnx"
        if arguments.kind == "prefill":
            config = random_language_model.write(arguments.shape, path, arguments.image_tokens, arguments.precision)
            cases = prefill_cases(config, arguments)
        else:
            config = random_image_encoder.write(arguments.shape, path, arguments.precision)
            cases = encoder_cases(config, arguments)
        session = open_session(path, arguments.provider)
        seconds = time.perf_counter() - start
        say(provider=session.get_providers()[0], onnxruntime=onnxruntime.__version__, seconds=seconds)
        time_cases(session, cases, arguments.provider, start + arguments.seconds)


if __name__ == "__main__":
    main()
