"""The images that calls take, and how they are sent."""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Optional, Union, cast

import numpy as np
import numpy.typing as npt

from .results import ImageInfo, StoredImage

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

    ImageInput = Union[
        str, "os.PathLike[str]", bytes, bytearray, memoryview, BinaryIO, PilImage, npt.NDArray[Any], ImageInfo,
        StoredImage, Mapping[str, str],
    ]  # fmt: skip
    """An image.

    - a path, as a text or `pathlib.Path`
    - a URL (`https:`, `http:` or `data:`), or an id (`sha256:…`) of an image that was sent before
    - bytes of a file, or a file opened in binary mode
    - a PIL image
    - a NumPy array, `uint8` or `bool`, `[H, W]`, `[H, W, 1]`, `[H, W, 3]` (RGB) or `[H, W, 4]` (RGBA)
    - the `image` of an answer, or what `store_image` gives: these send no bytes
    """
else:
    # Pillow is not needed to run.
    ImageInput = Any

_PIL_MODES_OF_PNG = {"1", "L", "LA", "I;16", "P", "RGB", "RGBA"}

Part = tuple[str, tuple[Optional[str], Union[str, bytes]]]


class Body:
    """The body of a request: JSON, or a form where it has bytes. Either can be sent again."""

    def __init__(self, value: Mapping[str, Any] | None = None, form: Sequence[Part] | None = None) -> None:
        self.value = value
        self.form = form


def image_body(
    name: str,
    images: Sequence[ImageInput],
    fields: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
) -> Body:
    """The body of a request with images.

    `name` is their field, `image` or `images`; `fields` are those that a form has as fields of its own; `options` is
    what it has in its field `options`. Bytes go as files, which takes three quarters of what base64 takes.
    """
    sources = [image_source(image) for image in images]
    if not any(isinstance(source, bytes) for source in sources):
        return Body({**fields, **(options or {}), name: sources[0] if name == "image" else sources})
    form: list[Part] = [
        (field, (None, value if isinstance(value, str) else json.dumps(value))) for field, value in fields.items()
    ]
    if options is not None:
        form.append(("options", (None, json.dumps(options))))
    for source in sources:
        if isinstance(source, bytes):
            form.append((name, ("image", source)))
        else:
            form.append((name, (None, source if isinstance(source, str) else json.dumps(source))))
    return Body(form=form)


def image_text(image: ImageInput) -> str | Mapping[str, str]:
    """An image as a value in JSON: bytes as base64."""
    source = image_source(image)
    return base64.b64encode(source).decode("ascii") if isinstance(source, bytes) else source


def image_source(image: ImageInput) -> bytes | str | Mapping[str, str]:
    """The bytes of an image, or what stands for it: a URL, `{"id": …}` or `{"url": …}`.

    Raises OSError for a path that cannot be read, TypeError and ValueError for what is no image.
    """
    if isinstance(image, str):
        if image.startswith("sha256:"):
            return {"id": image}
        if image.lower().startswith(("https://", "http://", "data:")):
            return image
    if isinstance(image, (str, os.PathLike)):
        with open(image, "rb") as file:
            return file.read()
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    if isinstance(image, (ImageInfo, StoredImage)):
        return {"id": image.id}
    if isinstance(image, Mapping):
        return {"url": image["url"]} if "url" in image else {"id": image["id"]}
    if isinstance(image, np.ndarray):
        return encode_png(image)
    # Pillow is not imported for it: who has such an image has imported it.
    if hasattr(image, "save") and hasattr(image, "convert"):
        return _encode_pil(cast("PilImage", image))
    if hasattr(image, "read"):
        content: object = image.read()
        if not isinstance(content, bytes):
            raise TypeError("An image file has to be opened in binary mode.")
        return content
    raise TypeError(f"{type(image).__name__} is no image: see tessera_client.ImageInput.")


def _encode_pil(image: PilImage) -> bytes:
    """A PNG of the pixels as they are in memory: without EXIF, which would turn the mask away from them.

    Raises ValueError for numbers without a known range.
    """
    if image.mode == "F" or (image.mode.startswith("I") and image.mode not in _PIL_MODES_OF_PNG):
        raise ValueError(f"The range of a PIL image of the mode {image.mode} is not known: scale it to 0…255, mode L.")
    if image.mode not in _PIL_MODES_OF_PNG:
        image = image.convert("RGBA" if "a" in image.mode.lower()[1:] else "RGB")
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", exif=b"", compress_level=1)
    return buffer.getvalue()


def encode_png(pixels: npt.NDArray[Any]) -> bytes:
    """A PNG of an array, `uint8` or `bool`, `[H, W]` or `[H, W, C]` with C = 1 (grey), 3 (RGB) or 4 (RGBA).

    Raises ValueError for other types and shapes: a range of floats is not known.
    """
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    if pixels.dtype != np.uint8:
        raise ValueError(f"An image is an array of uint8 or bool, not {pixels.dtype}: scale it to 0…255 first.")
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    colour_types = {1: 0, 3: 2, 4: 6}
    if pixels.ndim != 3 or pixels.shape[2] not in colour_types or 0 in pixels.shape:
        raise ValueError(f"An image is [H, W], [H, W, 1], [H, W, 3] or [H, W, 4], not {list(pixels.shape)}.")
    height, width, channels = pixels.shape
    # W3C PNG, third edition: a filter byte (0, none) before every row.
    rows = np.zeros((height, 1 + width * channels), dtype=np.uint8)
    rows[:, 1:] = pixels.reshape(height, width * channels)
    header = struct.pack(">IIBBBBB", width, height, 8, colour_types[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
