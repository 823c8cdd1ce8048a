"""When a request is sent again, and after which pause."""

from __future__ import annotations

import random

from .errors import ServiceConnectionError, ServiceError

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 30.0
_LONGEST_RETRY_AFTER_S = 60.0
"""A service that asks to wait for longer has its error passed on instead."""

_PASSING_STATUSES = {429, 502, 503, 504}
"""Statuses of a proxy whose service is overloaded or away for now."""


def may_pass(error: Exception) -> bool:
    """Whether the service may answer when it is asked again later.

    It could not be reached, is not ready, or its queue is full. A job that missed its deadline (504) would miss it
    again.
    """
    if isinstance(error, ServiceError):
        return error.status in (429, 503)
    return isinstance(error, ServiceConnectionError) and (error.status is None or error.status in _PASSING_STATUSES)


def pause_s(error: Exception, attempt: int, chance: float | None = None) -> float | None:
    """Seconds before the next attempt, or None when there should be none.

    Exponential back-off, between half and all of it so that clients do not come back together, after what the
    service asks for. `attempt` counts the failed attempts before this one; `chance` is in [0, 1), random by default.
    """
    if not may_pass(error):
        return None
    retry_after_s = getattr(error, "retry_after_s", None) or 0.0
    if retry_after_s > _LONGEST_RETRY_AFTER_S:
        return None
    back_off_s: float = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt)
    return retry_after_s + back_off_s * (0.5 + 0.5 * (random.random() if chance is None else chance))
