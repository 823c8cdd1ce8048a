"""The mask refiner: its geometry, its training on a few crops, and the exported graph against PyTorch."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as masks

from tessera_masks import crops, train
from tessera_masks.export import MAP, refiner_graph
from tessera_masks.model import FEATURES, FINE, MARGIN, OUTSIDE, SIDE, MaskRefiner, crop_grid, map_grid, sample
from tessera_training.frozen import open_session

BOXES = torch.tensor([[0.2, 0.3, 0.6, 0.7], [0.0, 0.5, 0.1, 1.0], [0.4, 0.0, 1.0, 0.9]])


@pytest.fixture(scope="module")
def refiner():
    torch.manual_seed(0)
    model = MaskRefiner().eval()
    with torch.no_grad():
        model.correction.weight.normal_(0, 0.1)
        model.correction.bias.normal_(0, 0.1)
    return model


def maps(count):
    torch.manual_seed(1)
    smooth = torch.nn.functional.interpolate(torch.randn(count, FEATURES + 1, 16, 16), (MAP, MAP), mode="bilinear")
    return sample(smooth[:, 1:], crop_grid(BOXES[:count], SIDE)), 5 * smooth[:, 0]


def test_a_crop_shows_its_box_with_a_margin():
    x = crop_grid(BOXES[:1], SIDE)[0, 0, :, 0]
    step = 0.4 * (1 + 2 * MARGIN) / SIDE
    assert torch.allclose((x + 1) / 2, 0.2 - MARGIN * 0.4 + step * (torch.arange(SIDE) + 0.5), atol=1e-6)


def test_a_map_pixel_lies_in_the_crop_where_the_crop_shows_it():
    place = map_grid(BOXES, MAP)  # of each map pixel in the crop
    shown = sample(crop_grid(BOXES, FINE).permute(0, 3, 1, 2), place, "border")  # what the crop shows there
    own = ((torch.arange(MAP) + 0.5) / MAP) * 2 - 1
    within = (place.abs() < 1 - 2 / FINE).all(-1)
    assert within.any()
    for axis, expected in enumerate((own.expand(MAP, MAP), own[:, None].expand(MAP, MAP))):
        difference = (shown[:, axis] - expected)[within]
        assert difference.abs().max() < 1e-5


def test_an_untrained_refiner_only_cuts_what_lies_beyond_the_crop():
    pixels, logits = maps(3)
    refined = MaskRefiner().eval()(pixels, logits, BOXES)
    inside = (map_grid(BOXES, MAP).abs() <= 1).all(-1)
    assert torch.equal(refined[inside], logits[inside])
    assert refined[~inside].max() <= OUTSIDE


def test_a_whole_map_is_refined_as_its_crop_is(refiner):
    pixels, logits = maps(3)
    whole = refiner(pixels, logits, BOXES)
    crop = refiner.refine_crops(pixels, sample(logits[:, None], crop_grid(BOXES, FINE))[:, 0])
    again = sample(whole[:, None], crop_grid(BOXES, FINE))[:, 0]
    unchanged = sample(logits[:, None], crop_grid(BOXES, FINE))[:, 0]
    middle = slice(FINE // 4, -FINE // 4)
    error = (again - crop)[:, middle, middle].abs().mean()
    assert error < 0.1 * (crop - unchanged)[:, middle, middle].abs().mean()


@pytest.mark.parametrize("count", [1, 3])
def test_the_exported_graph_gives_what_pytorch_gives(refiner, exported, count):
    pixels, logits = maps(count)
    feeds = {"pixels": pixels.numpy(), "logits": logits.numpy(), "boxes": BOXES[:count].numpy()}
    refined = exported.run(["refined"], feeds)[0]
    expected = refiner(pixels, logits, BOXES[:count]).detach().numpy()
    assert np.abs(refined - expected).max() < 0.02  # weights in half precision


@pytest.fixture(scope="module")
def exported(refiner):
    """Once for all tests: it takes seconds."""
    return open_session(refiner_graph(refiner).SerializeToString())


def random_crops(count):
    """Masks whose edge lies where the features say and the logits do not."""
    torch.manual_seed(2)
    edge = torch.randint(FINE // 3, 2 * FINE // 3, (count,))
    target = (torch.arange(FINE) < edge[:, None])[:, None].expand(-1, FINE, -1)
    pixels = torch.randn(count, FEATURES, SIDE, SIDE)
    pixels[:, 0] = torch.nn.functional.avg_pool2d(target.float()[:, None], 2)[:, 0] * 4
    return {
        "pixels": pixels.half(),
        "logits": torch.where(torch.arange(FINE) < FINE // 2, 2.0, -2.0).expand(count, FINE, FINE).half(),
        "targets": target.byte() * 255,
        "inside": torch.ones(count, FINE, FINE, dtype=torch.bool),
        "areas": target.float().mean((1, 2)),
    }


def test_training_learns_goes_on_after_an_interruption_and_logs(tmp_path):
    torch.save(random_crops(24), tmp_path / "train.pt")
    torch.save(random_crops(8), tmp_path / "val.pt")
    options = SimpleNamespace(
        crops=tmp_path / "train.pt", held_out=tmp_path / "val.pt", out=tmp_path, batch=8, rate=5e-3, threads=1
    )
    train.train(SimpleNamespace(**vars(options), steps=12))
    assert torch.load(tmp_path / "checkpoint.pt")["step"] == 12
    train.train(SimpleNamespace(**vars(options), steps=24))
    assert torch.load(tmp_path / "checkpoint.pt")["step"] == 24
    refiner = MaskRefiner()
    refiner.load_state_dict(torch.load(tmp_path / "refiner.pt"))
    decoded, refined = train.mean_overlap(refiner, torch.load(tmp_path / "val.pt"))
    assert refined > decoded + 0.02
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["step"] == 20


def test_an_object_is_decoded_in_its_own_box_in_its_detections_and_in_shifted_ones():
    box, label = np.array([0.1, 0.1, 0.6, 0.6]), 3
    near, other_class, far = [0.12, 0.1, 0.6, 0.6], [0.1, 0.1, 0.6, 0.6], [0.7, 0.7, 0.9, 0.9]
    detections = np.array([near, other_class, far]), np.array([3, 4, 3])
    own, detected, *shifted = crops.boxes_of(box, label, detections, np.random.default_rng(0))
    assert own.tolist() == [0.1, 0.1, 0.6, 0.6]
    assert detected.tolist() == near
    assert len(shifted) == crops.SHIFTED_BOXES and all(np.abs(box - own).max() < 0.5 for box in shifted)
    assert len(crops.boxes_of(box, label, (np.zeros((0, 4)), np.zeros(0)), None)) == 1


def test_polygons_and_run_lengths_become_a_mask():
    image = Image.new("RGB", (40, 30))
    square = {"segmentation": [[10, 10, 30, 10, 30, 20, 10, 20]]}
    runs = {"segmentation": {"size": [30, 40], "counts": [5 * 30 + 10, 10, 20, 10, 40 * 30 - 200]}}
    runs["segmentation"] = masks.frPyObjects(runs["segmentation"], 30, 40)
    drawn, decoded = crops.annotated_mask(square, image), crops.annotated_mask(runs, image)
    assert drawn.shape == decoded.shape == (1, 1, 30, 40)
    assert drawn[0, 0, 15, 15] == 1 and drawn.sum() == 20 * 10
    assert decoded[0, 0, 10:20, 5:7].min() == 1 and decoded.sum() == 20
