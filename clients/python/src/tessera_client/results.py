"""What the service answers. `raw` of each answer is the JSON as it was sent, with fields that later versions add."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from .errors import ServiceError
from .masks import BoolMask, decode_png, decode_rle

Json = Mapping[str, Any]
Box = tuple[float, float, float, float]
Answer = TypeVar("Answer")


def from_json(kind: type[Answer], value: Json, **converted: Any) -> Answer:
    """A dataclass out of the fields of a JSON object; `converted` are those that are not taken as they are."""
    names = {item.name for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
    taken = {name: item for name, item in value.items() if name in names}
    if "raw" in names:
        taken["raw"] = value
    return kind(**{**taken, **converted})


@dataclass(frozen=True)
class ImageInfo:
    """The image of an answer; another call takes it in place of the image."""

    id: str
    width: int
    """Pixels of the image as a person sees it."""
    height: int


@dataclass(frozen=True)
class StoredImage:
    """An image that the service keeps; calls take it in place of the image."""

    id: str
    width: int
    """Pixels of the image as a person sees it."""
    height: int
    ttl_s: int
    """Seconds for which it is kept after its last use."""


@dataclass(frozen=True)
class AnswerWarning:
    """What the model could not use of a query, or of the candidates."""

    code: str
    words: tuple[str, ...] = ()
    count: int | None = None


class _Masked:
    """What has a mask."""

    encoded_mask: Json

    @cached_property
    def mask(self) -> BoolMask:
        """The mask, `bool [H, W]`, decoded when it is first read; it cannot be written to.

        Raises ValueError when it was asked for as polygons: `encoded_mask` has those.
        """
        if "counts" in self.encoded_mask:
            mask = decode_rle(self.encoded_mask)
        elif "png" in self.encoded_mask:
            mask = decode_png(self.encoded_mask["png"])
        else:
            raise ValueError("A mask of polygons has no pixels: read encoded_mask, or ask for the format rle or png.")
        mask.setflags(write=False)
        return mask


@dataclass(frozen=True)
class Instance(_Masked):
    """One object of a result."""

    encoded_mask: Json = field(repr=False)
    """As the service sent it: a COCO RLE unless another format was asked for."""
    bbox: Box
    """[x, y, width, height] in pixels."""
    area: int
    """Pixels inside."""
    score: float
    """Probability that the object is a target; of one that a prompt added, `mask_score`."""
    label: str | None = None
    """The class that it was found as."""
    mask_score: float | None = None
    """The mask decoder's own estimate of the IoU."""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class SegmentResult(_Masked):
    """The answer to one query, or to one prompt."""

    present: bool
    score: float
    """Calibrated probability that the query has a target; of a prompt alone the predicted IoU."""
    encoded_mask: Json = field(repr=False)
    """As the service sent it: a COCO RLE unless another format was asked for."""
    bbox: Box
    """[x, y, width, height] in pixels."""
    area: int
    """Pixels inside."""
    warnings: tuple[AnswerWarning, ...] = ()
    query: str | None = None
    prompt: int | None = None
    """Index of the prompt that this answers, without a query."""
    label: str | None = None
    """The classes that the objects were found as."""
    mask_score: float | None = None
    """The mask decoder's own estimate of the IoU."""
    instances: tuple[Instance, ...] = ()
    """One per object, with `output={"instances": True}`."""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class SegmentResponse:
    """The answer of `segment`: one result per query, in their order; without a query one per prompt."""

    id: str
    model: str
    """name@version"""
    image: ImageInfo
    results: tuple[SegmentResult, ...]
    timings_ms: Mapping[str, float] = field(default_factory=dict, repr=False)
    raw: Json = field(default_factory=dict, repr=False)

    @cached_property
    def overlay(self) -> bytes | None:
        """The photo with the masks drawn over it, a JPEG or a PNG; None unless `output` asked for an `overlay`."""
        overlay = self.raw.get("overlay")
        return None if overlay is None else base64.b64decode(overlay["image"].partition(",")[2])

    @property
    def result(self) -> SegmentResult:
        """The only result. Raises ValueError when there are several."""
        return _only(self.results)


@dataclass(frozen=True)
class Prediction:
    """An attribute–object pair for an image."""

    label: str
    attributes: tuple[str, ...]
    object: str
    score: float
    logit: float
    seen: bool
    """Whether the vocabulary was trained on this pair."""
    feasibility: float | None = None
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Scored:
    """An attribute or an object with its marginal probability."""

    label: str
    score: float


@dataclass(frozen=True)
class ClassifyResult:
    """What one image shows."""

    index: int
    """Place of the image in the request."""
    predictions: tuple[Prediction, ...]
    """Best first."""
    none: float | None = None
    """Calibrated probability that no candidate fits."""
    attributes: tuple[Scored, ...] = ()
    """With `marginals=True`."""
    objects: tuple[Scored, ...] = ()
    """With `marginals=True`."""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class ClassifyResponse:
    """The answer of `classify`: one result per image, in their order."""

    id: str
    model: str
    """name@version"""
    results: tuple[ClassifyResult, ...]
    candidates: Mapping[str, int]
    """`count`, among which the scores are shared out, and `excluded` as infeasible."""
    warnings: tuple[AnswerWarning, ...] = ()
    vocabulary: str | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict, repr=False)
    raw: Json = field(default_factory=dict, repr=False)

    @property
    def result(self) -> ClassifyResult:
        """The only result. Raises ValueError when there are several."""
        return _only(self.results)


@dataclass(frozen=True)
class Progress:
    """How far a job is. A training also has epochs and what it measured."""

    stage: str
    fraction: float
    epoch: int | None = None
    epochs: int | None = None
    phase: str | None = None
    """Of a training without a validation set: choice of the number of epochs, then final."""
    loss: float | None = None
    validation_auc: float | None = None


@dataclass(frozen=True)
class Job:
    """A job as it was when the service was asked."""

    id: str
    status: str
    """queued, running, succeeded, failed, cancelled or expired"""
    created_at: str
    position: int | None = None
    """Jobs ahead in the queue, while queued."""
    started_at: str | None = None
    finished_at: str | None = None
    progress: Progress | None = None
    result: Any = None
    """As `result_of` gives it, once succeeded."""
    error: ServiceError | None = None
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class JobUpdate:
    """What happened to a job."""

    event: str
    """status, progress, result or error"""
    data: Any
    """A `Job`, a `Progress`, what `result_of` gives, or a `ServiceError`."""


@dataclass(frozen=True)
class VocabularySummary:
    """A vocabulary of the list: numbers of what it has."""

    name: str
    status: str
    """trained, or training for the first time"""
    job: str | None = None
    """The job that trains it now."""
    model: str | None = None
    method: str | None = None
    attributes: int | None = None
    objects: int | None = None
    seen_pairs: int | None = None
    metrics: Mapping[str, float] | None = None
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class VocabularyDescription:
    """A trained vocabulary."""

    name: str
    model: str
    method: str
    attributes: tuple[str, ...]
    objects: tuple[str, ...]
    seen_pairs: tuple[tuple[str, ...], ...]
    metrics: Mapping[str, float] | None = None
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class ModelDescription:
    """A model that a live worker serves."""

    name: str
    version: str
    task: str
    description: str
    license: str
    default: bool
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class FailedWebhook:
    """A webhook that could not be delivered."""

    id: str
    job: str
    """The job whose end it is about."""
    type: str
    """Such as job.succeeded"""
    url: str
    created_at: str
    failed_at: str
    error: str
    raw: Json = field(default_factory=dict, repr=False)


def _only(results: tuple[Answer, ...]) -> Answer:
    if len(results) != 1:
        raise ValueError(f"There are {len(results)} results: read them from `results`.")
    return results[0]


def segment_response(value: Json) -> SegmentResponse:
    return from_json(
        SegmentResponse,
        value,
        image=from_json(ImageInfo, value["image"]),
        results=tuple(_segment_result(result) for result in value["results"]),
    )


def _segment_result(value: Json) -> SegmentResult:
    return from_json(
        SegmentResult,
        value,
        encoded_mask=value["mask"],
        bbox=tuple(value["bbox"]),
        warnings=_warnings(value),
        instances=tuple(
            from_json(Instance, instance, encoded_mask=instance["mask"], bbox=tuple(instance["bbox"]))
            for instance in value.get("instances", ())
        ),
    )


def classify_response(value: Json) -> ClassifyResponse:
    results = tuple(_classify_result(result) for result in value["results"])
    return from_json(ClassifyResponse, value, results=results, warnings=_warnings(value))


def _classify_result(value: Json) -> ClassifyResult:
    return from_json(
        ClassifyResult,
        value,
        predictions=tuple(
            from_json(Prediction, prediction, attributes=tuple(prediction["attributes"]))
            for prediction in value["predictions"]
        ),
        attributes=tuple(from_json(Scored, scored) for scored in value.get("attributes", ())),
        objects=tuple(from_json(Scored, scored) for scored in value.get("objects", ())),
    )


def _warnings(value: Json) -> tuple[AnswerWarning, ...]:
    # Workers of earlier versions give none.
    return tuple(
        from_json(AnswerWarning, warning, words=tuple(warning.get("words", ())))
        for warning in value.get("warnings", ())
    )


def vocabulary_description(value: Json) -> VocabularyDescription:
    return from_json(
        VocabularyDescription,
        value,
        attributes=tuple(value["attributes"]),
        objects=tuple(value["objects"]),
        seen_pairs=tuple(tuple(pair) for pair in value["seen_pairs"]),
    )


def job_result(value: Any) -> Any:
    """The result of a job by its shape: a segmentation, a classification, a vocabulary, or the JSON of another kind."""
    if isinstance(value, Mapping):
        if "image" in value and "results" in value:
            return segment_response(value)
        if "candidates" in value and "results" in value:
            return classify_response(value)
        if "seen_pairs" in value and "attributes" in value:
            return vocabulary_description(value)
    return value


def job_of(value: Json) -> Job:
    progress, error = value.get("progress"), value.get("error")
    return from_json(
        Job,
        value,
        progress=None if progress is None else from_json(Progress, progress),
        result=job_result(value.get("result")),
        error=None if error is None else ServiceError(error),
    )


def job_update(event: str, data: Any) -> JobUpdate:
    convert = {
        "status": job_of,
        "progress": lambda progress: from_json(Progress, progress),
        "result": job_result,
        "error": ServiceError,
    }.get(event, lambda other: other)
    return JobUpdate(event, convert(data))
