"""Masks as the service sends them, decoded to NumPy arrays: COCO's run-length encoding, and PNG."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

BoolMask = npt.NDArray[np.bool_]

_BITS = 5
_LONGEST = 6
"""Characters of one number: a mask has fewer than 2^29 pixels."""


def decode_rle(rle: Mapping[str, Any]) -> BoolMask:
    """The mask of a COCO RLE, `bool [H, W]`, True inside.

    `rle` has `size`, `[height, width]`, and `counts`, compressed (a text) or uncompressed (run lengths down the
    columns, beginning with those outside).

    Raises ValueError when it is malformed or does not fill its size exactly.
    """
    height, width = rle["size"]
    counts: str | bytes | Sequence[int] = rle["counts"]
    if isinstance(counts, (str, bytes)):
        runs = _parse_counts(counts)
    else:
        runs = np.asarray(counts, dtype=np.int64).reshape(-1)
    if height <= 0 or width <= 0:
        raise ValueError(f"A mask cannot be {height} by {width} pixels.")
    if np.any(runs < 0):
        raise ValueError("A run of the mask is negative.")
    if int(runs.sum()) != height * width:
        raise ValueError(f"The runs have {int(runs.sum())} pixels, the mask has {height * width}.")
    inside = np.arange(runs.size) % 2 == 1
    columns: BoolMask = np.repeat(inside, runs).reshape(width, height)
    return np.ascontiguousarray(columns.T)


def decode_png(url: str) -> BoolMask:
    """The mask of a data URL of a 1-bit greyscale PNG as the service writes it, `bool [H, W]`, True where it is white.

    Raises ValueError for another PNG.
    """
    head, _, text = url.partition(",")
    data = base64.b64decode(text) if head == "data:image/png;base64" else b""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("The mask is no data URL of a PNG.")
    place, header, compressed = 8, b"", b""
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        content = data[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            header = content
        elif kind == b"IDAT":
            compressed += content
        place += 12 + length
    width, height, *encoding = struct.unpack(">IIBBBBB", header)
    row_bytes = 1 + -(-width // 8)
    packed = np.frombuffer(zlib.decompress(compressed), dtype=np.uint8)
    if encoding != [1, 0, 0, 0, 0] or packed.size != height * row_bytes or np.any(packed[::row_bytes]):
        raise ValueError("The PNG is not a mask of 1 bit per pixel without filters.")
    pixels = np.unpackbits(packed.reshape(height, row_bytes)[:, 1:], axis=1, count=width)
    return pixels.astype(np.bool_)


def _parse_counts(counts: str | bytes) -> npt.NDArray[np.int64]:
    """Runs of compressed counts.

    Each number has five bits a character, the lowest first, with a flag for more; the fifth bit of the last is its
    sign. From the fourth run on it is the difference to the run before the last.
    """
    text = counts.encode("ascii", "replace") if isinstance(counts, str) else counts
    digits = np.frombuffer(text, dtype=np.uint8).astype(np.int64) - 48
    if np.any((digits < 0) | (digits > 63)):
        raise ValueError("The counts hold an invalid character.")
    is_last = (digits & 32) == 0
    if digits.size == 0:
        return digits
    if not is_last[-1]:
        raise ValueError("The counts end in the middle of a number.")
    ends = np.flatnonzero(is_last)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if lengths.max() > _LONGEST:
        raise ValueError(f"A number of the counts is longer than {_LONGEST} characters.")
    places = np.arange(digits.size) - np.repeat(starts, lengths)
    numbers = np.add.reduceat((digits & 31) << (_BITS * places), starts)
    numbers -= np.where(digits[ends] & 16, 1 << (_BITS * lengths), 0)
    # Sums of differences, of every second run: those inside from the second on, those outside from the third on.
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers
