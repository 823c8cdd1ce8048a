"""The tokenizer of a Hugging Face folder of CLIP, checked: a broken one would split every text wrongly."""

from dataclasses import dataclass

from tessera_export.checkpoint import require
from tessera_export.fields import Fields
from tessera_export.folder import CheckpointError

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"


@dataclass(frozen=True)
class ClipTokenizer:
    vocab: dict  # piece -> id
    merges: list  # of pairs, most urgent first

    @property
    def start(self):
        return self.vocab[START]

    @property
    def end(self):
        return self.vocab[END]

    def definition(self):
        """The tokenizer.json of a bundle."""
        return {"type": "clip-bpe", "vocab": self.vocab, "merges": self.merges}


def read_tokenizer(folder, config):
    if "tokenizer.json" in folder:
        vocabulary_file = merges_file = folder.path / "tokenizer.json"
        vocabulary, added, merges = from_definition(folder)
    elif "vocab.json" in folder and "merges.txt" in folder:
        vocabulary_file, merges_file = (folder.path / name for name in ("vocab.json", "merges.txt"))
        lines = folder.text("merges.txt").split("\n")
        merges = [line.split() for line in lines if line.strip() and not line.startswith("#version")]
        vocabulary, added = folder.json("vocab.json"), {}
    else:
        raise CheckpointError(f"{folder.path} has no tokenizer: neither tokenizer.json nor vocab.json with merges.txt.")
    check_merges(vocabulary, merges, merges_file)
    tokenizer = ClipTokenizer({**vocabulary, **added}, merges)
    check_vocabulary(tokenizer.vocab, config.vocabulary, vocabulary_file)
    return tokenizer


def check_vocabulary(vocabulary, size, file):
    for piece in (START, END):
        require(piece in vocabulary, f"The vocabulary of {file} has no {piece}: it is not CLIP's")
    for piece, index in vocabulary.items():
        require(
            type(index) is int and 0 <= index < size,
            f"{file} gives {piece!r} the number {index!r}, but the model embeds {size} tokens",
        )
    require(len(set(vocabulary.values())) == len(vocabulary), f"{file} gives several tokens the same number")


def check_merges(vocabulary, merges, file):
    """Each makes a piece of two, and every piece of several bytes is made by one."""
    for merge in merges:
        is_pair = isinstance(merge, list) and len(merge) == 2 and all(isinstance(piece, str) for piece in merge)
        require(is_pair, f"{file} has the merge {merge!r}, which is no pair of pieces")
        unknown = [piece for piece in (*merge, "".join(merge)) if piece not in vocabulary]
        require(not unknown, f"{file} merges {' and '.join(merge)}, but the vocabulary has no {unknown[:1]}")
    made = {"".join(merge) for merge in merges}
    long = {piece for piece in vocabulary if len(piece.removesuffix(WORD_END)) > 1}
    others = sorted(long - made - {START, END})
    require(
        not others,
        f"{file} is cut short: its {len(merges)} merges leave out {len(others)} pieces of the vocabulary, such as "
        f"{', '.join(map(repr, others[:3]))}",
    )
    symbols = byte_symbols()
    missing = [piece for piece in (*symbols, *(symbol + WORD_END for symbol in symbols)) if piece not in vocabulary]
    require(not missing, f"The vocabulary beside {file} has no pieces of single bytes such as {missing[:1]}")


def byte_symbols():
    """The characters that stand for bytes in a vocabulary: visible ones for themselves, then substitutes."""
    visible = [chr(b) for b in (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))]
    return visible + [chr(0x100 + index) for index in range(256 - len(visible))]


def from_definition(folder):
    """-> vocabulary, added tokens (both as ids by text), merges"""
    file = folder.path / "tokenizer.json"
    definition = Fields(folder.json("tokenizer.json"), file)
    model = definition.part("model")
    if model.values.get("type") != "BPE" or model.values.get("end_of_word_suffix") != WORD_END:
        raise CheckpointError(f"{file} is not CLIP's: it has no BPE whose words end in {WORD_END}.")
    steps = [step.values.get("type") for step in definition.part("normalizer").parts("normalizers")]
    if steps != ["NFC", "Replace", "Lowercase"]:
        raise CheckpointError(f"{file} does not normalise texts as CLIP's does.")
    merges = [merge.split() if isinstance(merge, str) else merge for merge in model.list("merges")]
    added = {token.text("content"): token.integer("id") for token in definition.parts("added_tokens")}
    return model.part("vocab").values, added, merges
