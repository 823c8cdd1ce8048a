"""Writes texts and the token ids that Hugging Face's tokenizers library gives them with CLIP's vocabulary.

    python3 -m venv .venv && .venv/bin/pip install tokenizers==0.23.3
    .venv/bin/python training/golden/make_clip_vectors.py ../shared/data/clip/bpe_simple_vocab_16e6.txt.gz \
        packages/tokenizer/test-vectors/clip.json

The pipeline is that of CLIP's own tokenizer.json. The file is one JSON list with one line for each text: {text, ids},
without the tokens that begin and end a text.
"""

import gzip
import json
import random
import sys
import unicodedata

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

SEED = 20261122
TEXTS = 2000

WORDS = """a photo of the red dress old white cat isn't they're I'd we'll it's cats' e-mail naïve Ünïcode façade ﬁne
coöperate ÅNGSTRÖM Straße İstanbul ΣΑΣ 日本語 한국어 العربية ไทย हिन्दी e\u0301 🐶 👩‍👩‍👧‍👦 🏳️‍🌈 ½ ² Ⅷ ١٢٣ 3.14 2024 00 #tag @you
http://example.com/a?b=c&d &amp; <b> $5 100% C++ ... ?! — – “quoted” «x» _under_score_ supercalifragilisticexpialidocious
antidisestablishmentarianism zzzzzzzzzzzzzzzz aaaaaaaaaaaaaaaaaaaaaaa photophotophoto tshirt t-shirt polka.dot \u00ad \u200d
\u0000 \u001f \x7f \ufffd \u3000 \u00a0 \ufeff '' 's 'S 'LL""".split(" ")
SPACES = [" ", " ", " ", "  ", "\t", "\n", "\u3000", "\u00a0", "\u2009", ""]


def clip_tokenizer(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    merges = [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]]
    # CLIP lists the bytes' symbols in this order: visible ones first, then substitutes.
    symbols = [chr(b) for b in [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]]
    symbols += [chr(0x100 + index) for index in range(256 - len(symbols))]
    pieces = symbols + [symbol + "</w>" for symbol in symbols] + ["".join(merge) for merge in merges]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    vocab = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab, merges, end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    pattern = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return tokenizer


def assigned(rng, *ranges):
    """A character that Unicode has had for long: younger ones are letters here and nothing in an older Node."""
    while True:
        character = chr(rng.randrange(*rng.choice(ranges)))
        if unicodedata.category(character) not in ("Cn", "Cs", "Co"):
            return character


def random_text(rng):
    kind = rng.random()
    if kind < 0.15:
        return "".join(assigned(rng, (0x20, 0x250), (0x1F300, 0x1F600)) for _ in range(12))
    if kind < 0.35:  # of any script
        return "".join(assigned(rng, (0, 0x30000)) for _ in range(12))
    if kind < 0.5:  # letters with marks, in pieces and composed, and spaces of all kinds
        ranges = ((0x61, 0x7B), (0x300, 0x370), (0x370, 0x590), (0x1100, 0x1200), (0x1E00, 0x2070))
        return "".join(assigned(rng, *ranges) for _ in range(16))
    return "".join(rng.choice(WORDS) + rng.choice(SPACES) for _ in range(rng.randrange(1, 9)))


def main(vocabulary_path, path):
    rng = random.Random(SEED)
    tokenizer = clip_tokenizer(vocabulary_path)
    texts = ["", " ", "a photo of red dress", *WORDS]
    texts += [random_text(rng) for _ in range(TEXTS - len(texts))]
    lines = [json.dumps({"text": text, "ids": tokenizer.encode(text).ids}, separators=(",", ":")) for text in texts]
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
