"""Captions of the base model's pictures, as loose as those of the web.

An object's colour is a word that a rule gives it (colours.py); what it is called varies, and is often a broader word.
The names of the five garments that the apparel benchmark asks for are left out: zero-shot there means that the base
model has to do with a word's neighbours among the word-piece embeddings, and soft prompts learn words that are new
to it.
"""

from dataclasses import dataclass

from tessera_composition.pictures import PLAIN
from tessera_training.phrases import NAMES

GARMENTS = {
    "dress": ["gown", "evening gown", "frock", "outfit", "party wear", "clothes", "robe"],
    "pants": ["jeans", "trousers", "slacks", "leggings", "chinos", "clothes", "bell bottoms"],
    "shoes": ["sneakers", "boots", "heels", "footwear", "loafers", "sandals", "slippers"],
    "shirt": ["top", "tee", "blouse", "jersey", "button down", "clothes", "pullover"],
    "shorts": ["swim trunks", "short trousers", "bermudas", "gym wear", "clothes", "trunks"],
}
TEMPLATES = ["a photo of {}"] * 6 + ["{}", "a photo of a {}", "a picture of {}", "the {}"]
NOTHING = "thing"  # the object's place when a caption does not say what it is


@dataclass(frozen=True)
class Words:
    """What a caption says; None for what it leaves out."""

    colour: str | None
    object: str | None
    pattern: str | None
    size: str | None

    def text(self, template):
        said = [word for word in (self.size, self.pattern, self.colour) if word]
        return template.format(" ".join([*said, self.object or NOTHING]))

    def describes(self, other):
        """Whether everything said here holds for a picture of which everything is said."""
        pairs = zip(self.parts(), other.parts())
        return all(mine is None or mine == theirs for mine, theirs in pairs)

    def parts(self):
        return self.colour, self.object, self.pattern, self.size


def words_of(label, random):
    """Label of features.py -> everything that a caption could say of the picture."""
    names = GARMENTS[label["object"]] if label["source"] == "apparel" else NAMES[label["object"]]
    # A pattern that was painted is known; of a picture as it is only size and colour are.
    return Words(label["colour"], names[random.integers(len(names))], label["pattern"], label["size"])


def abridged(words, random):
    """A caption says the colour and the object more often than the rest."""
    said = random.random(4)
    return Words(
        words.colour if said[0] < 0.8 else None,
        words.object if said[1] < 0.85 else None,
        words.pattern if said[2] < (0.3 if words.pattern == PLAIN else 0.7) else None,
        words.size if said[3] < 0.3 else None,
    )


def mixed(pool, random):
    """A caption put together from the words of four pictures: most such pairs are nobody's."""
    parts = [pool[random.integers(len(pool))].parts()[index] for index in range(4)]
    return abridged(Words(*parts), random)
