"""The tokenizer of a LLaMA folder as a `tokenizer.json`, which the service reads.

A folder that was saved with the slow tokenizer, as LISA's, has `tokenizer.model` (SentencePiece) and
`added_tokens.json`; transformers 5 writes all of it into `tokenizer.json`. Added tokens take the spaces on both sides
with them, and what follows one begins a word, as in transformers 4.31, with which LISA was trained.
"""

import json

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

from tessera_export.checkpoint import require
from tessera_export.fields import Fields
from tessera_export.folder import CheckpointError

SPACE, ADDED = "▁", "added_tokens.json"
DEFINITION, SETTINGS = "tokenizer.json", "tokenizer_config.json"


def read_tokenizer(folder, vocabulary):
    """
    -> tokenizers.Tokenizer, ids of the added tokens by their text

    `vocabulary`: how many tokens the model has
    """
    added, added_file = added_tokens(folder)
    tokenizer = stored_tokenizer(folder)
    missing = sorted((index, token) for token, index in added.items() if tokenizer.token_to_id(token) != index)
    for index, token in missing:
        tokenizer.add_tokens([AddedToken(token, lstrip=True, rstrip=True, normalized=False, special=True)])
        require(
            tokenizer.token_to_id(token) == index,
            f"{added_file} gives {token} the number {index}, which does not follow the tokens before it",
        )
    size = tokenizer.get_vocab_size()
    require(size <= vocabulary, f"The tokenizer of {folder.path} has {size} tokens, but the model has {vocabulary}")
    return tokenizer, added


def added_tokens(folder):
    """-> ids by text, the file that gives them"""
    if ADDED in folder:
        tokens = Fields(folder.json(ADDED), folder.path / ADDED)
        return {token: tokens.integer(token) for token in tokens.values}, tokens.file
    for name, read in ((DEFINITION, listed_tokens), (SETTINGS, decoded_tokens)):
        found = read(Fields(folder.json(name), folder.path / name)) if name in folder else {}
        if found:
            return found, folder.path / name
    return {}, folder.path / ADDED


def listed_tokens(definition):
    return {token.text("content"): token.integer("id") for token in definition.parts("added_tokens")}


def decoded_tokens(settings):
    decoder = settings.part("added_tokens_decoder")
    for index in decoder.values:
        require(
            index.isdecimal(), f"added_tokens_decoder of {settings.file} has {index!r}, which is no number of a token"
        )
    return {decoder.part(index).text("content"): int(index) for index in decoder.values}


def stored_tokenizer(folder):
    for name, read in ((DEFINITION, from_definition), ("tokenizer.model", from_sentencepiece)):
        if name in folder:
            try:
                return read(str(folder.path / name))
            except Exception as error:  # of whatever type their libraries raise
                raise CheckpointError(f"{folder.path / name} is not readable: {error}.") from None
    raise CheckpointError(f"{folder.path} has neither tokenizer.json nor tokenizer.model.")


def from_definition(path):
    """With the spaces that LISA was trained with, which transformers 5 treats otherwise."""
    with open(path, encoding="utf8") as file:
        definition = json.load(file)
    Tokenizer.from_str(json.dumps(definition))  # refuses what is no tokenizer
    vocabulary, definition["post_processor"] = definition["model"]["vocab"], None  # which may add a start token
    for token in definition["added_tokens"]:
        if token["content"] not in vocabulary:
            token |= {"lstrip": True, "rstrip": True, "normalized": False, "special": True}
    tokenizer = Tokenizer.from_str(json.dumps(definition))
    if (definition["pre_tokenizer"] or {}).get("type") == "Metaspace":
        tokenizer.pre_tokenizer, tokenizer.normalizer = None, words_from_spaces()
    return tokenizer


def from_sentencepiece(path):
    model = sentencepiece.SentencePieceProcessor(model_file=path)
    pieces = [model.id_to_piece(index) for index in range(model.get_piece_size())]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    ordinary = [index for index in range(len(pieces)) if not (model.is_control(index) or model.is_byte(index))]
    merges = merges_of([(pieces[index], model.get_score(index)) for index in ordinary], vocabulary)
    unknown = pieces[model.unk_id()]
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=merges, unk_token=unknown, fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = words_from_spaces()
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    controls = [pieces[index] for index in range(len(pieces)) if model.is_control(index) or index == model.unk_id()]
    tokenizer.add_special_tokens([AddedToken(piece, normalized=False, special=True) for piece in controls])
    return tokenizer


def words_from_spaces():
    return normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])


def merges_of(scored, vocabulary):
    """The pairs that make each piece, in the order in which SentencePiece prefers the pieces."""
    merges = []
    for piece, score in scored:
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in vocabulary and right in vocabulary:
                merges.append((-score, vocabulary[left], vocabulary[right], left, right))
    return [(left, right) for *_, left, right in sorted(merges)]
