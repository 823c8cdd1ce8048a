"""Texts that tokenizers disagree on if they can.

    python training/tests/odd_texts.py tokenizer.json

prints 2 000 of them with their tokens by Python's `tokenizers`.
"""

import json
import random
import sys
from pathlib import Path

from tokenizers import Tokenizer

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEXTS = 2000


def odd_texts(seed=7):
    """Words of the documentation and letters from all over Unicode, with spaces in odd places."""
    choose = random.Random(seed)
    words = " ".join(path.read_text() for path in sorted(DOCS.rglob("*.md"))).split()
    blocks = [(0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x52F), (0x5D0, 0x6FF), (0x900, 0x97F), (0x3040, 0x30FF)]
    blocks += [(0x4E00, 0x4FFF), (0xAC00, 0xACFF), (0x1F300, 0x1F6FF), (0x300, 0x36F), (0x2000, 0x206F)]

    def piece():
        if choose.random() < 0.6:
            return choose.choice(words)
        return "".join(chr(choose.randint(*choose.choice(blocks))) for _ in range(choose.randint(1, 6)))

    spaces = [" ", " ", " ", "  ", "\n", "\t", ""]
    return ["".join(piece() + choose.choice(spaces) for _ in range(choose.randint(1, 9))) for _ in range(TEXTS)]


if __name__ == "__main__":
    tokenizer = Tokenizer.from_file(sys.argv[1])
    print(json.dumps([{"text": text, "ids": tokenizer.encode(text).ids} for text in odd_texts()]))
