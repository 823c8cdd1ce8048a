"""What the client sends, and what it makes of answers; over real sockets."""

import base64
import io
import struct
import tarfile
import zlib

import numpy as np
import pytest

from tessera_client import (
    ClassifyResponse,
    Example,
    ImageInfo,
    Point,
    Prompt,
    SegmentResponse,
    ServiceError,
    StoredImage,
    Tessera,
    VocabularyDescription,
)
from tessera_client.images import encode_png

IDENTIFIER = f"sha256:{'0' * 64}"
IMAGE = {"id": IDENTIFIER, "width": 3, "height": 2}
MASK = {"size": [2, 3], "counts": "123"}
INSTANCE = {"mask": MASK, "bbox": [0, 0, 2, 2], "area": 2, "score": 0.9, "label": "dog"}
SEGMENTATION = {
    "id": "a/1",
    "model": "tessera-mini@1",
    "image": IMAGE,
    "results": [
        {
            "query": "the dog",
            "present": True,
            "score": 0.9,
            "label": "dog",
            "mask_score": 0.8,
            "mask": MASK,
            "bbox": [0, 0, 2, 2],
            "area": 2,
            "instances": [INSTANCE],
            "warnings": [{"code": "unknown_words", "words": ["wug"]}],
            "of_a_later_version": 1,
        }
    ],
    "timings_ms": {"total": 1.5},
}
CLASSIFICATION = {
    "id": "a/2",
    "model": "tessera-dual@1",
    "results": [
        {
            "index": 0,
            "predictions": [
                {
                    "label": "red ball",
                    "attributes": ["red"],
                    "object": "ball",
                    "score": 0.8,
                    "logit": 24.8,
                    "seen": False,
                    "sources": {"attributes": ["pretrained"], "object": "pretrained"},
                }
            ],
            "none": 0.1,
            "attributes": [{"label": "red", "score": 0.8}],
        }
    ],
    "candidates": {"count": 4, "excluded": 0},
    "timings_ms": {"total": 1},
}
VOCABULARY = {
    "name": "apparel",
    "model": "tessera-dual",
    "method": "csp",
    "attributes": ["red"],
    "objects": ["dress"],
    "seen_pairs": [["red", "dress"]],
    "logit_scale": 100,
    "base": {"name": "x", "sha256": "y"},
    "metrics": {"auc": 0.5},
}
JOB = {"id": "a/1", "status": "queued", "position": 2, "created_at": "2026-01-01T00:00:00Z"}


def answer(value, status=200):
    return lambda reply: reply.json(status, value)


def test_a_segmentation_has_masks_as_arrays(start):
    service = start(answer(SEGMENTATION))
    response = Tessera(service.url).segment(b"\xff\xd8\xff", "the dog", output={"instances": True})
    assert isinstance(response, SegmentResponse)
    assert response.image == ImageInfo(IDENTIFIER, 3, 2)
    result = response.result
    assert (result.present, result.score, result.label, result.mask_score, result.area) == (True, 0.9, "dog", 0.8, 2)
    assert result.bbox == (0, 0, 2, 2)
    assert result.mask.dtype == np.bool_
    assert result.mask.tolist() == [[False, True, False], [True, False, False]]
    assert result.mask is result.mask and not result.mask.flags.writeable
    assert result.encoded_mask == MASK
    assert [(warning.code, warning.words) for warning in result.warnings] == [("unknown_words", ("wug",))]
    (instance,) = result.instances
    assert instance.label == "dog" and np.array_equal(instance.mask, result.mask)
    assert result.raw["of_a_later_version"] == 1
    assert service.requests[0].form() == [
        ("query", b"the dog"),
        ("options", b'{"output": {"instances": true}}'),
        ("image", b"\xff\xd8\xff"),
    ]


def masked(mask):
    """The answer with this mask."""
    return {**SEGMENTATION, "results": [{**SEGMENTATION["results"][0], "mask": mask}]}


def test_a_mask_of_polygons_is_not_decoded(start):
    response = Tessera(start(answer(masked({"size": [2, 3], "polygons": []}))).url).segment(IDENTIFIER, "the dog")
    with pytest.raises(ValueError, match="ask for the format rle or png"):
        _ = response.result.mask
    assert response.result.encoded_mask["polygons"] == []


@pytest.mark.parametrize("shape", [(1, 1), (2, 8), (5, 13), (40, 101)])
def test_a_mask_as_png_is_decoded(start, shape):
    pixels = np.random.default_rng(1).random(shape) < 0.5
    mask = {"size": list(shape), "png": f"data:image/png;base64,{base64.b64encode(one_bit_png(pixels)).decode()}"}
    response = Tessera(start(answer(masked(mask))).url).segment(IDENTIFIER, "the dog", output={"format": "png"})
    assert response.result.mask.dtype == np.bool_
    assert np.array_equal(response.result.mask, pixels)


def test_another_png_is_no_mask(start):
    grey = base64.b64encode(encode_png(np.zeros((2, 3), dtype=np.uint8))).decode()
    mask = {"size": [2, 3], "png": f"data:image/png;base64,{grey}"}
    with pytest.raises(ValueError, match="1 bit"):
        _ = Tessera(start(answer(masked(mask))).url).segment(IDENTIFIER, "the dog").result.mask


def one_bit_png(pixels):
    height, width = pixels.shape
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def test_an_overlay_is_the_bytes_of_the_picture(start):
    picture = {"image": "data:image/jpeg;base64,/9j/", "width": 3, "height": 2, "colours": ["#ff0000"]}
    response = Tessera(start(answer({**SEGMENTATION, "overlay": picture})).url).segment(
        IDENTIFIER, "the dog", output={"overlay": True}
    )
    assert response.overlay == b"\xff\xd8\xff"
    assert Tessera(start(answer(SEGMENTATION)).url).segment(IDENTIFIER, "the dog").overlay is None


def test_several_results_are_not_one(start):
    several = {**SEGMENTATION, "results": SEGMENTATION["results"] * 2}
    response = Tessera(start(answer(several)).url).segment(IDENTIFIER, queries=["a", "b"])
    with pytest.raises(ValueError, match="There are 2 results: read them from `results`"):
        _ = response.result


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda tessera: tessera.segment(IDENTIFIER, queries="cat"), "queries is a list: give one as `query`"),
        (lambda tessera: tessera.segment(IDENTIFIER, ["cat", "dog"]), "query is one text: give several as `queries`"),
        (lambda tessera: tessera.segment(IDENTIFIER, prompts={"box": [0, 0, 1, 1]}), "prompts is a list"),
        (lambda tessera: tessera.segment(IDENTIFIER, prompts=Prompt(box=[0, 0, 1, 1])), "prompts is a list"),
        (lambda tessera: tessera.classify(images="photo.jpg", vocabulary="v"), "images is a list: give one as `image`"),
    ],
)
def test_one_in_place_of_several_is_refused_before_anything_is_sent(start, call, words):
    service = start(answer(SEGMENTATION))
    with pytest.raises(TypeError, match=words):
        call(Tessera(service.url))
    assert service.requests == []


@pytest.mark.parametrize("key", ["ключ", "a\r\nx: y", "a\n", " a", "a\x7f"])
def test_a_key_that_no_header_can_carry_is_refused(key):
    with pytest.raises(ValueError, match="printable ASCII"):
        Tessera(api_key=key)


def test_queries_prompts_and_options_are_sent(start):
    service = start(answer(SEGMENTATION))
    tessera = Tessera(service.url)
    tessera.segment(StoredImage(IDENTIFIER, 3, 2, 60), queries=("a", "b"), model="m", refine=False, threshold=0)
    tessera.segment(tessera.segment(IDENTIFIER, "a").image, "a", prompts=[
        Prompt(box=np.array([0, 0, 1, 1])), Prompt(points=[Point(1, 1), Point(0, 0, 0)]), {"box": [1, 1, 1, 1]},
    ])  # fmt: skip
    several, _, prompted = (request.json() for request in service.requests)
    assert several == {
        "image": {"id": IDENTIFIER},
        "queries": ["a", "b"],
        "model": "m",
        "refine": False,
        "threshold": 0,
    }
    assert prompted["prompts"] == [
        {"box": [0, 0, 1, 1]},
        {"points": [{"x": 1, "y": 1, "label": 1}, {"x": 0, "y": 0, "label": 0}]},
        {"box": [1, 1, 1, 1]},
    ]


def test_images_are_classified(start):
    service = start(answer(CLASSIFICATION))
    tessera = Tessera(service.url)
    vocabulary = {"attributes": ["red"], "objects": ["ball"]}
    response = tessera.classify(IDENTIFIER, vocabulary, top_k=1, marginals=True)
    tessera.classify(images=[b"one", IDENTIFIER], vocabulary="apparel", pairs=[("red", "ball")])
    assert isinstance(response, ClassifyResponse)
    (prediction,) = response.result.predictions
    assert (prediction.label, prediction.attributes, prediction.object) == ("red ball", ("red",), "ball")
    assert (response.result.none, response.result.attributes[0].label, response.warnings) == (0.1, "red", ())
    assert service.requests[0].json() == {
        "image": {"id": IDENTIFIER},
        "vocabulary": vocabulary,
        "top_k": 1,
        "marginals": True,
    }
    assert service.requests[1].form() == [
        ("options", b'{"vocabulary": "apparel", "pairs": [["red", "ball"]]}'),
        ("images", b"one"),
        ("images", f'{{"id": "{IDENTIFIER}"}}'.encode()),
    ]
    for images in ({}, {"image": IDENTIFIER, "images": [IDENTIFIER]}):
        with pytest.raises(TypeError):
            tessera.classify(vocabulary="apparel", **images)


def test_an_image_is_stored_and_stands_for_itself(start):
    service = start(answer({**IMAGE, "ttl_s": 60}), answer(SEGMENTATION))
    tessera = Tessera(service.url)
    image = tessera.store_image(np.zeros((2, 3), dtype=np.uint8))
    assert image == StoredImage(IDENTIFIER, 3, 2, 60)
    tessera.segment(image, "the dog")
    stored, asked = service.requests
    assert stored.path == "/images" and [name for name, _ in stored.form()] == ["image"]
    assert asked.json()["image"] == {"id": IDENTIFIER}


def test_failed_webhooks_are_listed_and_sent_again(start):
    failed = {"id": "end/1", "job": "1", "type": "job.failed", "url": "https://hooks.example.org/"}
    failed |= {"created_at": "2030-01-31T12:00:00Z", "failed_at": "2030-01-31T14:00:00Z", "error": "It answered 503."}

    def respond(reply):
        if reply.request.method == "GET":
            reply.json(200, {"webhooks": [failed]})
        else:
            reply.bytes(202, b"", "text/plain")

    service = start(respond)
    tessera = Tessera(service.url)
    (webhook,) = tessera.failed_webhooks()
    assert (webhook.id, webhook.job, webhook.error) == ("end/1", "1", "It answered 503.")
    tessera.redeliver_webhook(webhook)
    tessera.redeliver_webhook("end/1")
    path = "/webhooks/failed/end%2F1/redeliver"
    assert [(sent.method, sent.path) for sent in service.requests[1:]] == [("POST", path)] * 2


def test_vocabularies_are_listed_shown_trained_moved_and_deleted(start):
    def respond(reply):
        route = f"{reply.request.method} {reply.request.path}"
        if route == "GET /vocabularies":
            reply.json(200, {"vocabularies": [{"name": "apparel", "status": "trained", "attributes": 1}]})
        elif route == "POST /vocabularies":
            reply.json(202, JOB)
        elif route == "DELETE /vocabularies/apparel":
            reply.bytes(204, b"", "text/plain")
        elif route == "GET /vocabularies/apparel/file":
            reply.bytes(200, b"\x00\xff\r\n", "application/vnd.tessera.vocabulary")
        else:
            reply.json(200, VOCABULARY)

    service = start(respond)
    tessera = Tessera(service.url)
    assert [vocabulary.name for vocabulary in tessera.vocabularies()] == ["apparel"]
    description = tessera.vocabulary("a/b")
    assert isinstance(description, VocabularyDescription) and description.seen_pairs == (("red", "dress"),)
    job = tessera.train_on_examples("apparel", [Example(b"a", "red", "dress")], recipe={"epochs": 2}, replace=True)
    assert (job.id, job.status, job.position) == ("a/1", "queued", 2)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w"):
        pass
    archive.seek(0)
    tessera.train_on_archive("apparel", archive, method="coop")
    assert tessera.export_vocabulary("apparel") == b"\x00\xff\r\n"
    tessera.import_vocabulary("other", b"\x00\xff")
    tessera.delete_vocabulary("apparel")
    assert [f"{request.method} {request.path}" for request in service.requests] == [
        "GET /vocabularies",
        "GET /vocabularies/a%2Fb",
        "POST /vocabularies",
        "POST /vocabularies",
        "GET /vocabularies/apparel/file",
        "PUT /vocabularies/other/file",
        "DELETE /vocabularies/apparel",
    ]
    assert service.requests[2].json() == {
        "name": "apparel",
        "recipe": {"epochs": 2},
        "replace": True,
        "examples": [{"image": "YQ==", "attributes": "red", "object": "dress"}],
    }
    assert service.requests[3].form() == [
        ("name", b"apparel"),
        ("options", b'{"method": "coop"}'),
        ("archive", archive.getvalue()),
    ]
    assert service.requests[5].headers["content-type"] == "application/vnd.tessera.vocabulary"
    assert service.requests[5].body == b"\x00\xff"


def test_models_and_readiness(start):
    model = {"name": "m", "version": "1", "task": "segmentation", "description": "d", "license": "l", "default": True}
    service = start(answer({"models": [{**model, "provenance": []}]}), answer({"status": "ready", "workers": []}))
    tessera = Tessera(service.url)
    assert tessera.models()[0].name == "m"
    assert tessera.ready()["status"] == "ready"


def test_the_key_is_sent_and_the_service_may_be_below_a_path(start):
    service = start(answer({"models": []}))
    for path in ("", "/", "/ai/tessera", "/ai/tessera/"):
        with Tessera(f"{service.url}{path}", api_key="a-secret") as tessera:
            tessera.models()
    Tessera(service.url).models()
    assert [request.path for request in service.requests] == [
        "/models", "/models", "/ai/tessera/models", "/ai/tessera/models", "/models",
    ]  # fmt: skip
    assert [request.headers.get("authorization") for request in service.requests] == ["Bearer a-secret"] * 4 + [None]


def test_refusals_are_typed(start):
    problem = {
        "type": "urn:tessera:error:TSR_VALIDATION",
        "title": "The request does not match the contract",
        "status": 400,
        "detail": "/query is required.",
        "code": "TSR_VALIDATION",
        "request_id": "r-1",
        "errors": [{"pointer": "/query", "message": "is required"}],
    }
    service = start(answer(problem, 400))
    with pytest.raises(ServiceError) as caught:
        Tessera(service.url).segment(IDENTIFIER)
    error = caught.value
    assert (error.code, error.status, error.request_id) == ("TSR_VALIDATION", 400, "r-1")
    assert error.errors == [{"pointer": "/query", "message": "is required"}]
    assert str(error) == "TSR_VALIDATION: /query is required."
    assert len(service.requests) == 1
