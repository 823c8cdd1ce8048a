"""Predictions for Label Studio, read back by its own decoder, are the masks of the service."""

import base64
import importlib.util
import pathlib

import httpx
import numpy as np
import pytest
from PIL import Image, ImageDraw

QUERIES = ["the stop sign", "the zebra"]


def load_brush():
    """`label_studio_sdk.converter.brush` alone: the package around it needs many others."""
    package = importlib.util.find_spec("label_studio_sdk")
    path = pathlib.Path(package.origin).parent / "converter" / "brush.py"
    specification = importlib.util.spec_from_file_location("brush", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


brush = load_brush()


@pytest.fixture(scope="module")
def expected(tessera, directory):
    """The masks of the service for the same words."""
    results = tessera.segment(directory / "photo.jpg", queries=QUERIES, output={"instances": True}).results
    masks = [instance.mask for result in results for instance in result.instances]
    assert len(masks) == 1
    return masks[0]


@pytest.fixture(scope="module")
def predict(url, directory):
    image = "data:image/jpeg;base64," + base64.b64encode((directory / "photo.jpg").read_bytes()).decode()
    labels = "".join(f'<Label value="{query}"/>' for query in QUERIES)

    def predict(tag, context=None):
        config = f"""<View>
          <Image name="image" value="$image"/>
          <{tag} name="tool" toName="image">{labels}</{tag}>
          <KeyPointLabels name="point" toName="image" smart="true">{labels}</KeyPointLabels>
          <TextArea name="prompt" toName="image"/>
        </View>"""
        tasks = [{"id": 1, "data": {"image": image}, "annotations": [], "predictions": []}]
        body = {"tasks": tasks, "label_config": config, "project": "1.1", "params": {"context": context}}
        answer = httpx.post(f"{url}/label-studio/predict", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        prediction = answer.json()["results"][0]
        assert prediction["model_version"].startswith("tessera-mini@")
        assert all(region["original_width"] == 640 for region in prediction["result"])
        return prediction["result"]

    return predict


def mask_of(region):
    value = region["value"]
    size = region["original_height"], region["original_width"]
    rgba = brush.decode_rle(value["rle"]).reshape(*size, 4)
    assert np.array_equal(rgba, np.repeat(rgba[:, :, 3:], 4, axis=2)), "every channel has the mask"
    assert set(np.unique(rgba)) <= {0, 255}
    return rgba[:, :, 3] > 0


def test_brushes_are_the_masks_exactly(predict, expected):
    (region,) = predict("BrushLabels")
    assert region["value"]["brushlabels"] == ["the stop sign"]
    assert (region["from_name"], region["to_name"], region["type"]) == ("tool", "image", "brushlabels")
    assert np.array_equal(mask_of(region), expected)


def test_the_exporter_of_label_studio_reads_brushes(predict, expected):
    regions = predict("BrushLabels")
    exported = [{**region, **region["value"]} for region in regions]
    layers = brush.decode_from_annotation("tool", exported)
    assert np.array_equal(layers["tool-the stop sign-0"] > 0, expected)


def test_our_bytes_and_those_of_label_studio_mean_the_same(predict, expected):
    theirs = brush.decode_rle(brush.mask2rle(expected.astype(np.uint8) * 255))
    assert np.array_equal(brush.decode_rle(predict("BrushLabels")[0]["value"]["rle"]), theirs)


def test_polygons_follow_the_masks(predict, expected):
    drawn = Image.new("1", (640, 480))
    for region in predict("PolygonLabels"):
        points = [(x * 6.4 - 0.5, y * 4.8 - 0.5) for x, y in region["value"]["points"]]
        ImageDraw.Draw(drawn).polygon(points, fill=1)
        assert region["value"]["polygonlabels"] == ["the stop sign"]
    polygon = np.asarray(drawn)
    assert (polygon & expected).sum() / (polygon | expected).sum() > 0.97


def test_rectangles_are_the_boxes(predict, expected):
    (region,) = predict("RectangleLabels")
    value = region["value"]
    rows, columns = np.flatnonzero(expected.any(1)), np.flatnonzero(expected.any(0))
    left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    box = [value["x"] * 6.4, value["y"] * 4.8, value["width"] * 6.4, value["height"] * 4.8]
    assert box == pytest.approx([left, top, right - left, bottom - top])


def test_clicks_and_words_are_prompts(predict, tessera, directory):
    click = {
        "type": "keypointlabels",
        "is_positive": True,
        "original_width": 640,
        "original_height": 480,
        "value": {"x": 230 / 6.4, "y": 190 / 4.8, "width": 0.3, "keypointlabels": ["the zebra"]},
    }
    (region,) = predict("BrushLabels", {"result": [click]})
    assert region["value"]["brushlabels"] == ["the zebra"]
    point = {"points": [{"x": 230, "y": 190, "label": 1}]}
    alone = tessera.segment(directory / "photo.jpg", prompts=[point]).result.mask
    assert np.array_equal(mask_of(region), alone)
    typed = {"type": "textarea", "value": {"text": ["The stop sign"]}}
    (region,) = predict("BrushLabels", {"result": [typed]})
    assert region["value"]["brushlabels"] == ["the stop sign"] and mask_of(region)[190, 230]
