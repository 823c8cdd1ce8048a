"""The frozen parts of the bundle that the reasoner reads: detector and text encoder, run with ONNX Runtime."""

import json
import unicodedata
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

VIEW_SIDE = 512
VIEW_MULTIPLE = 32  # of the view's shorter side; photos longer than 2 : 1 have square views
PADDING = (124, 116, 103)  # ImageNet's mean colour
SEPARATOR = "\u2581"
MAX_PIECES = 16


def open_session(model, threads=1):
    """`model`: the path of a graph, or its bytes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def padded_view(image):
    """PIL image -> itself in the middle of a view, its aspect kept, and its box there, in shares of the view."""
    scale = VIEW_SIDE / max(image.size)
    size = np.array([max(1, round(side * scale)) for side in image.size])
    is_long = max(image.size) > 2 * min(image.size)
    view_size = np.full(2, VIEW_SIDE) if is_long else -(-size // VIEW_MULTIPLE) * VIEW_MULTIPLE
    start = (view_size - size) // 2
    view = Image.new("RGB", tuple(view_size.tolist()), PADDING)
    view.paste(image.convert("RGB").resize(tuple(size.tolist()), Image.Resampling.BILINEAR), tuple(start.tolist()))
    return view, (np.concatenate([start, start + size]) / np.tile(view_size, 2)).astype(np.float32)


class Detector:
    """What the detector gives for one photo."""

    def __init__(self, models, threads=1):
        self.session = open_session(Path(models) / "detector.onnx", threads)

    def run(self, image, *outputs):
        """PIL image -> outputs of the graph, by name, without the batch's axis; boxes in shares of the image."""
        view, (left, top, right, bottom) = padded_view(image)
        found = self.session.run(outputs, {"image": np.asarray(view)[None]})
        start, size = np.array([left, top] * 2), np.array([right - left, bottom - top] * 2)
        return tuple(
            np.clip((value[0] - start) / size, 0, 1) if name.endswith("boxes") else value[0]
            for name, value in zip(outputs, found)
        )

    def propose(self, image):
        """PIL image -> class-agnostic proposals, best class score first: boxes [100, 4], class scores [100, 80]."""
        return self.run(image, "region_boxes", "region_class_scores")


class Tokenizer:
    """Unigram tokenizer (Kudo 2018, section 3.2): the most probable cut of a text into vocabulary pieces."""

    def __init__(self, path):
        definition = json.loads(Path(path).read_text())
        self.unknown = definition["unknown_id"]
        known = list(enumerate(definition["pieces"]))[definition["reserved"] :]
        self.pieces = {piece: (index, score) for index, (piece, score) in known}
        self.longest = max(map(len, self.pieces))

    def encode(self, text):
        text = SEPARATOR + unicodedata.normalize("NFKC", text).replace(" ", SEPARATOR)
        best = [(0.0, self.unknown, 0)] + [None] * len(text)  # (score, piece, start) of the best cut up to a position
        for start in range(len(text)):
            steps = []
            for end in range(start + 1, min(start + self.longest, len(text)) + 1):
                if text[start:end] in self.pieces:
                    steps.append((end, *self.pieces[text[start:end]]))
            for end, piece, score in steps or [(start + 1, self.unknown, 0.0)]:
                total = best[start][0] + score
                if best[end] is None or total >= best[end][0]:
                    best[end] = (total, piece, start)
        pieces, end = [], len(text)
        while end:
            _, piece, end = best[end]
            if not (pieces and piece == self.unknown == pieces[-1]):
                pieces.append(piece)
        return pieces[::-1]


class TextEncoder:
    """Universal Sentence Encoder lite; remembers what it has encoded, since templates repeat."""

    def __init__(self, models, memory=60_000):
        models = Path(models)
        self.tokenizer = Tokenizer(models / "tokenizer.json")
        self.session = open_session(models / "text-encoder.onnx")
        self.memory, self.limit = {}, memory

    def encode(self, texts):
        """Texts -> list of (sentence [512] of unit length, piece states [T, 512] float16, T <= MAX_PIECES)."""
        missing = [text for text in dict.fromkeys(texts) if text not in self.memory]
        if len(self.memory) + len(missing) > self.limit:
            self.memory.clear()
            missing = list(dict.fromkeys(texts))
        if missing:
            ids = [self.tokenizer.encode(text) for text in missing]
            lengths = np.array([len(row) for row in ids], np.int64)
            padded = np.zeros((len(ids), lengths.max()), np.int64)
            for row, pieces in zip(padded, ids):
                row[: len(pieces)] = pieces
            sentences, states = self.session.run(["sentence", "pieces"], {"ids": padded, "lengths": lengths})
            for text, sentence, state, length in zip(missing, sentences, states, lengths):
                self.memory[text] = sentence, state[: min(length, MAX_PIECES)].astype(np.float16)
        return [self.memory[text] for text in texts]
