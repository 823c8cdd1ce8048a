"""The annotations that `tessera segment <directory> --coco` writes, read by pycocotools."""

import json

import numpy as np
from pycocotools import mask as coco
from pycocotools.coco import COCO


def test_the_annotations_load_and_are_the_masks_of_the_service(tessera, directory, capsys):
    path = directory / "annotations.json"
    annotations = COCO(str(path))
    assert [image["file_name"] for image in annotations.loadImgs(annotations.getImgIds())] == ["1.jpg", "2.jpg"]
    assert [category["name"] for category in annotations.loadCats(annotations.getCatIds())] == ["the stop sign"]
    for image_id in annotations.getImgIds():
        (image,) = annotations.loadImgs(image_id)
        found = annotations.loadAnns(annotations.getAnnIds(imgIds=image_id))
        assert found
        answer = tessera.segment(directory / "photos" / image["file_name"], "the stop sign", output={"instances": True})
        expected = [instance.mask for instance in answer.result.instances]
        assert len(expected) == len(found)
        for annotation, mask in zip(found, expected):
            assert np.array_equal(annotations.annToMask(annotation).astype(bool), mask)
            assert annotation["area"] == mask.sum() == coco.area(annotations.annToRLE(annotation))
            assert annotation["bbox"] == coco.toBbox(annotations.annToRLE(annotation)).tolist()
            assert annotation["iscrowd"] in (0, 1)


def test_pycocotools_evaluates_the_annotations_as_detections(directory):
    from pycocotools.cocoeval import COCOeval

    path = directory / "annotations.json"
    truth = COCO(str(path))
    fields = ("image_id", "category_id", "segmentation", "score")
    detections = [
        {field: annotation[field] for field in fields} for annotation in json.loads(path.read_text())["annotations"]
    ]
    evaluation = COCOeval(truth, truth.loadRes(detections), "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == 1
