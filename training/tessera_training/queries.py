"""Queries about a scene, with exact targets.

Every predicate answers from the annotated boxes alone and gives nothing where people would disagree: near ties, objects
that are almost left of something, places left of one of several objects.
"""

import numpy as np

from tessera_training import boxes as geometry
from tessera_training.classes import CLASS_COUNT, CLASS_WORDS, HELD_OUT_CLASSES
from tessera_training.phrases import BROADER, NUMBERS, ORDINALS, TRAIN
from tessera_training.speaker import Named, Query, Speaker

MENTIONS = 3  # the object asked for and up to two others
CONTEXT_KINDS = ("position", "ordinal", "size", "relation", "combination")
KINDS = ("class", "broader", "description", "count", *CONTEXT_KINDS, "absent")


class Asker(Speaker):
    """Asks about one scene; every kind of query is a method and gives None where the scene has no answer to it."""

    def __init__(self, scene, random, split=TRAIN):
        super().__init__(random, split, scene.found())
        self.scene = scene
        self.centres = geometry.centres(scene.objects)
        self.areas = geometry.areas(scene.objects)
        self.allowed = [c for c in range(CLASS_COUNT) if split != TRAIN or c not in HELD_OUT_CLASSES]
        self.labels = scene.labels.tolist()
        self.present = sorted(set(self.labels))
        self.broader_words = [w for w, classes in BROADER.items() if not set(classes).isdisjoint(self.present)]

    # --- what to talk about

    def things_of(self, classes):
        return np.array([index for index, label in enumerate(self.labels) if label in classes], int)

    def head(self, least=1, most=99):
        """A class, sometimes a broader word, with `least` to `most` objects in the scene."""
        options = []
        for label in self.present:
            if label in self.allowed and least <= (count := len(self.things_of([label]))) <= most:
                options += [([label], None)] * count
        if self.broader_words:
            word = self.pick(self.broader_words)
            if least <= len(self.things_of(BROADER[word])) <= most:
                options.append((BROADER[word], word))
        if not options:
            return None
        classes, word = self.pick(options)
        return Named(word or self.name(classes[0]), classes, self.things_of(classes))

    def anchor(self, *avoid, least=1, most=1):
        """A class with `least` to `most` objects, not among the classes of `avoid`."""
        taken = {label for head in avoid for label in head.classes}
        options = [c for c in self.present if c not in taken and least <= len(self.things_of([c])) <= most]
        if not options:
            return None
        label = self.pick(options)
        return Named(self.name(label), [label], self.things_of([label]))

    def missing(self, *avoid):
        """A class that is not in the scene."""
        taken = {label for head in avoid for label in head.classes}
        label = self.pick([c for c in self.allowed if c not in self.present and c not in taken])
        return Named(self.name(label), [label], np.array([], int))

    # --- kinds

    def klass(self):
        head = self.head()
        if head is None or len(head.classes) > 1:
            return None
        one = len(head.objects) == 1
        return self.say("one" if one else "all", "class", head.objects, one and self.random.random() < 0.7, head)

    def broader(self):
        if not self.broader_words:
            return None
        word = self.pick(self.broader_words)
        head = Named(word, BROADER[word], self.things_of(BROADER[word]))
        one = len(head.objects) == 1
        return self.say("one" if one else "all", "broader", head.objects, one, head)

    def description(self, label=None):
        options = [c for c in self.present if c in self.allowed]
        if label is None and not options:
            return None
        kind = "description" if label is None else "absent"
        label = self.pick(options) if label is None else label
        words = self.pick(CLASS_WORDS[label]["descriptions"])
        targets = self.things_of([label])
        if self.was_missed(targets):
            return None
        text = self.wording("description").format(d=words)
        return Query(text, kind, targets.tolist(), len(targets) == 1, [], label, words)

    def count(self):
        head = self.head(least=2, most=5)
        if head is None:
            return None
        number = len(head.objects)
        phrasing = "both" if number == 2 and self.random.random() < 0.7 else "count"
        return self.say(phrasing, "count", head.objects, False, head, n=NUMBERS[number])

    def extreme(self, values, objects, margin):
        """The object with the highest value if it leads by `margin`, else None."""
        order = np.argsort(-values)
        if len(order) > 1 and values[order[0]] - values[order[1]] < margin:
            return None
        return objects[order[0]]

    def position(self):
        head = self.head(least=2)
        draw = self.random.random()
        if draw < 0.2:
            return self.halves()
        if head is None:
            return None
        x, y = self.centres[head.objects].T
        if draw < 0.8:
            side = self.pick(["left", "right", "top", "bottom"])
            value = {"left": -x, "right": x, "top": -y, "bottom": y}[side]
            phrasing, words = side, {}
        elif draw < 0.9:
            phrasing, words, value = "middle", {}, -np.hypot(x - 0.5, y - 0.5)
        else:
            across, down = self.pick(["left", "right"]), self.pick(["top", "bottom"])
            value = -np.hypot(x - (across == "right"), y - (down == "bottom"))
            phrasing, words = "corner", {"x": across, "y": down}
        target = self.extreme(value, head.objects, 0.05)
        return None if target is None else self.say(phrasing, "position", [target], True, head, **words)

    def halves(self):
        """Things of one half of the photo, if none is near its middle line; absent when all are in the other half."""
        head = self.head()
        if head is None:
            return None
        side = self.pick(["left", "right", "upper", "lower"])
        along = self.centres[head.objects, 0 if side in ("left", "right") else 1]
        if (abs(along - 0.5) < 0.06).any():
            return None
        inside = head.objects[(along < 0.5) == (side in ("left", "upper"))]
        kind = "position" if len(inside) else "absent"
        if len(inside) == 0 and self.random.random() < 0.5:
            return None
        one = len(inside) < 2
        return self.say("half" if one else "halves", kind, inside, one, head, x=side)

    def ordinal(self):
        head = self.head(least=2, most=7)
        if head is None:
            return None
        side = self.pick(["left", "right", "left", "right", "top", "bottom"])
        along = self.centres[head.objects, 0 if side in ("left", "right") else 1]
        along = along if side in ("left", "top") else -along
        order = np.argsort(along)
        if np.diff(along[order]).min() < 0.03:
            return None
        place = int(self.random.integers(1, 4))
        words = {"nth": ORDINALS[place + 1], "n": NUMBERS[place + 1], "x": side}
        if place >= len(order):
            return self.say("ordinal", "absent", [], True, head, **words)
        return self.say("ordinal", "ordinal", [head.objects[order[place]]], True, head, **words)

    def size(self):
        head = self.head(least=2)
        if head is None:
            return None
        sizes, two, draw = np.log(self.areas[head.objects]), len(head.objects) == 2, self.random.random()
        if draw < 0.4:
            target, phrasing = self.extreme(sizes, head.objects, 0.25), "larger" if two and draw < 0.2 else "largest"
        elif draw < 0.75:
            target, phrasing = (
                self.extreme(-sizes, head.objects, 0.25),
                "smaller" if two and draw < 0.55 else "smallest",
            )
        elif draw < 0.85:
            heights = np.log(self.scene.objects[head.objects, 3] - self.scene.objects[head.objects, 1])
            target, phrasing = self.extreme(heights, head.objects, 0.2), "tallest"
        elif two:
            return None
        else:
            order = np.argsort(-sizes)
            if sizes[order[1]] - sizes[order[2]] < 0.25:
                return None
            if draw < 0.92:
                return self.say("two largest", "size", head.objects[order[:2]], False, head)
            if sizes[order[0]] - sizes[order[1]] < 0.25:
                return None
            target, phrasing = head.objects[order[1]], "second largest"
        return None if target is None else self.say(phrasing, "size", [target], True, head)

    def holds(self, relation, heads, anchor):
        """Of each head object: True, False or None (unclear) for a relation with one anchor object."""
        box = self.scene.objects[anchor]
        apart = geometry.gaps(self.scene.objects[heads], box[None])[:, 0]
        x, y = (self.centres[heads] - self.centres[anchor]).T
        if relation == "next to":
            yes, no = apart < 0.06, apart > 0.2
        elif relation in ("left of", "right of", "above", "below"):
            along = {"left of": -x, "right of": x, "above": -y, "below": y}[relation]
            yes, no = along > 0.06, along < 0
        elif relation == "on":
            inside = geometry.gaps(np.tile(self.centres[heads], 2), box[None])[:, 0]
            yes, no = inside == 0, apart > 0.03
        else:  # "with": most of the anchor lies inside the object
            corners = (
                np.maximum(self.scene.objects[heads, :2], box[:2]),
                np.minimum(self.scene.objects[heads, 2:], box[2:]),
            )
            share = np.clip(corners[1] - corners[0], 0, None).prod(1) / self.areas[anchor]
            yes, no = share > 0.6, apart > 0.03
        return yes, yes | no

    def relation(self):
        draw = self.random.random()
        if draw < 0.15:
            return self.between("between" if draw < 0.12 else "between two")
        head = self.head(least=2) if draw < 0.85 else self.head()
        anchor = head and (self.anchor(head) if draw < 0.75 else self.anchor(head, least=2, most=4))
        if not anchor:
            return None
        if draw < 0.38:
            place = anchor.objects[0]
            near = self.random.random() < 0.7
            away = geometry.gaps(self.scene.objects[head.objects], self.scene.objects[place][None])[:, 0]
            away = away + 0.3 * np.hypot(*(self.centres[head.objects] - self.centres[place]).T)
            target = self.extreme(-away if near else away, head.objects, 0.06)
            if target is None or len(head.objects) < 2:
                return None
            phrasing = self.pick(["closest", "next to"]) if near else "farthest"
            return self.say(phrasing, "relation", [target], True, head, anchor)
        where = [] if len(anchor.objects) > 1 else ["left of", "right of", "above", "below"]
        relation = self.pick(["next to", "next to", "on", "with", *where])
        holds, clear = zip(*(self.holds(relation, head.objects, place) for place in anchor.objects))
        yes = np.any(holds, 0)
        clear = yes | np.all(clear, 0)
        if not clear.all() or (yes.sum() == 0 and self.random.random() < 0.4):
            return None
        targets = head.objects[yes]
        return self.say(relation, "relation" if len(targets) else "absent", targets, len(targets) < 2, head, anchor)

    def between(self, phrasing):
        """Between two objects, "between", or two of a kind, "between two"."""
        head = self.head()
        if head is None:
            return None
        others = [self.anchor(head, least=2, most=2) if phrasing == "between two" else self.anchor(head)]
        if phrasing == "between" and others[0]:
            others.append(self.anchor(head, others[0]))
        if None in others:
            return None
        start, end = (self.centres[place] for other in others for place in other.objects)
        reach = np.linalg.norm(end - start)
        if reach < 0.2:
            return None
        offset = self.centres[head.objects] - start
        along = offset @ (end - start) / reach**2
        aside = abs(offset[:, 0] * (end - start)[1] - offset[:, 1] * (end - start)[0]) / reach**2
        yes = (abs(along - 0.5) < 0.32) & (aside < 0.35)
        no = (abs(along - 0.5) > 0.5) | (aside > 0.6)
        if not (yes | no).all() or yes.sum() > 1 or (not yes.any() and self.random.random() < 0.7):
            return None
        kind = "relation" if yes.any() else "absent"
        return self.say(phrasing, kind, head.objects[yes], True, head, *others)

    def combination(self):
        if self.random.random() < 0.3:
            return self.beside_the_largest()
        head = self.head(least=3)
        if head is None:
            return None
        size, side = self.pick(["largest", "largest", "smallest"]), self.pick(["left", "right"])
        anchor = self.anchor(head) if self.random.random() < 0.5 else None
        if anchor:
            yes, clear = self.holds(f"{side} of", head.objects, anchor.objects[0])
        else:
            along = self.centres[head.objects, 0] - 0.5
            yes, clear = (along < 0) == (side == "left"), abs(along) > 0.05
        objects = head.objects[yes]
        if not clear.all() or len(objects) < 2:
            return None
        sizes = np.log(self.areas[objects])
        target = self.extreme(sizes if size == "largest" else -sizes, objects, 0.25)
        if target is None:
            return None
        if anchor:
            return self.say(f"{size} beside", "combination", [target], True, head, anchor, x=side)
        return self.say(f"{size} on", "combination", [target], True, head, x=side)

    def beside_the_largest(self):
        """The one object on a side of the largest of its kind, or on that side of the two largest."""
        head = self.head(least=2)
        if head is None:
            return None
        sizes = np.log(self.areas[head.objects])
        largest = np.argsort(-sizes)[:3]
        side, other = self.pick([("left", "right"), ("right", "left")])
        words = {"x": side, "opposite": other}
        leader = 1 if len(largest) > 2 and self.random.random() < 0.5 else 0
        if sizes[largest[leader]] - sizes[largest[leader + 1]] < 0.25:
            return None
        if leader == 1:
            pair = head.objects[largest[:2]]
            target = self.extreme(self.centres[pair, 0] * (1 if side == "right" else -1), pair, 0.05)
            if target is None:
                return None
            return self.say("of the two largest", "combination", [target], True, head, **words)
        rest = np.delete(head.objects, largest[0])
        yes, clear = self.holds(f"{side} of", rest, head.objects[largest[0]])
        if not clear.all() or yes.sum() != 1:
            return None
        return self.say("beside the largest", "combination", rest[yes], True, head, **words)

    def absent(self):
        """Every other kind, about an object that is not there."""
        draw = self.random.random()
        head = self.missing()
        if draw < 0.35:
            return self.say(self.pick(["one", "all", "one", "all", "both"]), "absent", [], draw < 0.2, head)
        if draw < 0.45:
            return self.description(self.missing().classes[0])
        if draw < 0.5:
            words = [word for word in BROADER if word not in self.broader_words]
            if not words:
                return None
            word = self.pick(words)
            return self.say("all", "absent", [], False, Named(word, BROADER[word], np.array([], int)))
        if draw < 0.65:
            phrasing = self.pick(["left", "right", "top", "bottom", "middle", "largest", "smallest", "larger"])
            return self.say(phrasing, "absent", [], True, head)
        relation = self.pick(["next to", "closest", "left of", "right of", "above", "below", "on", "with"])
        if draw < 0.75:
            anchor = self.anchor()
            return anchor and self.say(relation, "absent", [], True, head, anchor)
        present = self.head()  # the object is there, what it is next to is not
        return present and self.say(relation, "absent", [], True, present, self.missing(present))


MIX = {
    "klass": 0.12, "broader": 0.06, "description": 0.07, "count": 0.05, "position": 0.15, "ordinal": 0.16, "size": 0.11,
    "relation": 0.36, "combination": 0.08, "absent": 0.16,
}  # fmt: skip


def ask(scene, random, number, split=TRAIN):
    """`number` queries about a scene, at most 30 % absent; kinds that the scene cannot answer give way to others.

    A scene about which hardly anything can be asked gets more absent queries.
    """
    asker = Asker(scene, random, split)
    kinds, weights = list(MIX), np.array(list(MIX.values())) / sum(MIX.values())
    queries, absent, patience = [], 0, 10 * number
    while len(queries) < number:
        kind = kinds[random.choice(len(kinds), p=weights)]
        patience -= 1
        for _ in range(8):
            query = getattr(asker, kind)()
            if query is None or (query.kind == "absent" and absent + 1 > 0.3 * number and patience > 0):
                continue
            absent += query.kind == "absent"
            queries.append(query)
            break
    return queries
