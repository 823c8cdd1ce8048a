"""Pickles as `refer` distributes its references, for packages/cli: by Python 3 in several protocols, and as Python 2 wrote
them, whose strings are bytes.

    python golden/make_refs_pickles.py ../packages/cli/test-vectors
"""

import pickle
import struct
import sys
from pathlib import Path

REFERENCES = [
    {
        "sent_ids": [1, 2],
        "file_name": "COCO_train2014_000000000007_70.jpg",
        "ann_id": 70,
        "ref_id": 3_000_000_000,
        "image_id": 7,
        "split": "val",
        "category_id": 18,
        "sentences": [
            {"tokens": ["left", "one"], "raw": "Left one", "sent_id": 1, "sent": "left one "},
            {"tokens": ["the", "dog's", "naïve", "\N{DOG}"], "raw": "", "sent_id": -2, "sent": "the dog's \"naïve\" \N{DOG}"},
        ],
        "extra": (True, False, None, 0.5, (), ("a",), ("a", "b"), ("a", "b", "c"), ("a", "b", "c", "d"), {}, 70_000),
    }
]


class Python2(pickle._Pickler):
    """Writes strings as Python 2 wrote its own kind: bytes, in protocol 0 between quotes."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_bytes_string(self, text):
        data = text.encode("utf-8")
        if self.proto == 0:
            self.write(b"S" + repr(data)[1:].encode("ascii") + b"\n")
        elif len(data) < 256:
            self.write(b"U" + struct.pack("<B", len(data)) + data)
        else:
            self.write(b"T" + struct.pack("<I", len(data)) + data)
        self.memoize(text)

    dispatch[str] = save_bytes_string


def main():
    out = Path(sys.argv[1])
    for protocol in range(6):
        (out / f"refs-python3-protocol{protocol}.p").write_bytes(pickle.dumps(REFERENCES, protocol))
    for protocol in (0, 1, 2):
        with (out / f"refs-python2-protocol{protocol}.p").open("wb") as file:
            Python2(file, protocol).dump(REFERENCES)


if __name__ == "__main__":
    main()
