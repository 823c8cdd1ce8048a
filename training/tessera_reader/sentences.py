"""Sentences about photos with what they ask for, written at random: names, kinds, parts, descriptions, colours, places,
joins, exclusions, quantities, other languages, and nouns that no class stands for.

Nothing here needs a photo: what a sentence asks for is the same whatever is there.
"""

import re
import string
from dataclasses import dataclass, field

import numpy as np

from tessera_reader.words import (
    BROADER,
    BROADER_DESCRIPTIONS,
    CLASSES,
    COLOUR_WORDS,
    COLOURS,
    LOWER,
    NUMBERS,
    REQUESTS,
    TRAIN,
    UPPER,
    WHOLE,
    WORDS,
    described_classes,
    plural,
    split_of,
)  # fmt: skip
from tessera_training.classes import CLASS_COUNT, CLASS_WORDS
from tessera_training.phrases import ORDINALS, PHRASINGS, WRAPPERS, worded

TAGS = ("used", "kind", "part", "unknown", "ignored", "negation")
NAMES = ("class", "kind", "part", "unknown", "description", "nothing")  # what the sentence asks for is named by
PLACES = ("whole", "upper", "lower")  # of a colour
SINGULAR, PLURAL, MANY = 0, 11, 12  # of `number`; 1 to 10 are exact
DEPTHS = ("none", "front", "back")
NEAR = (
    "the {h} in front", "the (front|frontmost|foremost) {h}", "the {h} in the foreground", "the (nearest|closest) {h}",
    "the {h} (nearest|closest) to (the camera|me|us|the viewer|the photographer|the lens)", "the {h} up front",
    "the {h} (at|in) the front", "{hs} in the foreground", "the {hs} in (front|the foreground)",
    "the {h} right in front of the camera", "which {h} is (nearest|closest)( to the camera|)",
    "the {h} that is (nearest|closest)", "foreground {h}", "the {h} (close|nearer) to us",
)  # fmt: skip
FAR = (
    "the {h} in the (background|distance|back)", "the {h} at the (back|rear)",
    "the (farthest|furthest|most distant) {h}",
    "the {h} (farthest|furthest)( away|) from (the camera|me|us|the viewer)", "the {h} (farthest|furthest) away",
    "the rear {h}", "{hs} in the (background|distance)", "the {hs} (in the back|far away|in the background)",
    "the (distant|far|far away) {h}", "the {h} (way|far) (in the back|behind)",
    "which {h} is (farthest|furthest) away", "background {h}", "the {h} that is the (farthest|furthest)",
)  # fmt: skip
BEFORE = (
    "the {h}( that is| standing| sitting||) in front of {a}", "the {hs} in front of {a}", "{h} before {a}",
    "the {h} with {a} behind it",
)  # fmt: skip
BEHIND = (
    "the {h}( that is| standing| sitting||) (behind|in back of|right behind) {a}", "the {hs} behind {a}",
    "{h} behind {a}", "the {h} hidden behind {a}", "the {h} with {a} in front of it",
)  # fmt: skip
CONTEXT = [name for name in PHRASINGS if name not in ("one", "all", "count", "both", "description")]
RESTRICTED = (
    "{hs} {but} the {x} one", "{hs} {but} the one on the {x}", "{hs}, {but} the {x} {h}",
    "{hs} {but} the {h} on the {x}", "{hs} {but} the {x} two", "{hs} {but} the {c} one", "{hs} {but} the {c} ones",
    "{hs} {but} those next to the {o}", "{h} {but} {their} {part}", "{h}, {but} {their} {part}", "{h} {but} the {part}",
    "{hs} {arent} {doing}", "{h} {isnt} {doing}",
)  # fmt: skip
NOTHING = (
    "find it", "hello", "show me", "what is this", "this one", "the thing", "it", "segment", "please", "who are you",
    "what can you see?", "describe the photo", "how are you", "ok", "test", "help", "the", "mask", "object",
)  # fmt: skip
HIGHER_ORDINALS = {
    5: "fifth",
    6: "sixth",
    7: "seventh",
    8: "eighth",
    9: "ninth",
    10: "tenth",
    11: "eleventh",
    12: "twelfth",
}
JOINING = (
    " and ", " and ", " and ", " and ", " as well as ", " plus ", " along with ", " together with ", " or ", ", ",
    " & ", " and also ", ", and ", ", and also ", " + ", " and then ",
)  # fmt: skip
SEVERAL = ("halves", "two largest")  # phrasings that ask for more than one


@dataclass
class Sentence:
    text: str
    tags: list  # (start, end, tag) of the characters that are not "used"
    targets: set = field(default_factory=set)  # classes asked for
    first: set = field(default_factory=set)  # classes of the first object that the target stands in relation to
    second: set = field(default_factory=set)
    excluded: set = field(default_factory=set)
    number: int = SINGULAR
    colours: set = field(default_factory=set)  # (place, colour)
    depth: str = "none"  # of DEPTHS; with a first object: seen from there
    names: str = "class"
    english: bool = True
    kind: str = ""  # for evaluation


@dataclass
class Noun:
    singular: str  # marked
    several: str
    classes: set
    names: str


def mark(text, tag):
    """Text between marks that survive being put into a sentence; `unmarked` reads them."""
    return f"{chr(0xE000 + TAGS.index(tag))}{text}\ue0ff"


def mark_around(template, tag):
    """Marks what a template has around its placeholders, without the spaces at its ends."""

    def marked(match):
        words = match[0].strip()
        return match[0].replace(words, mark(words, tag)) if words else match[0]

    return re.sub(r"[^{}]+(?![^{]*\})", marked, template)


def unmarked(text):
    """-> plain text, (start, end, tag) of what was marked"""
    plain, spans, start = [], [], None
    for character in text:
        code = ord(character)
        if code == 0xE0FF:
            if start:
                spans.append((start[0], len(plain), start[1]))
            start = None
        elif 0xE000 <= code < 0xE000 + len(TAGS):
            start = len(plain), TAGS[code - 0xE000]
        else:
            plain.append(character)
    return "".join(plain), spans


class Writer:
    """Writes sentences; `random` is a numpy Generator, `split` TRAIN or HELD_OUT says which words."""

    def __init__(self, random, split=TRAIN):
        self.random, self.split = random, split

    # --- drawing

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, options):
        return options[self.random.integers(len(options))]

    def words(self, entry, key):
        """Words of a key; held-out ones half of the time when validating."""
        return self.pick(split_of(entry, key)[self.split])

    def elsewhere(self):
        """A noun of no class: of the common ones, or a held-out one when validating."""
        return self.words(WORDS, "elsewhere_common" if not self.split else "elsewhere")

    def template(self, phrasing, several=False):
        train, held_out = PHRASINGS[phrasing]
        options = held_out if self.split and held_out else train
        if several:
            options = [text for text in options if "{the}" in text] or options
        return worded(self.pick(options), self.random)

    # --- nouns

    def label(self):
        """A class; people are asked for more often than anything else."""
        return 0 if self.chance(0.07) else int(self.random.integers(CLASS_COUNT))

    def name_of(self, label):
        return CLASSES[label]["name"] if self.chance(0.35) else self.words(CLASSES[label], "names")

    def noun(self, kinds=("name", "name", "name", "name", "kind", "kind", "broader", "unknown", "unknown")):
        drawn = self.pick(kinds)
        label = self.label()
        if drawn == "kind" and CLASSES[label].get("kinds"):
            word = self.words(CLASSES[label], "kinds")
            return Noun(mark(word, "kind"), mark(plural(word), "kind"), {label}, "kind")
        if drawn == "broader" and self.chance(0.15):
            word = self.pick(["thing", "object", "item"])
            return Noun(word, plural(word), set(range(CLASS_COUNT)), "class")
        if drawn == "broader":
            word = self.pick(list(BROADER))
            return Noun(word, plural(word), set(BROADER[word]), "class")
        if drawn == "unknown":
            key = "elsewhere_common" if self.chance(0.6) and not self.split else "elsewhere"
            word = self.words(WORDS, key)
            return Noun(mark(word, "unknown"), mark(plural(word), "unknown"), set(), "unknown")
        if drawn == "part" and CLASSES[label].get("parts"):
            word = self.words(CLASSES[label], "parts")
            return Noun(mark(word, "part"), mark(plural(word), "part"), {label}, "part")
        word = self.name_of(label)
        return Noun(word, plural(word), {label}, "class")

    def anchor(self, several=False):
        """What a target stands in relation to -> with article, bare, plural, classes"""
        noun = self.noun(("name",) * 12 + ("kind",) * 4 + ("broader",) * 2 + ("unknown",) * 4)
        article = self.pick(["the", "the", "the", "the", "a", "that", "my", "some"])
        colour = f"{self.pick(list(COLOUR_WORDS))} " if self.chance(0.06) else ""
        colour = mark(colour.strip(), "ignored") + " " if colour else ""
        if self.chance(0.12):
            return f"{self.pick(['the', 'some', 'all the'])} {noun.several}", noun.several, noun.several, noun.classes
        return f"{article} {colour}{noun.singular}", noun.singular, noun.several, noun.classes

    # --- attributes

    def colour(self, sentence, place="whole"):
        """A colour word that the target has to show."""
        word = self.pick(list(COLOUR_WORDS) if self.chance(0.5) else list(COLOURS[:11]))
        if self.chance(0.12):
            other = self.pick(COLOURS[:11])
            sentence.colours |= {(place, other)}
            word = f"{word}{self.pick([' and ', '-and-', ' & '])}{other}"
            sentence.colours |= {
                (place, name) for name in COLOUR_WORDS[word.split(" and ")[0].split("-and-")[0].split(" & ")[0]]
            }
            return word
        sentence.colours |= {(place, name) for name in COLOUR_WORDS[word]}
        return word

    def dressed(self, sentence):
        """What follows a person: the colour of the clothes."""
        draw = self.random.random()
        place, garments = ("upper", UPPER) if draw < 0.5 else ("lower", LOWER) if draw < 0.8 else ("whole", WHOLE)
        garment = self.pick(garments)
        if self.chance(0.12):
            return f" {self.pick(['in', 'dressed in', 'wearing'])} {self.colour(sentence)}"
        bare = (place == "lower" and garment != "skirt") or garment in ("clothes", "clothing")
        article = "" if bare else self.pick(["a ", "a ", "the ", ""])
        how = self.pick(["in", "in", "wearing", "with", "who wears", "dressed in", "who is wearing", "that has"])
        if self.chance(0.12):
            return f" {how} {article}{mark(garment, 'ignored')}"
        return f" {how} {article}{self.colour(sentence, place)} {garment}"

    def attributes(self, noun, sentence, coloured=0.24):
        """Adjectives before a noun's singular and plural, and words behind it."""
        before, after = "", ""
        people = 0 in noun.classes and len(noun.classes) == 1
        if noun.names in ("class", "kind") and self.chance(coloured):
            if people and self.chance(0.9):
                after = self.dressed(sentence)
            elif self.chance(0.12):
                how = self.pick(["that is", "which is", "that looks", "of colour", "coloured"])
                after = f" {how} {self.colour(sentence)}"
            else:
                before = f"{self.colour(sentence)} "
        if self.chance(0.14):
            if self.chance(0.65):
                adjective = mark(self.words(WORDS["ignored"], "before"), "ignored")
                before = f"{adjective} {before}" if self.chance(0.7) else f"{before}{adjective} "
            else:
                after += " " + mark(self.words(WORDS["ignored"], "after"), "ignored")
        elif self.chance(0.02) and noun.names == "class":
            sentence.names = "nothing"
            before = mark(f"non-{self.pick(COLOURS[:11])}", "negation") + " "
        if not before and not after:
            return noun
        return Noun(before + noun.singular + after, before + noun.several + after, noun.classes, noun.names)

    # --- sentences

    def sentence(self):
        """One sentence, of any kind."""
        kinds = {
            "named": 0.15,
            "set": 0.03,
            "context": 0.21,
            "description": 0.13,
            "part": 0.04,
            "join": 0.16,
            "exclusion": 0.14,
            "quantity": 0.04,
            "foreign": 0.015,
            "nothing": 0.015,
            "possessive": 0.03,
            "verb": 0.04,
            "action": 0.05,
            "clothes": 0.04,
            "number": 0.02,
            "depth": 0.04,
        }
        return self.sentence_of(self.random.choice(list(kinds), p=np.array(list(kinds.values())) / sum(kinds.values())))

    def sentence_of(self, kind):
        sentence = Sentence("", [], kind=kind)
        text = getattr(self, kind)(sentence)
        return self.finished(text, sentence)

    def take(self, noun, sentence):
        sentence.targets |= noun.classes if noun.names != "part" else set()
        if noun.names != "class" and sentence.names == "class":
            sentence.names = noun.names
        if noun.names == "unknown":
            sentence.colours = set()

    def wrapped(self, text):
        """A request around what is asked for, or nothing."""
        if self.split and self.chance(0.5):
            return self.pick(WRAPPERS[self.split]).format(text)
        if self.chance(0.6):
            return text
        text = f"{self.pick(REQUESTS)} {text}"
        return (
            f"{text} {self.pick(['please', ', please', 'for me', 'in this photo', 'in the image'])}"
            if self.chance(0.12)
            else text
        )

    def named(self, sentence):
        noun = self.attributes(self.noun(), sentence, 0.35)
        if sentence.kind == "named":
            sentence.kind = noun.names if not sentence.colours else "colour"
        self.take(noun, sentence)
        draw = self.random.random()
        if self.chance(0.3):
            sentence.number = PLURAL if draw < 0.35 else SINGULAR
            return noun.several if draw < 0.35 else noun.singular
        if draw < 0.5:
            text = self.template("one").format(h=noun.singular)
        elif draw < 0.75:
            sentence.number = PLURAL
            text = self.template("all").format(h=noun.singular, hs=noun.several)
        elif draw < 0.9:
            sentence.number = int(self.random.integers(1, 11)) if self.chance(0.3) else int(self.random.integers(1, 5))
            number = NUMBERS[sentence.number] if self.chance(0.8) else str(sentence.number)
            words = noun.singular if sentence.number == 1 else noun.several
            text = self.template("count").format(n=number, hs=words)
        else:
            sentence.number = 2
            text = self.template("both").format(hs=noun.several)
        return self.wrapped(text)

    def set(self, sentence):
        """One word for several classes, without anything that distinguishes them."""
        word = self.pick(list(BROADER))
        sentence.targets = set(BROADER[word])
        draw = self.random.random()
        if draw < 0.6:
            return self.wrapped(f"{self.pick(['the ', 'the ', 'a ', 'that ', 'any ', ''])}{word}")
        sentence.number = PLURAL
        return self.wrapped(f"{self.pick(['the ', 'all ', 'all the ', ''])}{plural(word)}")

    def context(self, sentence):
        noun = self.attributes(self.noun(), sentence)
        self.take(noun, sentence)
        phrasing = self.pick(CONTEXT)
        several = phrasing in SEVERAL or (
            self.chance(0.12) and phrasing in ("next to", "left of", "right of", "on", "with")
        )
        sentence.number = 2 if phrasing == "two largest" else PLURAL if several else SINGULAR
        text = self.template(phrasing, several)
        one, bare, own, first = self.anchor()
        other, _, _, second = self.anchor()
        if "{a}" in text or "{bare}" in text or "{as}" in text:
            sentence.first = first
        if "{b}" in text:
            sentence.second = second
        sides = ["left", "right", "left", "right", "top", "bottom"]
        x = self.pick(["upper", "lower", "left", "right"] if phrasing in ("half", "halves") else sides)
        nth, place = self.ordinal()
        words = {
            "x": x,
            "y": self.pick(["top", "bottom"]),
            "opposite": {"left": "right", "right": "left"}.get(x, "left"),
        }
        article, word = ("the", noun.singular)
        if several and "{the}" in text:
            article, word = self.pick(["the", "the", "all", "all the", "those", ""]), noun.several
        elif self.chance(0.3):
            article = ""
        return self.wrapped(
            text.format(
                h=word,
                hs=noun.several,
                the=article,
                a=one,
                b=other,
                bare=bare,
                their=self.pick(["his", "her", "their", "its"]),
                nth=nth,
                n=NUMBERS[place],
                **{"as": own},
                **words,
            )
        )

    def ordinal(self):
        """-> word, number; the reasoner counts to four"""
        place = int(self.random.integers(2, 5 if self.chance(0.8) else 13))
        short = {2: "2nd", 3: "3rd"}.get(place, f"{place}th")
        word = short if self.chance(0.35) else (ORDINALS | HIGHER_ORDINALS)[place]
        return (word if place <= 4 else mark(word, "ignored")), min(place, 4)

    def depth(self, sentence):
        noun = self.attributes(self.noun(("name", "name", "name", "broader", "kind", "unknown")), sentence)
        self.take(noun, sentence)
        related = self.chance(0.4)
        sentence.depth = self.pick(DEPTHS[1:])
        text = self.pick({"front": (NEAR, BEFORE), "back": (FAR, BEHIND)}[sentence.depth][related])
        one, _, _, first = self.anchor()
        sentence.first = first if related else set()
        sentence.number = PLURAL if "{hs}" in text else SINGULAR
        return self.wrapped(worded(text, self.random).format(h=noun.singular, hs=noun.several, a=one))

    def description(self, sentence):
        sentence.names = "description"
        if self.chance(0.18):
            text = self.pick(list(BROADER_DESCRIPTIONS))
            sentence.targets = set(BROADER_DESCRIPTIONS[text])
            sentence.number = PLURAL
            return self.wrapped(text)
        label = self.label()
        entry = CLASSES[label]
        if self.chance(0.3) and entry.get("questions"):
            text = self.words(entry, "questions")
        elif not self.split and self.chance(0.2):
            text = self.wrapped(self.pick(CLASS_WORDS[label]["descriptions"]))
        else:
            text = self.words(entry, "descriptions")
            if self.chance(0.5):
                text = self.template("description").format(d=text)
            else:
                text = self.wrapped(text)
        sentence.targets = described_classes(label, text)
        return text

    def part(self, sentence):
        noun = self.noun(("part",))
        while noun.names != "part":
            noun = self.noun(("part",))
        sentence.names, sentence.first = "part", set(noun.classes)
        label = next(iter(noun.classes))
        owner = (
            self.name_of(label)
            if self.chance(0.7) or not CLASSES[label].get("kinds")
            else self.words(CLASSES[label], "kinds")
        )
        word, many = noun.singular, noun.several
        text = self.pick(
            [
                f"the {owner}'s {word}",
                f"the {owner}'s {word}",
                f"a {owner}'s {word}",
                f"the {word} of the {owner}",
                f"the {word} of the {owner}",
                f"the {many} of the {owner}",
                f"the {owner}'s {many}",
                f"the {many} of the {plural(owner)}",
                f"the {word} on the {owner}",
                f"{owner} {word}",
                f"the {word} of that {owner}",
                f"its {word}",
                f"the {word}",
                f"the {many}",
                f"the left {word} of the {owner}",
                f"all {many} of the {owner}",
            ]
        )
        if owner not in text:
            sentence.first = set()
            sentence.names = "part"
        return self.wrapped(text)

    def possessive(self, sentence):
        """What belongs to somebody; who owns something cannot be seen."""
        noun = self.noun(("name", "name", "kind"))
        owner, bare, _, classes = self.anchor()
        self.take(noun, sentence)
        sentence.first = classes
        if self.chance(0.25):
            sentence.targets, sentence.names = {0}, "kind"
            word = mark(self.pick(["owner", "rider", "driver", "user", "master", "handler"]), "kind")
            return self.wrapped(self.pick([f"{owner}'s {word}", f"the {word} of {owner}"]))
        return self.wrapped(
            self.pick(
                [
                    f"{owner}'s {noun.singular}",
                    f"the {noun.singular} of {owner}",
                    f"the {noun.singular} that belongs to {owner}",
                    f"the {noun.singular} {owner} has",
                ]
            )
        )

    def verb(self, sentence):
        verb = self.pick(WORDS["verbs"])
        heads = [BY_NAME[name] for name in verb.get("head", ["person"]) if name in BY_NAME] or [0]
        anchors = [BY_NAME[name] for name in (verb.get("anchor") or verb.get("person_on") or []) if name in BY_NAME]
        if not anchors:
            anchors = list(range(1, CLASS_COUNT))
        head, anchor = self.pick(heads), self.pick(anchors)
        noun = self.attributes(Noun(*(lambda w: (w, plural(w)))(self.name_of(head)), {head}, "class"), sentence)
        if self.chance(0.25) and CLASSES[head].get("kinds"):
            word = self.words(CLASSES[head], "kinds")
            noun = Noun(mark(word, "kind"), mark(plural(word), "kind"), {head}, "kind")
        self.take(noun, sentence)
        other = self.name_of(anchor)
        if self.chance(0.12):
            other = mark(self.elsewhere(), "unknown")
        else:
            sentence.first = {anchor}
        article = self.pick(["a", "the", "a", "his", "her", "their", ""])
        be = self.pick(["", "", "", " who is", " that is"])
        if self.chance(0.15):
            sentence.number = PLURAL
            others = plural(other) if sentence.first else other
            return self.wrapped(f"the {noun.several}{be.replace('is', 'are')} {verb['text']} {others}")
        return self.wrapped(f"the {noun.singular}{be} {verb['text']} {article} {other}")

    def action(self, sentence):
        """What the target does: nothing that a box shows."""
        noun = self.attributes(self.noun(("name", "name", "name", "broader", "kind", "unknown")), sentence, 0.1)
        self.take(noun, sentence)
        doing = self.words(WORDS["ignored"], "doing")
        after = mark(doing + self.pick(WORDS["ignored"]["tails"]), "ignored")
        if self.chance(0.25):
            return self.wrapped(f"{self.pick(['the ', 'a ', 'the ', ''])}{mark(doing, 'ignored')} {noun.singular}")
        if self.chance(0.25):
            sentence.number = PLURAL
            be = self.pick(["", "", "who are ", "that are ", "which are "])
            return self.wrapped(f"{self.pick(['the ', 'all ', 'all the ', 'those ', ''])}{noun.several} {be}{after}")
        be = self.pick(["", "", "", "who is ", "that is ", "that's ", "which is "])
        return self.wrapped(f"{self.pick(['the ', 'the ', 'a ', 'that ', ''])}{noun.singular} {be}{after}")

    def clothes(self, sentence):
        """A person by the colour of what they wear, now and then by a place as well."""
        noun = Noun(*(lambda w: (w, plural(w)))(self.name_of(0)), {0}, "class")
        if self.chance(0.6):
            word = self.words(CLASSES[0], "kinds")
            noun = Noun(mark(word, "kind"), mark(plural(word), "kind"), {0}, "kind")
        self.take(noun, sentence)
        dressed = self.dressed(sentence)
        if self.chance(0.25):
            side = self.pick(["left", "right"])
            place = self.pick([" on the {x}", " to the {x}", " at the far {x}", " furthest to the {x}"])
            return self.wrapped(f"the {noun.singular}{dressed}{place.format(x=side)}")
        if self.chance(0.25):
            sentence.number = PLURAL
            return self.wrapped(f"{self.pick(['the ', 'all ', 'all the ', ''])}{noun.several}{dressed}")
        return self.wrapped(f"{self.pick(['the ', 'the ', 'a ', 'that ', ''])}{noun.singular}{dressed}")

    def number(self, sentence):
        """One by a number or an ordinal alone: from which side is not said."""
        noun = self.noun(("name", "name", "name", "kind"))
        self.take(noun, sentence)
        if self.chance(0.3):
            return self.wrapped(f"the {mark(self.ordinal()[0], 'ignored')} {noun.singular}")
        place = int(self.random.integers(2, 13))
        number = self.pick([str(place), NUMBERS.get(place, str(place))])
        side = self.pick(["", "", "", " in the row", " on the left", " at the back"])
        which = self.pick(["number {n}", "number {n}", "no. {n}", "#{n}", "the number {n} {h}"]).format(
            n=number, h=noun.singular
        )
        if "number" in which and noun.singular in which:
            return self.wrapped(which.replace(f"number {number}", mark(f"number {number}", "ignored")) + side)
        return self.wrapped(f"{self.pick(['the ', ''])}{noun.singular} {mark(which, 'ignored')}{side}")

    def join(self, sentence):
        kinds = ("name", "name", "name", "name", "broader", "kind", "unknown")
        nouns = [self.attributes(self.noun(kinds), sentence, 0) for _ in range(2 if self.chance(0.8) else 3)]
        known = [noun for noun in nouns if noun.names != "unknown"]
        for noun in known:
            self.take(noun, sentence)
        if not known:
            sentence.names = "unknown"
        sentence.number = PLURAL
        word = self.pick(JOINING)
        article = self.pick(["the ", "the ", "the ", "", "", "", "all ", "all the ", "every ", "a "])
        several = article in ("all ", "all the ") or self.chance(0.25)
        parts = [article + (noun.several if several or self.chance(0.2) else noun.singular) for noun in nouns]
        return self.wrapped(self.pick(["", "", "both "]) + ", ".join(parts[:-1]) + word + parts[-1])

    def restriction(self, sentence):
        """One without what others have: boxes cannot show that something is not there."""
        noun = self.noun(("name", "name", "broader", "kind"))
        other = self.pick(
            [
                self.name_of(self.label()),
                self.elsewhere(),
            ]
        )
        colour, attribute = self.pick(COLOURS[:11]), self.words(WORDS["ignored"], "before")
        text = self.pick(
            [
                "{h} {no} a {o}",
                "{h} {no} the {o}",
                "{h} {no} {os}",
                "{h} {isnt} {c}",
                "{h} {isnt} {i}",
                "{h} {isnt} on the left",
                "{h} {isnt} next to the {o}",
                "{h} {hasnt} a {o}",
                "{hs} {no} a {o}",
                "{hs} {arent} {c}",
                *RESTRICTED,
            ]
        )
        words = {
            "no": ["without", "without", "with no", "lacking", "minus", "free of"],
            "isnt": ["that isn't", "that is not", "which is not", "not", "that's not", "which isn't"],
            "arent": ["that aren't", "that are not", "not", "which are not"],
            "but": ["but not", "except", "except for", "but without", "excluding", "other than", "apart from", "minus"],
            "hasnt": [
                "that has no",
                "that doesn't have",
                "not wearing",
                "who has no",
                "who isn't holding",
                "that does not have",
            ],
        }
        marked = {key: mark(self.pick(options), "negation") for key, options in words.items()}
        sentence.names, sentence.targets = "nothing", set(noun.classes)
        sentence.number = PLURAL if "{hs}" in text else SINGULAR
        article = self.pick(["the ", "a ", "", "the ", "every ", "any "])
        return self.wrapped(
            article
            + text.format(
                h=noun.singular,
                hs=noun.several,
                o=other,
                os=plural(other),
                c=colour,
                i=attribute,
                x=self.pick(["left", "right", "front", "back", "rear", "top", "first", "last", "second", "middle"]),
                their=self.pick(["its", "his", "her", "their", "the"]),
                part=self.words(CLASSES[next(iter(noun.classes))], "parts") or "head",
                doing=self.words(WORDS["ignored"], "doing"),
                **marked,
            )
        )

    def exclusion(self, sentence):
        if self.chance(0.25):
            return self.restriction(sentence)
        entry = self.words(WORDS, "negations")
        text = entry["text"]
        label = self.label()
        options = [word for word, classes in BROADER.items() if label in classes and len(classes) > 1]
        word = self.name_of(label)
        if entry["means"] == "none":
            sentence.names = "nothing"
            sentence.first = {label}
            return mark_around(text, "negation").format(a=word, b="things", **{"as": plural(word), "bs": "things"})
        sentence.excluded, sentence.number = {label}, PLURAL
        if "{b}" not in text and "{bs}" not in text:
            sentence.targets = set(range(CLASS_COUNT)) - {label}
            broader = "things"
        elif options and self.chance(0.8):
            broader = self.pick(options)
            sentence.targets = set(BROADER[broader]) - {label}
            broader = plural(broader)
        else:
            broader = self.pick(["things", "everything", "objects", "all objects", "all things"])
            sentence.targets = set(range(CLASS_COUNT)) - {label}
        sentence.names = "class"
        return self.wrapped(
            text.format(
                a=plural(word) if self.chance(0.4) else f"the {word}", b=broader, **{"as": plural(word), "bs": broader}
            )
        )

    def quantity(self, sentence):
        entry = self.words(WORDS, "quantities")
        noun = self.noun(("name", "name", "name", "broader", "kind"))
        self.take(noun, sentence)
        count = entry.get("count")
        text = entry["text"]
        if entry.get("means") == "none":
            sentence.targets, sentence.names, tag = set(), "nothing", "negation"
        else:
            tag = "ignored"
        sentence.number = MANY if count is None or count > 10 else int(count)
        if sentence.number == 0:
            sentence.number, sentence.targets, sentence.names, tag = SINGULAR, set(), "nothing", "negation"
        if sentence.number == MANY or tag == "negation":
            text = mark_around(text, tag)
        return text.format(a=noun.singular, b=noun.singular, **{"as": noun.several, "bs": noun.several})

    def foreign(self, sentence):
        sentence.english, sentence.names = False, "nothing"
        return self.words(WORDS, "foreign")

    def nothing(self, sentence):
        sentence.names = "nothing"
        draw = self.random.random()
        if draw < 0.45:
            return self.pick(NOTHING)
        letters = "".join(self.pick(string.ascii_lowercase) for _ in range(self.random.integers(3, 11)))
        if draw < 0.85:
            return mark(letters, "unknown") if self.chance(0.6) else f"the {mark(letters, 'unknown')}"
        return self.pick(["???", "...", "12345", "#", "-", "!!", "1 2 3", "🙂", "🐶", "(", "a", "the"])

    # --- finishing

    def finished(self, text, sentence):
        text = re.sub(r" +", " ", text).strip()
        if self.chance(0.07):
            text = self.misspelt(text)
        draw = self.random.random()
        if draw < 0.12:
            text = re.sub(r"[a-z]", lambda match: match[0].upper(), text, count=1)
        elif draw < 0.14:
            text = text.upper()
        if self.chance(0.1) and text[-1:] not in "?.!":
            text += self.pick([".", ".", "?", "!", " please"])
        sentence.text, sentence.tags = unmarked(text)
        return sentence

    def misspelt(self, text):
        """One slip of the fingers in a longer word."""
        words = [match for match in re.finditer(r"[a-z]{5,}", text)]
        if not words:
            return text
        word = self.pick(words)
        place = word.start() + int(self.random.integers(1, len(word[0]) - 1))
        draw = self.random.random()
        if draw < 0.35:
            return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        if draw < 0.6:
            return text[:place] + text[place + 1 :]
        if draw < 0.85:
            return text[:place] + text[place] + text[place:]
        return text[:place] + self.pick(string.ascii_lowercase) + text[place + 1 :]


BY_NAME = {entry["name"]: index for index, entry in enumerate(CLASSES)}


def write(random, number, split=TRAIN):
    """`number` sentences."""
    writer = Writer(random, split)
    return [writer.sentence() for _ in range(number)]


def main():
    """Prints sentences, to be read: python -m tessera_reader.sentences"""
    for sentence in write(np.random.default_rng(), 60):
        names = ",".join(CLASSES[label]["name"] for label in sorted(sentence.targets)[:4])
        spans = [(sentence.text[start:end], tag) for start, end, tag in sentence.tags]
        print(f"{sentence.text:60} | {sentence.names:11} {sentence.number:2}", names, sorted(sentence.colours), spans)


if __name__ == "__main__":
    main()
