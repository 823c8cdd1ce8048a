"""What the client raises."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx


class TesseraError(Exception):
    """Every error of this package."""


class ServiceError(TesseraError):
    """The service refused a request, or a job failed. `code` says why; the message is for people."""

    def __init__(self, problem: Mapping[str, Any], retry_after_s: float | None = None) -> None:
        super().__init__(problem["detail"])
        self.problem = problem
        """The problem details (RFC 9457) as the service sent them."""
        self.retry_after_s = retry_after_s
        """Seconds that the service asks to wait before the request is sent again."""

    @property
    def code(self) -> str:
        """A code of the error table, `TSR_…`; a service of a later version may have others."""
        return str(self.problem["code"])

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.problem["status"])

    @property
    def errors(self) -> list[Mapping[str, str]]:
        """What is wrong with the request: a JSON `pointer` into it and a `message` each."""
        return list(self.problem.get("errors", ()))

    @property
    def request_id(self) -> str | None:
        """Names the request in the service's log."""
        return self.problem.get("request_id")

    def __str__(self) -> str:
        return f"{self.code}: {self.problem['detail']}"


class ServiceConnectionError(TesseraError, ConnectionError):
    """The service could not be reached, or what answered is not Tessera."""

    def __init__(self, message: str, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class CallTimeoutError(TesseraError, TimeoutError):
    """A call took longer than its `timeout`."""


def error_of(response: httpx.Response) -> TesseraError:
    """The error that a response other than a success, read to its end, stands for."""
    retry_after_s = _retry_after_s(response)
    try:
        problem = json.loads(response.content)
        if isinstance(problem["code"], str) and isinstance(problem["detail"], str):
            return ServiceError({"status": response.status_code, **problem}, retry_after_s)
    except (ValueError, KeyError, TypeError):
        pass
    return unlike_tessera(response)


def unlike_tessera(response: httpx.Response) -> ServiceConnectionError:
    message = f"{response.url} answered {response.status_code}, but not as Tessera does."
    return ServiceConnectionError(message, response.status_code, _retry_after_s(response))


def _retry_after_s(response: httpx.Response) -> float | None:
    """RFC 9110, section 10.2.3: seconds, or a date."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
