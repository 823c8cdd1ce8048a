"""The benchmark's queries about real photos (bench/queries/*.json), read the way the server reads them, roughly.

A query that begins, after articles and words of place, order, size and number, with words of the lexicon names an
object; the other named objects follow in their order. Any other query describes what it asks for.
"""

import json
import re
from pathlib import Path

from tessera_training import boxes as geometry
from tessera_training.photos import annotated_objects
from tessera_training.phrases import BROADER, LEXICON, NUMBERS, ORDINALS, plural
from tessera_training.queries import MENTIONS, Query
from tessera_training.scenes import Scene, make_scene

PHRASES = {form: classes for word, classes in {**BROADER, **LEXICON}.items() for form in (word, plural(word))}
LEADING = {
    *"the a an all of every each both any these those this find show me segment where is select highlight mark".split(),
    *"left right upper lower top bottom middle central lowest highest".split(),
    *"leftmost rightmost topmost bottommost uppermost lowermost one of out among".split(),
    *"which whichever could you cut out i would like mask please outline that".split(),
    *"large larger largest big bigger biggest small smaller smallest tiniest tallest in picture group pair".split(),
    *NUMBERS.values(),
    *ORDINALS.values(),
}


def mentions_of(text):
    """Classes of the named objects, the one asked for first; none for a description."""
    words = re.findall(r"[a-z0-9-]+", text.lower().replace("'s", ""))
    found, start = [], 0
    while start < len(words):
        for end in range(min(len(words), start + 4), start, -1):
            phrase = " ".join(words[start:end])
            if phrase in PHRASES:
                if not found or set(found[0]).isdisjoint(PHRASES[phrase]):  # not "the dog left of all other dogs"
                    found.append(PHRASES[phrase])
                start = end
                break
        else:
            if not found and words[start] not in LEADING:
                return []
            start += 1
    return found[:MENTIONS]


def bench_cases(path, data, split, photos):
    """-> (scene, queries) per photo; the objects of a scene are all its annotated objects, however small."""
    annotations = json.loads((Path(data) / f"instances_{split}2017.json").read_text())
    names = {image["id"]: image["file_name"] for image in annotations["images"]}
    objects = annotated_objects(annotations)
    detected = {photo.name: photo for photo in photos}
    cases = []
    for entry in json.loads(Path(path).read_text()):
        photo = detected[names[entry["photo"]]]
        _, _, ids = objects[photo.name]
        scene = make_scene(photo.boxes, photo.scores, photo.object_boxes, photo.object_classes)
        overlaps = geometry.overlaps(scene.regions, photo.object_boxes)
        scene = Scene(scene.regions, scene.scores, scene.grid, photo.object_boxes, photo.object_classes, overlaps)
        queries = []
        for query in entry["queries"]:
            if all(target in ids for target in query["annotations"]):
                targets = [ids.index(target) for target in query["annotations"]]
                mentions = mentions_of(query["text"])
                queries.append(Query(query["text"], query["kind"], targets, len(targets) == 1, mentions))
        cases.append((scene, queries))
    return cases
