"""Targets of queries about small scenes made by hand."""

import re

import numpy as np
import pytest

from tessera_training import boxes as geometry
from tessera_training.classes import CLASS_NAMES, HELD_OUT_CLASSES
from tessera_training.phrases import HELD_OUT, TRAIN, plural
from tessera_training.queries import KINDS, Asker, ask
from tessera_training.scenes import REGIONS, cropped, make_scene

DOG, CAT, CAR = (CLASS_NAMES.index(name) for name in ("dog", "cat", "car"))


def scene_of(*objects):
    """A scene of (class, x0, y0, x1, y1) in which the detector sees every object once, exactly."""
    boxes = np.array([entry[1:] for entry in objects], np.float32)
    labels = np.array([entry[0] for entry in objects])
    scores = np.full((len(objects), 80), 0.01, np.float32)
    scores[np.arange(len(objects)), labels] = 0.8
    return make_scene(boxes, scores, boxes, labels)


# Three dogs from left to right, growing; a car under the second, a cat far right.
STREET = scene_of(
    (DOG, 0.05, 0.1, 0.15, 0.2),
    (DOG, 0.35, 0.1, 0.50, 0.25),
    (DOG, 0.60, 0.1, 0.80, 0.30),
    (CAR, 0.35, 0.3, 0.50, 0.40),
    (CAT, 0.85, 0.7, 0.95, 0.90),
)


def every_query(scene, split=TRAIN, number=600):
    return ask(scene, np.random.default_rng(0), number, split)


@pytest.fixture(scope="module", autouse=True)
def plain_names():
    """Classes are called by their names, so that tests find their queries among few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Asker, "name", lambda asker, label: CLASS_NAMES[label])
        yield


@pytest.fixture(scope="module")
def street_queries():
    return every_query(STREET, number=6000)


@pytest.mark.parametrize(
    ("words", "targets"),
    [
        ("leftmost dog|dog (furthest|farthest|nearest|closest) (to the )?left", [0]),
        ("second dog.* from the left.*", [1]),
        ("third dog.* from the left.*", [2]),
        ("fourth dog.* from the left.*", []),
        (".*second (largest|biggest).*", [1]),
        ("(biggest|largest|hugest|most massive) dog( of.*)?", [2]),
        ("smallest dog", [0]),
        ("two largest dogs", [1, 2]),
        ("left (one|dog) (of|out of|among) the two (largest|biggest)( dogs)?", [1]),
        ("(closest|nearest) dog to the car|dog (nearest|closest) to the car", [1]),
        ("(farthest|furthest) dog from the car|dog (farthest|furthest)( away)? from the car", [0]),
        ("all three dogs", [0, 1, 2]),
        ("all dogs", [0, 1, 2]),
    ],
)
def test_targets(words, targets, street_queries):
    found = [sorted(query.targets) for query in street_queries if re.fullmatch(f"(the )?({words})", query.text)]
    assert found
    assert all(answer == targets for answer in found)


@pytest.mark.parametrize(
    ("relation", "yes", "no"),
    [
        ("left of", [True, False, False], [False, False, True]),
        ("above", [True, True, True], [False, False, False]),
        ("next to", [False, True, False], [True, False, False]),
        ("below", [False, False, False], [True, True, True]),
    ],
)
def test_relations_with_the_car(relation, yes, no):
    holds, clear = Asker(STREET, np.random.default_rng(0)).holds(relation, np.array([0, 1, 2]), 3)
    assert holds.tolist() == yes
    assert (clear & ~holds).tolist() == no


def test_a_query_about_a_missing_anchor_is_absent():
    queries = [query for query in every_query(STREET) if len(query.mentions) > 1]
    missing = [query for query in queries if not set(query.mentions[1]) & {DOG, CAT, CAR}]
    assert missing
    assert all(query.targets == [] and query.kind == "absent" for query in missing)


def answers_about_dogs(scene, form):
    queries = [query for query in every_query(scene, number=2000) if query.form == form]
    return {tuple(query.targets) for query in queries if query.mentions[0] == [DOG]}


def test_between_needs_a_thing_on_either_side():
    scene = scene_of((CAT, 0.1, 0.4, 0.2, 0.5), (DOG, 0.45, 0.4, 0.55, 0.5), (CAR, 0.8, 0.4, 0.9, 0.5))
    assert answers_about_dogs(scene, "between") == {(1,)}


def test_between_two_of_a_kind():
    scene = scene_of((CAT, 0.1, 0.4, 0.2, 0.5), (DOG, 0.45, 0.4, 0.55, 0.5), (CAT, 0.8, 0.4, 0.9, 0.5))
    assert answers_about_dogs(scene, "between two") == {(1,)}


def test_beside_the_largest():
    scene = scene_of((DOG, 0.1, 0.4, 0.2, 0.5), (DOG, 0.4, 0.3, 0.7, 0.6), (DOG, 0.8, 0.4, 0.9, 0.5))
    sides = {"left": [0], "right": [2]}
    queries = [query for query in every_query(scene) if query.form.startswith("beside the largest")]
    assert {query.form.split()[-1] for query in queries} == set(sides)
    assert all(query.targets == sides[query.form.split()[-1]] for query in queries)


def test_of_several_anchors_any_one_counts():
    scene = scene_of(
        (DOG, 0.02, 0.4, 0.10, 0.6), (DOG, 0.45, 0.4, 0.52, 0.6), (DOG, 0.9, 0.4, 0.98, 0.6),
        (CAT, 0.11, 0.4, 0.19, 0.6), (CAT, 0.80, 0.4, 0.89, 0.6),
    )  # fmt: skip
    queries = [query for query in every_query(scene, number=3000) if re.search("next to (a|any|some) cat", query.text)]
    about_dogs = [query for query in queries if query.mentions[0] == [DOG]]
    assert about_dogs
    assert all(query.targets == [0, 2] for query in about_dogs)


def test_several_things_are_asked_for_in_the_plural_or_each(street_queries):
    several = [query for query in street_queries if query.kind == "relation" and len(query.targets) > 1]
    texts = [query.text for query in several if query.mentions[0] == [DOG]]
    assert any("all the dogs" in text for text in texts)
    assert any(re.search("(every|each) dog", text) for text in texts)
    assert not any(re.search("dogs (that |which )?(is|has) |(every|each) dogs", text) for text in texts)


def test_several_things_are_not_asked_for_in_the_singular(street_queries):
    several = [query for query in street_queries if query.kind == "relation" and len(query.targets) > 1]
    assert several
    assert not any(re.search(r"which \w+ is", query.text) for query in several)


def test_cropping_keeps_what_is_mostly_inside():
    boxes = np.array([[0.2, 0.2, 0.4, 0.4], [0.4, 0.4, 0.6, 0.6], [0.55, 0.1, 0.8, 0.2]])
    moved, inside = cropped(boxes, np.array([0.1, 0.1]), np.array([0.5, 0.4]))
    assert inside.tolist() == [True, False, False]
    assert moved[0] == pytest.approx([0.2, 0.25, 0.6, 0.75])
    assert moved[1] == pytest.approx([0.6, 0.75, 1, 1])


def test_kinds_and_share_of_absent_queries():
    queries = every_query(STREET, number=120)
    assert {query.kind for query in queries} <= set(KINDS)
    assert sum(not query.targets for query in queries) <= 0.3 * len(queries)


def test_held_out_classes_are_never_asked_for_in_training():
    held_out = next(iter(HELD_OUT_CLASSES))
    scene = scene_of((held_out, 0.1, 0.1, 0.3, 0.3), (DOG, 0.6, 0.6, 0.8, 0.8))
    named = [query for query in every_query(scene) if query.mentions and query.kind != "broader"]
    assert not any(query.mentions[0] == [held_out] for query in named)
    assert any(query.mentions[:1] == [[held_out]] for query in every_query(scene, HELD_OUT))


def test_a_missed_thing_is_no_training_target():
    boxes = np.array([[0.1, 0.1, 0.3, 0.3]], np.float32)
    scores = np.full((1, 80), 0.01, np.float32)
    missed = np.array([[0.1, 0.1, 0.3, 0.3], [0.6, 0.6, 0.8, 0.8]], np.float32)
    scene = make_scene(boxes, scores, missed, np.array([DOG, CAT]))
    assert all(1 not in query.targets for query in every_query(scene))
    assert any(1 in query.targets for query in every_query(scene, HELD_OUT))


def test_an_empty_scene_can_be_asked_about():
    nothing = np.zeros((0, 4), np.float32)
    scene = make_scene(nothing, np.zeros((0, 80), np.float32), nothing, np.zeros(0, int))
    assert scene.regions.shape == (REGIONS, 4)
    assert all(query.targets == [] for query in every_query(scene, number=50))


def test_the_same_seed_asks_the_same():
    assert [query.text for query in every_query(STREET)] == [query.text for query in every_query(STREET)]


def test_plurals():
    assert [plural(word) for word in ("person", "knife", "bus", "cherry", "toy", "cup")] == [
        "people", "knives", "buses", "cherries", "toys", "cups"
    ]  # fmt: skip


def test_gaps_and_overlaps():
    one, other = np.array([[0, 0, 0.2, 0.2]]), np.array([[0.5, 0.6, 0.7, 0.8], [0.1, 0, 0.3, 0.2]])
    assert geometry.gaps(one, other)[0] == pytest.approx([0.5, 0])
    assert geometry.overlaps(one, other)[0] == pytest.approx([0, 1 / 3])
    assert geometry.distinct(np.repeat(one, 2, 0), np.array([0.2, 0.9])) == [1]
