"""The client against the running service."""

import io
import json
import pathlib
import re
import tarfile

import httpx
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from tessera_client import CallTimeoutError, Example, ImageInfo, Point, Prompt, ServiceError, Tessera

QUERY = "the stop sign"


@pytest.fixture(scope="module")
def photo(directory: pathlib.Path) -> pathlib.Path:
    return directory / "photo.jpg"


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


def test_a_sentence_gives_a_mask(tessera, photo):
    answer = tessera.segment(photo, QUERY, output={"instances": True})
    result = answer.result
    assert (answer.image.width, answer.image.height) == Image.open(photo).size
    assert result.present and result.score > 0.5 and result.label == "stop sign"
    assert result.mask.shape == (480, 640) and result.mask.dtype == np.bool_
    assert np.array_equal(result.mask, coco.decode(result.encoded_mask).astype(bool))
    assert result.mask.sum() == result.area
    assert result.mask[190, 230] and not result.mask[20, 20]
    rows, columns = np.flatnonzero(result.mask.any(1)), np.flatnonzero(result.mask.any(0))
    assert result.bbox == (columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert [instance.mask.sum() for instance in result.instances] == [instance.area for instance in result.instances]


def test_every_kind_of_image_gives_the_same_mask(tessera, photo):
    content = photo.read_bytes()
    stored = tessera.store_image(content)
    assert (stored.width, stored.height, stored.ttl_s) == (640, 480, 86_400)
    expected = tessera.segment(photo, QUERY, refine=False).result.mask
    for image in (str(photo), content, io.BytesIO(content), stored, stored.id, ImageInfo(stored.id, 640, 480)):
        assert np.array_equal(tessera.segment(image, QUERY, refine=False).result.mask, expected)
    for image in (Image.open(photo), np.asarray(Image.open(photo))):
        # Another decoder of the JPEG may differ by a level here and there.
        assert overlap(tessera.segment(image, QUERY, refine=False).result.mask, expected) > 0.95


def test_uncompressed_masks_are_the_same(tessera, photo):
    compressed = tessera.segment(photo, QUERY, refine=False).result.mask
    uncompressed = tessera.segment(photo, QUERY, refine=False, output={"format": "rle_uncompressed"}).result.mask
    assert np.array_equal(compressed, uncompressed)


def test_queries_and_prompts(tessera, photo):
    answer = tessera.segment(photo, queries=[QUERY, "the zebra"])
    assert [result.present for result in answer.results] == [True, False]
    assert not answer.results[1].mask.any()
    box = answer.results[0].bbox
    answer = tessera.segment(answer.image, prompts=[Prompt(box=box), Prompt(points=[Point(230, 190)])])
    assert [result.prompt for result in answer.results] == [0, 1]
    assert answer.results[0].area > 0


def test_jobs_are_queued_followed_and_cancelled(tessera, photo):
    job = tessera.queue_segment(photo, QUERY, refine=False)
    events = [update.event for update in tessera.follow_job(job)]
    assert events[0] == "status" and events[-1] == "result"
    assert tessera.result_of(job).result.present
    assert tessera.job(job).result.result.present
    updates = []
    tessera.segment(photo, "the zebra", refine=False, on_update=updates.append)
    assert updates[-1].event == "result"
    assert tessera.cancel_job(tessera.queue_segment(photo, "a dog", priority="low")).status in (
        "cancelled", "running", "succeeded",
    )  # fmt: skip


def test_refusals_are_typed(tessera, photo):
    for image, query, code, status in (
        (b"no image", QUERY, "TSR_IMAGE_FORMAT_UNSUPPORTED", 415),
        (f"sha256:{'0' * 64}", QUERY, "TSR_IMAGE_NOT_FOUND", 404),
        (photo.read_bytes()[:2000], QUERY, "TSR_IMAGE_CORRUPT", 422),
        (photo, " ", "TSR_VALIDATION", 400),
    ):
        with pytest.raises(ServiceError) as caught:
            tessera.segment(image, query)
        assert (caught.value.code, caught.value.status) == (code, status)
    assert caught.value.errors[0]["pointer"] == "/query"
    with pytest.raises(CallTimeoutError):
        tessera.segment(photo, QUERY, timeout=0.001)


def test_photos_are_classified_and_vocabularies_trained(tessera, directory):
    shapes = directory / "shapes"
    ball = shapes / "images" / "red_ball" / "0.jpg"
    vocabulary = {"attributes": ["red", "blue"], "objects": ["ball", "box"]}
    answer = tessera.classify(images=[ball, ball], vocabulary=vocabulary, marginals=True, top_k=4)
    assert answer.candidates["count"] == 4 and [result.index for result in answer.results] == [0, 1]
    assert answer.results[0].attributes[0].label == "red"
    assert sum(prediction.score for prediction in answer.results[0].predictions) == pytest.approx(1, abs=1e-3)

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(shapes / "metadata.json", "metadata.json")
        tar.add(shapes / "images", "images")
    archive.seek(0)
    job = tessera.train_on_archive("shapes-python", archive, recipe={"epochs": 1})
    tessera.result_of(job)
    description = tessera.vocabulary("shapes-python")
    assert set(description.objects) == {"ball", "box"} and ("green", "ball") in description.seen_pairs
    assert "shapes-python" in [summary.name for summary in tessera.vocabularies()]
    tessera.import_vocabulary("shapes-copy", tessera.export_vocabulary("shapes-python"))
    assert tessera.classify(ball, "shapes-copy").result.predictions
    for name in ("shapes-python", "shapes-copy"):
        tessera.delete_vocabulary(name)
    with pytest.raises(ServiceError, match="TSR_VOCABULARY_NOT_FOUND"):
        tessera.vocabulary("shapes-copy")

    box = shapes / "images" / "blue_box" / "0.jpg"
    job = tessera.train_on_examples(
        "inline", [Example(ball, "red", "ball"), Example(box, "blue", "box")], method="clip"
    )
    tessera.result_of(job)
    tessera.delete_vocabulary("inline")


def test_models_and_readiness(tessera):
    assert "tessera-mini" in [model.name for model in tessera.models()]
    assert tessera.ready()["status"] == "ready"


README = pathlib.Path(__file__).parent.parent / "README.md"


def examples_of(document: pathlib.Path) -> list:
    return re.findall(r"^```python\n(.*?)^```$", document.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", examples_of(README), ids=lambda example: example.splitlines()[-1][:40])
def test_the_examples_of_the_readme_work(example, url, directory, monkeypatch):
    monkeypatch.chdir(directory)
    assert "http://127.0.0.1:3000" in example
    exec(compile(example.replace("http://127.0.0.1:3000", url), str(README), "exec"), {})


@pytest.mark.parametrize("name", ["segmenting.md", "token-pruning.md"])
def test_the_examples_of_the_guides_read_an_answer(name, url, photo, capsys):
    guide = README.parents[2] / "docs/guides" / name
    options = json.dumps({"output": {"token_map": True}})
    fields = {"query": QUERY, "options": options}
    answer = httpx.post(f"{url}/segment", data=fields, files={"image": photo.read_bytes()}, timeout=120).json()
    (example,) = examples_of(guide)
    names = {"answer": answer}
    exec(compile(example, str(guide), "exec"), names)
    if name == "segmenting.md":
        assert names["pixels"].sum() == answer["results"][0]["area"]
    else:
        assert re.search(r"^pruning \[\d+, \d+\] \[\[", capsys.readouterr().out, re.MULTILINE)


def test_the_client_may_be_used_by_several_threads(tessera, photo):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        masks = list(pool.map(lambda _: tessera.segment(photo, QUERY, refine=False).result.mask, range(4)))
    assert all(np.array_equal(mask, masks[0]) for mask in masks)


def test_a_key_that_is_not_needed_is_no_harm(url):
    with Tessera(url, api_key="a-secret") as tessera:
        assert tessera.models()
