"""A public client of the Open Inference Protocol gets the answers of the service's own routes."""

import io
import json
import pathlib
import re

import numpy as np
import pytest
import tritonclient.http as triton
from PIL import Image
from pycocotools import mask as coco
from tritonclient.utils import InferenceServerException

QUERIES = ["the stop sign", "the zebra"]
GUIDE = pathlib.Path(__file__).parents[3] / "docs/guides/open-inference-protocol.md"


@pytest.fixture(scope="module")
def client(url):
    return triton.InferenceServerClient(url.removeprefix("http://"), network_timeout=120)


@pytest.fixture(scope="module")
def photo(directory):
    return (directory / "photo.jpg").read_bytes()


@pytest.fixture(scope="module")
def expected(tessera, directory):
    """The service's own answer to the same queries."""
    return tessera.segment(directory / "photo.jpg", queries=QUERIES).results


def tensor(name, values, binary_data=True, datatype="BYTES"):
    values = np.array(values, dtype=object) if datatype == "BYTES" else values
    result = triton.InferInput(name, list(values.shape), datatype)
    result.set_data_from_numpy(values, binary_data=binary_data)
    return result


def test_health_and_metadata(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("tessera-mini") and not client.is_model_ready("unknown")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    for model in ["tessera-mini", "tessera-dual"]:
        metadata = client.get_model_metadata(model)
        (version,) = metadata["versions"]
        assert metadata == client.get_model_metadata(model, version)


@pytest.mark.parametrize("binary_data", [True, False])
def test_masks_are_those_of_the_service(client, photo, expected, binary_data):
    names = [tensor["name"] for tensor in client.get_model_metadata("tessera-mini")["outputs"]]
    image = tensor("image", [photo])
    outputs = [triton.InferRequestedOutput(name, binary_data=binary_data) for name in names]
    answer = client.infer("tessera-mini", [image, tensor("query", QUERIES, binary_data)], outputs=outputs)
    shapes = {output["name"]: len(output["shape"]) for output in client.get_model_metadata("tessera-mini")["outputs"]}
    for name in names:
        assert answer.as_numpy(name).ndim == shapes[name], name
    masks = answer.as_numpy("mask")
    assert masks.dtype == bool and masks.shape == (2, 480, 640)
    for index, result in enumerate(expected):
        assert np.array_equal(masks[index], result.mask)
        rle = json.loads(answer.as_numpy("rle")[index])
        assert np.array_equal(coco.decode(rle).astype(bool), result.mask)
        assert answer.as_numpy("present")[index] == result.present
        assert answer.as_numpy("score")[index] == pytest.approx(result.score, abs=1e-6)
    assert list(answer.as_numpy("present")) == [True, False]
    assert list(answer.as_numpy("area")) == [result.mask.sum() for result in expected]


def test_pixels_are_an_image(client, photo, tessera):
    pixels = np.asarray(Image.open(io.BytesIO(photo)).convert("RGB"))
    answer = client.infer("tessera-mini", [tensor("image", pixels, datatype="UINT8"), tensor("query", QUERIES[:1])])
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    (result,) = tessera.segment(file.getvalue(), query=QUERIES[0]).results
    assert np.array_equal(answer.as_numpy("mask")[0], result.mask)


def test_parameters_are_options(client, photo):
    inputs = [tensor("image", [photo]), tensor("query", QUERIES[:1])]
    parameters = {"threshold": 1.0, "refine": False}
    answer = client.infer("tessera-mini", inputs, parameters=parameters, request_id="mine")
    assert not answer.as_numpy("present")[0] and answer.get_response()["id"] == "mine"


def test_compositions_are_those_of_the_service(client, photo, tessera, directory):
    vocabulary = {"attributes": ["red", "green"], "objects": ["sign", "dress"]}
    inputs = [tensor("image", [photo, photo]), *(tensor(name, words) for name, words in vocabulary.items())]
    answer = client.infer("tessera-dual", inputs, parameters={"top_k": 3})
    predictions = tessera.classify(directory / "photo.jpg", vocabulary=vocabulary, top_k=3).results[0].predictions
    labels, scores = answer.as_numpy("label"), answer.as_numpy("score")
    assert labels.shape == scores.shape == (2, 3)
    for row in range(2):
        assert [label.decode() for label in labels[row]] == [prediction.label for prediction in predictions]
        assert scores[row] == pytest.approx([prediction.score for prediction in predictions], abs=1e-6)
    assert answer.as_numpy("none").shape == (2,)


def test_errors_have_the_code(client, photo):
    with pytest.raises(InferenceServerException, match="TSR_MODEL_NOT_FOUND.*tessera-mini"):
        client.get_model_metadata("unknown")
    with pytest.raises(InferenceServerException, match="TSR_VALIDATION: /inputs must have query"):
        client.infer("tessera-mini", [tensor("image", [photo])])
    with pytest.raises(InferenceServerException, match="TSR_IMAGE_FORMAT_UNSUPPORTED") as failure:
        client.infer("tessera-mini", [tensor("image", [b"\xff\x00"]), tensor("query", QUERIES)])
    assert failure.value.status() == "415"


def test_the_example_of_the_guide_runs(url, directory, monkeypatch, capsys):
    (code,) = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(encoding="utf8"), re.MULTILINE | re.DOTALL)
    address = "127.0.0.1:3000"
    assert address in code
    monkeypatch.chdir(directory)
    exec(code.replace(address, url.removeprefix("http://")), {})
    assert capsys.readouterr().out.startswith("[ True False]")
