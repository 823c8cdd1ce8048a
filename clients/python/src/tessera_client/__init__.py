"""Typed client of the Tessera service: masks and labels from images."""

from .client import Example, Point, Prompt, Tessera
from .errors import CallTimeoutError, ServiceConnectionError, ServiceError, TesseraError
from .images import ImageInput
from .masks import decode_rle
from .results import (
    AnswerWarning,
    ClassifyResponse,
    ClassifyResult,
    FailedWebhook,
    ImageInfo,
    Instance,
    Job,
    JobUpdate,
    ModelDescription,
    Prediction,
    Progress,
    Scored,
    SegmentResponse,
    SegmentResult,
    StoredImage,
    VocabularyDescription,
    VocabularySummary,
)

__all__ = [
    "AnswerWarning",
    "CallTimeoutError",
    "ClassifyResponse",
    "ClassifyResult",
    "Example",
    "FailedWebhook",
    "ImageInfo",
    "ImageInput",
    "Instance",
    "Job",
    "JobUpdate",
    "ModelDescription",
    "Point",
    "Prediction",
    "Progress",
    "Prompt",
    "Scored",
    "SegmentResponse",
    "SegmentResult",
    "ServiceConnectionError",
    "ServiceError",
    "StoredImage",
    "Tessera",
    "TesseraError",
    "VocabularyDescription",
    "VocabularySummary",
    "decode_rle",
]
