"""What is sent for each kind of image."""

import base64
import io
import pathlib

import numpy as np
import pytest
from PIL import Image

from tessera_client import Example, ImageInfo, StoredImage
from tessera_client.images import encode_png, image_body, image_source, image_text

IDENTIFIER = f"sha256:{'0' * 64}"
JPEG = b"\xff\xd8\xff and more"


def read(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_files_are_sent_as_their_bytes(tmp_path: pathlib.Path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(JPEG)
    with open(path, "rb") as file:
        for image in (str(path), path, JPEG, bytearray(JPEG), memoryview(JPEG), file, io.BytesIO(JPEG)):
            assert image_source(image) == JPEG


def test_what_stands_for_an_image_is_sent_as_it_is():
    for url in ("https://images.example.org/a.jpg", "HTTP://x.example/", "data:image/png;base64,AAAA"):
        assert image_source(url) == url
    for image in (IDENTIFIER, {"id": IDENTIFIER}, {"id": IDENTIFIER, "width": 2, "height": 1},
                  ImageInfo(IDENTIFIER, 2, 1), StoredImage(IDENTIFIER, 2, 1, 60)):  # fmt: skip
        assert image_source(image) == {"id": IDENTIFIER}
    assert image_source({"url": "https://x.example/"}) == {"url": "https://x.example/"}


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4), (1, 1), (200, 333, 3)])
def test_arrays_are_sent_as_png(shape):
    pixels = np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)
    for array in (pixels, np.asfortranarray(pixels), pixels[::-1]):
        png = image_source(array)
        assert isinstance(png, bytes)
        assert np.array_equal(read(png), array.squeeze(2) if shape[2:] == (1,) else array)


def test_a_boolean_array_is_black_and_white():
    assert read(encode_png(np.array([[True, False]]))).tolist() == [[255, 0]]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2, 3)),
        np.zeros((2, 2), dtype=np.uint16),
        np.zeros((2, 2, 2), dtype=np.uint8),
        np.zeros((0, 2), dtype=np.uint8),
        np.zeros(4, dtype=np.uint8),
    ],
)
def test_arrays_whose_meaning_is_not_known_are_refused(array):
    with pytest.raises(ValueError, match="An image is"):
        image_source(array)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_pil_images_are_sent_as_they_are_in_memory(mode):
    image = Image.fromarray(np.random.default_rng(4).integers(0, 256, (6, 9, 3), dtype=np.uint8)).convert(mode)
    sent = Image.open(io.BytesIO(image_source(image)))
    assert np.array_equal(np.asarray(sent.convert("RGBA")), np.asarray(image.convert("RGB").convert("RGBA"))) or (
        mode in ("LA", "RGBA") and np.array_equal(np.asarray(sent), np.asarray(image))
    )


def test_a_photo_on_its_side_is_sent_without_its_orientation():
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = io.BytesIO()
    Image.new("RGB", (9, 6)).save(photo, "JPEG", exif=exif)
    sent = Image.open(io.BytesIO(image_source(Image.open(photo))))
    assert sent.size == (9, 6) and not sent.getexif()


def test_what_is_no_image_is_refused(tmp_path: pathlib.Path):
    with pytest.raises(FileNotFoundError):
        image_source(str(tmp_path / "missing.jpg"))
    with pytest.raises(TypeError, match="binary mode"):
        image_source(io.StringIO("text"))
    with pytest.raises(TypeError, match="int is no image"):
        image_source(7)


def test_bytes_make_a_form_and_others_json():
    assert image_body("image", ["https://x.example/"], {"query": "a"}, {"refine": False}).value == {
        "query": "a",
        "refine": False,
        "image": "https://x.example/",
    }
    form = image_body("images", [JPEG, IDENTIFIER], {"queries": ["a", "b"]}, {"top_k": 2}).form
    assert form == [
        ("queries", (None, '["a", "b"]')),
        ("options", (None, '{"top_k": 2}')),
        ("images", ("image", JPEG)),
        ("images", (None, f'{{"id": "{IDENTIFIER}"}}')),
    ]


def test_examples_have_their_bytes_as_base64():
    assert base64.b64decode(str(image_text(Example(JPEG, "red", "ball").image))) == JPEG


@pytest.mark.parametrize("mode", ["F", "I", "I;16B"])
def test_a_pil_image_of_numbers_without_a_range_is_refused(mode):
    with pytest.raises(ValueError, match="scale it to 0…255"):
        image_source(Image.new(mode, (3, 2)))
