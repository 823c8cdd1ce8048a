"""Puts questions about a scene into words."""

from dataclasses import dataclass, field

import numpy as np

from tessera_training.classes import CLASS_WORDS
from tessera_training.phrases import NAMES, PHRASINGS, TRAIN, WRAPPERS, form_of, plural, with_plural_verbs, worded

WITHOUT_CONTEXT = ("one", "all", "both", "count")  # phrasings


@dataclass
class Query:
    text: str
    kind: str
    targets: list  # indices of objects; empty when the scene has no such object
    singular: bool
    mentions: list = field(default_factory=list)  # per mentioned object its classes, the head first
    described: int | None = None  # for descriptions: the class described; such a head has no mention
    description: str | None = None
    about_context: bool = False  # whether the phrasing speaks of place, order, size or another object
    form: str = "description"  # of phrases.FORMS
    anchor: list = field(default_factory=list)  # the objects of the first other mention


@dataclass
class Named:
    """An object, or several of a class, by name."""

    word: str
    classes: list
    objects: np.ndarray  # indices into the scene

    def with_article(self, random):
        """As what others stand in relation to: of several any one is meant; what is missing sounds like either."""
        one, any_one = ["the"] * 6 + ["a", "that", "this"], ["a", "a", "any", "some", "one of the"]
        options = [*(one if len(self.objects) < 2 else []), *(any_one if len(self.objects) != 1 else [])]
        article = options[random.integers(len(options))]
        return f"{article} {plural(self.word) if article == 'one of the' else self.word}"


class Speaker:
    """Speaks of one scene, of which `found` [n] tells the objects that have a region. `split` is TRAIN or HELD_OUT: the
    words to choose among."""

    def __init__(self, random, split, found):
        self.random, self.split, self.found = random, split, found

    def pick(self, options):
        return options[self.random.integers(len(options))]

    def name(self, label):
        return CLASS_WORDS[label]["name"] if self.random.random() < 0.6 else self.pick(NAMES[label])

    def was_missed(self, targets):
        """Whether a query to train on would ask for what the detector missed: nothing can be learned from it."""
        return self.split == TRAIN and not self.found[targets].all()

    def wording(self, phrasing, for_several=False):
        """A template without choices. Of two dogs nobody asks "which dog is left of the cat"."""
        train, held_out = PHRASINGS[phrasing]
        templates = held_out if self.split != TRAIN and held_out else train
        if for_several:
            templates = [template for template in templates if "{the}" in template] or templates
        return worded(self.pick(templates), self.random)

    def say(self, phrasing, kind, targets, singular, head, *others, **words):
        """-> Query, or None when its target was missed"""
        form = form_of(phrasing, words)
        template = self.wording(phrasing, for_several=len(targets) > 1)
        several = len(targets) > 1 and "{the}" in template
        article, noun = self.quantified(head.word) if several else (self.pick(["the", "the", ""]), head.word)
        for key, other in zip("ab", others):
            words[key] = other.with_article(self.random)
        if others:
            bare, their = others[0].word, self.pick(["his", "her", "their", "its"])
            words |= {"bare": bare, "as": plural(bare), "their": their}
        text = template.format(h=noun, hs=plural(head.word), the=article, **words)
        text = " ".join((with_plural_verbs(text) if several and noun != head.word else text).split())
        text = self.pick(WRAPPERS[self.split]).format(text)
        targets = [int(target) for target in targets]
        if self.was_missed(targets):
            return None
        mentions = [head.classes, *(other.classes for other in others)]
        context = phrasing not in WITHOUT_CONTEXT
        anchor = others[0].objects.tolist() if others else []
        return Query(text, kind, targets, singular, mentions, about_context=context, form=form, anchor=anchor)

    def quantified(self, word):
        """The article and the noun that ask for several objects."""
        if self.random.random() < 0.35:
            return self.pick(["every", "each"]), word
        return self.pick(["the", "the", "all", "all the", "all of the", "those", "whichever", ""]), plural(word)
