"""Scenes and their queries as the model's tensors.

The queries of a scene share one row: [image tokens][query 1][query 2]…, and a query is
[pieces][the mentioned objects, the one asked for first][SEG]. `token_query` tells which query a token belongs to.
"""

import numpy as np
import torch

from tessera_training import boxes as geometry
from tessera_training.classes import CLASS_COUNT, class_texts
from tessera_training.frozen import MAX_PIECES
from tessera_training.phrases import FORMS
from tessera_training.queries import CONTEXT_KINDS, MENTIONS
from tessera_training.scenes import FOUND_OVERLAP, NEAR_MISS_OVERLAP

PIECE, HEAD, OTHER, SEG = 0, 1, 2, 3
SENTENCE_DROPOUT = 0.25  # how often in training the words have to do without the vector of the sentence
SHARPNESS = 40.0  # of the class weights that a description's similarities give
TEXT_WIDTH = 512
SCALE = TEXT_WIDTH**0.5  # makes unit vectors have unit variance
STANDINGS = ("from left", "from right", "from top", "from bottom", "in size", "from smallest", "of")
RANKS = 4  # first, second, third, later; of "of", how many of the class there are: one, two, three, more


class Batcher:
    """Turns scenes with queries into tensors; holds the text encoder."""

    def __init__(self, encoder, fallback=0.0):
        """`fallback`: how often a named object is treated as if no lexicon knew it, as happens in use."""
        self.encoder, self.fallback = encoder, fallback
        texts = class_texts()
        vectors = encoder.encode([text for own in texts for text in own])
        sentences = iter([sentence for sentence, _ in vectors])
        self.text_vectors = [{text: next(sentences) for text in own} for own in texts]
        self.class_vectors = np.stack([np.mean(list(own.values()), 0) for own in self.text_vectors])  # [80, 512]

    def similar_classes(self, sentence, query):
        """Weights in (0, 1] of all classes for a described object; its own description is left out of its vector."""
        vectors = self.class_vectors
        if query.description is not None:
            rest = [v for text, v in self.text_vectors[query.described].items() if text != query.description]
            vectors = vectors.copy()
            vectors[query.described] = np.mean(rest, 0)
        similarity = vectors @ sentence
        return np.exp(SHARPNESS * (similarity - similarity.max()))

    def mentions(self, sentence, query, random):
        """Class weights of the mentioned objects, the head first: list of [80]."""
        weights = []
        for classes in query.mentions[:MENTIONS]:
            weights.append(np.zeros(CLASS_COUNT))
            weights[-1][classes] = 1
        if not weights or (random is not None and random.random() < self.fallback):
            weights[:1] = [self.similar_classes(sentence, query)]
        return weights

    def tokens(self, query, encoded, random):
        """Features [t, 512], kinds [t] and the head's class weights [80] of one query."""
        sentence, states = encoded
        states = states.astype(np.float32)[:MAX_PIECES]
        states /= np.sqrt((states**2).mean(1, keepdims=True)) + 1e-6
        mentions = self.mentions(sentence, query, random)
        named = [SCALE * (weights / weights.sum()) @ self.class_vectors for weights in mentions]
        if random is not None and random.random() < SENTENCE_DROPOUT:
            sentence = np.zeros_like(sentence)
        kinds = [PIECE] * len(states) + [HEAD] + [OTHER] * (len(mentions) - 1) + [SEG]
        return np.concatenate([states, named, [SCALE * sentence]]), kinds, mentions[0]

    def batch(self, scenes, queries, random=None):
        """`queries`: for every scene a list of the same length."""
        encoded = iter(self.encoder.encode([query.text for own in queries for query in own]))
        rows = [[self.tokens(query, next(encoded), random) for query in own] for own in queries]
        longest = max(sum(len(kinds) for _, kinds, _ in row) for row in rows)
        count, number = len(scenes), len(queries[0])
        features = np.zeros((count, longest, TEXT_WIDTH), np.float32)
        kind = np.zeros((count, longest), np.int64)
        owner = np.full((count, longest), -1, np.int64)
        position = np.zeros((count, longest), np.int64)
        seg, other = np.zeros((count, number), np.int64), np.zeros((count, number), np.int64)
        prior = np.zeros((count, number, CLASS_COUNT), np.float32)
        for r, row in enumerate(rows):
            start = 0
            for q, (states, kinds, head) in enumerate(row):
                part = slice(start, start + len(kinds))
                features[r, part], kind[r, part], owner[r, part] = states, kinds, q
                position[r, part] = np.arange(len(kinds))
                start += len(kinds)
                seg[r, q], prior[r, q] = start - 1, head
                other[r, q] = part.start + (kinds.index(OTHER) if OTHER in kinds else 0)
        batch = {
            "regions": np.stack([scene.regions for scene in scenes]),
            "scores": np.stack([scene.scores for scene in scenes]),
            "grid": np.stack([scene.grid for scene in scenes]),
            "features": features,
            "token_kind": kind,
            "token_query": owner,
            "token_position": position,
            "seg": seg,
            "other": other,
            "prior": prior,
            **targets(scenes, queries),
        }
        return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in batch.items()}


def region_labels(scene, objects):
    """1 for regions of the objects, 0 for others, -1 for near misses: [64]."""
    overlap = scene.overlaps[:, objects].max(1, initial=0)
    return np.where(overlap >= FOUND_OVERLAP, 1, np.where(overlap >= NEAR_MISS_OVERLAP, -1, 0))


def standings(scene):
    """Of each region the ranks of its object among those of its class that were found; -1 for no object: [64, 7]."""
    found = scene.found()
    x, y = geometry.centres(scene.objects).T
    size = geometry.areas(scene.objects)
    alike = (scene.labels[:, None] == scene.labels) & found
    orders = np.stack([x, -x, y, -y, -size, size])  # [6, n]
    ranks = ((orders[:, None] < orders[:, :, None]) & alike).sum(-1).T  # [n, 6]
    ranks = np.column_stack([ranks, alike.sum(1) - 1]).clip(0, RANKS - 1)
    if len(scene.objects) == 0:
        return np.full((len(scene.regions), len(STANDINGS)), -1)
    own = scene.overlaps.argmax(1)
    return np.where(scene.overlaps.max(1)[:, None] >= FOUND_OVERLAP, ranks[own], -1)


def boxes_of(scene, objects):
    """Centre and size of the one object, and 1; or nothing: [5]."""
    if len(objects) != 1 or not scene.found()[objects[0]]:
        return np.zeros(5)
    low, high = np.split(scene.objects[objects[0]], 2)
    return np.concatenate([(low + high) / 2, high - low, [1]])


def targets(scenes, queries):
    labels, class_labels, aims, anchors = [], [], [], []
    for scene, own in zip(scenes, queries):
        for query in own:
            aims.append(boxes_of(scene, query.targets))
            anchors.append(boxes_of(scene, query.anchor))
            classes = query.mentions[0] if query.mentions else [query.described]
            labels.append(region_labels(scene, query.targets))
            class_labels.append(region_labels(scene, np.flatnonzero(np.isin(scene.labels, classes))))
    shape = len(scenes), len(queries[0])
    flat = [query for own in queries for query in own]
    return {
        "standings": np.stack([standings(scene) for scene in scenes]),
        "aim": np.array(aims, np.float32).reshape(*shape, -1),
        "anchor": np.array(anchors, np.float32).reshape(*shape, -1),
        "labels": np.array(labels, np.int8).reshape(*shape, -1),
        "class_labels": np.array(class_labels, np.int8).reshape(*shape, -1),
        "singular": np.array([query.singular for query in flat]).reshape(shape),
        "form": np.array([FORMS.index(query.form) for query in flat]).reshape(shape),
        "context": np.array([needs_context(query) for query in flat]).reshape(shape),
    }


def needs_context(query):
    """Whether the answer depends on more than the class; an absent relation does, an absent class does not."""
    return query.kind in CONTEXT_KINDS or (query.kind == "absent" and query.about_context)
