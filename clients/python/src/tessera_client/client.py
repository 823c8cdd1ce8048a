"""The client."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Callable, TypeVar, Union
from urllib.parse import quote

import httpx

from .errors import CallTimeoutError, ServiceConnectionError, ServiceError, TesseraError, error_of, unlike_tessera
from .event_stream import read_events
from .images import Body, ImageInput, image_body, image_text
from .results import (
    ClassifyResponse,
    FailedWebhook,
    Job,
    JobUpdate,
    Json,
    ModelDescription,
    SegmentResponse,
    StoredImage,
    VocabularyDescription,
    VocabularySummary,
    classify_response,
    from_json,
    job_of,
    job_result,
    job_update,
    segment_response,
    vocabulary_description,
)
from .retries import may_pass, pause_s

_VOCABULARY_TYPE = "application/vnd.tessera.vocabulary"
_CONNECT_TIMEOUT_S = 10.0
_WITHDRAWAL_S = 3.0
"""Longest that a call which is given up waits for each step of cancelling its job."""
_FRUITLESS_CONNECTIONS = 30
"""Connections in a row that bring nothing new of a job before the service counts as lost."""
_RECONNECT_S = 1.0

Read = TypeVar("Read")
JobOrId = Union[Job, str]


@dataclass(frozen=True)
class Point:
    """A point on an object (label 1) or beside it (label 0), in pixels."""

    x: float
    y: float
    label: int = 1


@dataclass(frozen=True)
class Prompt:
    """An object: its box `[x, y, width, height]` in pixels, or points on it and beside it, or both."""

    box: Sequence[float] | None = None
    points: Sequence[Point] = ()


@dataclass(frozen=True)
class Example:
    """An example of a training: an image with its attributes and its object."""

    image: ImageInput
    attributes: str | Sequence[str]
    object: str
    set: str | None = None
    """train (the default), val or test"""


class _Limit:
    """The time that a call may take."""

    def __init__(self, timeout_s: float | None) -> None:
        self._timeout_s = timeout_s
        self._end = None if timeout_s is None else time.monotonic() + timeout_s

    def rest_s(self) -> float | None:
        """Seconds that are left; None without a limit. Raises CallTimeoutError when there are none."""
        if self._end is None:
            return None
        rest = self._end - time.monotonic()
        if rest <= 0:
            raise CallTimeoutError(f"The call took longer than its {self._timeout_s} s.")
        return rest

    def pause(self, duration_s: float) -> None:
        """Waits. Raises CallTimeoutError once the time is up."""
        rest_s = self.rest_s()
        time.sleep(duration_s if rest_s is None else min(duration_s, rest_s))
        self.rest_s()


class Tessera:
    """Talks to a Tessera service.

    - `url`: where it listens; it may be below a path
    - `api_key`: one of the service's API keys, when it has any
    - `timeout`: the longest time of a call in seconds, its retries and the wait for its job included; without a limit
      by default. Every method has a `timeout` of its own, too.
    - `retries`: how many more times a request is sent that found no service, or one that is overloaded or not ready.
      Trainings are sent once.

    Every method raises `ServiceError` when the service refuses, `ServiceConnectionError` when it cannot be reached, and
    `CallTimeoutError` when the time is up; ValueError and TypeError for what cannot be sent. Safe to use from
    several threads.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:3000",
        *,
        api_key: str | None = None,
        timeout: float | None = None,
        retries: int = 3,
    ) -> None:
        self._url = url.rstrip("/")
        self._timeout_s = timeout
        self._retries = retries
        headers = {"authorization": f"Bearer {_header_text(api_key)}"} if api_key else {}
        self._http = httpx.Client(headers=headers, follow_redirects=False)

    def __enter__(self) -> Tessera:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the open connections."""
        self._http.close()

    def ready(self, *, timeout: float | None = None) -> Json:
        """The live workers. Raises ServiceError `TSR_NOT_READY` while none answers."""
        return self._json("GET", "readyz", timeout=timeout)

    def models(self, *, timeout: float | None = None) -> list[ModelDescription]:
        """The models that the live workers serve."""
        answer = self._json("GET", "models", timeout=timeout)
        return [from_json(ModelDescription, model) for model in answer["models"]]

    def store_image(self, image: ImageInput, *, timeout: float | None = None) -> StoredImage:
        """Stores an image, which later calls take in its place instead of sending it again.

        The service keeps it for `ttl_s` seconds after its last use.
        """
        answer = self._json("POST", "images", body=image_body("image", [image], {}), timeout=timeout)
        return from_json(StoredImage, answer)

    def segment(
        self,
        image: ImageInput,
        query: str | None = None,
        *,
        queries: Sequence[str] | None = None,
        prompts: Sequence[Prompt | Json] | None = None,
        model: str | None = None,
        output: Json | None = None,
        pruning: Json | None = None,
        refine: bool | None = None,
        threshold: float | None = None,
        priority: str | None = None,
        deadline_ms: int | None = None,
        on_update: Callable[[JobUpdate], object] | None = None,
        timeout: float | None = None,
    ) -> SegmentResponse:
        """Masks for words, boxes or points, once the job is done.

        - one of `query`, `queries` (at most 16) and `prompts`, or a query and `prompts` that correct its answer
        - `output`: `{"instances": True}` gives one mask per object as well; see the service's `/docs` for the others
        - `refine=False`: coarse masks, faster
        - `threshold`: the least probability at which a target counts as present, 0.5 by default
        - `priority`: high, normal or low; `deadline_ms`: within which the job has to start
        - `on_update`: gets the place in the queue and the progress of the job

        A call that runs out of time cancels its job.
        """
        body = _segment_body(
            image,
            query,
            queries,
            prompts,
            _present(model=model, output=output, pruning=pruning, refine=refine, threshold=threshold),
        )
        return segment_response(self._answer("segment", body, priority, deadline_ms, on_update, timeout))

    def queue_segment(
        self,
        image: ImageInput,
        query: str | None = None,
        *,
        queries: Sequence[str] | None = None,
        prompts: Sequence[Prompt | Json] | None = None,
        model: str | None = None,
        output: Json | None = None,
        pruning: Json | None = None,
        refine: bool | None = None,
        threshold: float | None = None,
        priority: str | None = None,
        deadline_ms: int | None = None,
        webhook: str | Json | None = None,
        timeout: float | None = None,
    ) -> Job:
        """Queues a segmentation; its job, for `follow_job` and `result_of`.

        - `webhook`: a URL that the service calls when the job has ended, or `{"url": …, "events": […]}`
        """
        body = _segment_body(
            image,
            query,
            queries,
            prompts,
            _present(
                model=model,
                output=output,
                pruning=pruning,
                refine=refine,
                threshold=threshold,
                webhook=_webhook(webhook),
            ),
        )
        return self._queue("segment", body, priority, deadline_ms, timeout)

    def classify(
        self,
        image: ImageInput | None = None,
        vocabulary: str | Json | None = None,
        *,
        images: Sequence[ImageInput] | None = None,
        pairs: Sequence[Sequence[str]] | None = None,
        world: str | None = None,
        top_k: int | None = None,
        marginals: bool | None = None,
        unseen_bias: float | None = None,
        feasibility_threshold: float | None = None,
        unknown_primitives: str | None = None,
        model: str | None = None,
        priority: str | None = None,
        deadline_ms: int | None = None,
        on_update: Callable[[JobUpdate], object] | None = None,
        timeout: float | None = None,
    ) -> ClassifyResponse:
        """Attribute–object pairs for images, once the job is done.

        - one of `image` and `images` (at most 32)
        - `vocabulary`: the name of a trained one, or `{"attributes": […], "objects": […]}`
        - `pairs`: exactly these candidates; `world="open"`: every attribute with every object
        - `top_k`: predictions per image, 5 by default; `marginals`: also a score per attribute and per object

        A call that runs out of time cancels its job.
        """
        body = _classify_body(
            image,
            images,
            _present(
                vocabulary=vocabulary,
                pairs=pairs,
                world=world,
                top_k=top_k,
                marginals=marginals,
                unseen_bias=unseen_bias,
                feasibility_threshold=feasibility_threshold,
                unknown_primitives=unknown_primitives,
                model=model,
            ),
        )
        return classify_response(self._answer("classify-composition", body, priority, deadline_ms, on_update, timeout))

    def queue_classify(
        self,
        image: ImageInput | None = None,
        vocabulary: str | Json | None = None,
        *,
        images: Sequence[ImageInput] | None = None,
        pairs: Sequence[Sequence[str]] | None = None,
        world: str | None = None,
        top_k: int | None = None,
        marginals: bool | None = None,
        unseen_bias: float | None = None,
        feasibility_threshold: float | None = None,
        unknown_primitives: str | None = None,
        model: str | None = None,
        priority: str | None = None,
        deadline_ms: int | None = None,
        webhook: str | Json | None = None,
        timeout: float | None = None,
    ) -> Job:
        """Queues a classification; its job, for `follow_job` and `result_of`.

        - `webhook`: a URL that the service calls when the job has ended, or `{"url": …, "events": […]}`
        """
        body = _classify_body(
            image,
            images,
            _present(
                vocabulary=vocabulary,
                pairs=pairs,
                world=world,
                top_k=top_k,
                marginals=marginals,
                unseen_bias=unseen_bias,
                feasibility_threshold=feasibility_threshold,
                unknown_primitives=unknown_primitives,
                model=model,
                webhook=_webhook(webhook),
            ),
        )
        return self._queue("classify-composition", body, priority, deadline_ms, timeout)

    def vocabularies(self, *, timeout: float | None = None) -> list[VocabularySummary]:
        """The trained vocabularies, and those in training."""
        answer = self._json("GET", "vocabularies", timeout=timeout)
        return [from_json(VocabularySummary, vocabulary) for vocabulary in answer["vocabularies"]]

    def vocabulary(self, name: str, *, timeout: float | None = None) -> VocabularyDescription:
        """A trained vocabulary."""
        return vocabulary_description(self._json("GET", f"vocabularies/{_escape(name)}", timeout=timeout))

    def delete_vocabulary(self, name: str, *, timeout: float | None = None) -> None:
        """Deletes a vocabulary."""
        self._send("DELETE", f"vocabularies/{_escape(name)}", timeout=timeout)

    def failed_webhooks(self, *, timeout: float | None = None) -> list[FailedWebhook]:
        """The webhooks of your jobs that could not be delivered, the latest first."""
        answer = self._json("GET", "webhooks/failed", timeout=timeout)
        return [from_json(FailedWebhook, webhook) for webhook in answer["webhooks"]]

    def redeliver_webhook(self, webhook: str | FailedWebhook, *, timeout: float | None = None) -> None:
        """Sends a failed webhook again. Raises ServiceError `TSR_WEBHOOK_NOT_FOUND` for one that is not kept."""
        webhook_id = webhook.id if isinstance(webhook, FailedWebhook) else webhook
        self._send("POST", f"webhooks/failed/{_escape(webhook_id)}/redeliver", timeout=timeout)

    def train_on_examples(
        self,
        name: str,
        examples: Iterable[Example | Json],
        *,
        model: str | None = None,
        method: str | None = None,
        recipe: Json | None = None,
        replace: bool | None = None,
        webhook: str | Json | None = None,
        timeout: float | None = None,
    ) -> Job:
        """Queues a training on at most 512 images; its job.

        - `method`: csp (the default), coop or clip; `recipe`: `{"epochs": …}` and others, see the service's `/docs`
        - `replace`: whether a vocabulary of this name may exist already
        - `webhook`: a URL that the service calls when the training has ended, or `{"url": …, "events": […]}`
        """
        options = _present(
            name=name, model=model, method=method, recipe=recipe, replace=replace, webhook=_webhook(webhook)
        )
        body = Body({**options, "examples": [_example(example) for example in examples]})
        return job_of(self._json("POST", "vocabularies", body=body, is_repeatable=False, timeout=timeout))

    def train_on_archive(
        self,
        name: str,
        archive: str | os.PathLike[str] | bytes | BinaryIO,
        *,
        model: str | None = None,
        method: str | None = None,
        recipe: Json | None = None,
        replace: bool | None = None,
        webhook: str | Json | None = None,
        timeout: float | None = None,
    ) -> Job:
        """Uploads a training set, a tar or tar.gz with metadata.json and images/, and queues the training; its job.

        An archive that is a path or a file is read while it is sent.
        """
        if isinstance(archive, (str, os.PathLike)):
            with open(archive, "rb") as file:
                return self.train_on_archive(
                    name,
                    file,
                    model=model,
                    method=method,
                    recipe=recipe,
                    replace=replace,
                    webhook=webhook,
                    timeout=timeout,
                )
        options = json.dumps(
            _present(model=model, method=method, recipe=recipe, replace=replace, webhook=_webhook(webhook))
        )
        form: list[Any] = [("name", (None, name)), ("options", (None, options)), ("archive", ("archive", archive))]
        body = Body(form=form)
        return job_of(self._json("POST", "vocabularies", body=body, is_repeatable=False, timeout=timeout))

    def export_vocabulary(self, name: str, *, timeout: float | None = None) -> bytes:
        """A vocabulary as a file for `import_vocabulary`."""
        return self._send("GET", f"vocabularies/{_escape(name)}/file", timeout=timeout).content

    def import_vocabulary(self, name: str, file: bytes, *, timeout: float | None = None) -> VocabularyDescription:
        """Stores a vocabulary that `export_vocabulary` gave, under any name."""
        answer = self._json(
            "PUT", f"vocabularies/{_escape(name)}/file", content=file, content_type=_VOCABULARY_TYPE, timeout=timeout
        )
        return vocabulary_description(answer)

    def job(self, job: JobOrId, *, timeout: float | None = None) -> Job:
        """A job as it is now."""
        return job_of(self._json("GET", f"jobs/{_id_of(job)}", timeout=timeout))

    def cancel_job(self, job: JobOrId, *, timeout: float | None = None) -> Job:
        """Cancels a job: one that waits is never run, one that runs stops at its next stage."""
        return job_of(self._json("DELETE", f"jobs/{_id_of(job)}", timeout=timeout))

    def follow_job(self, job: JobOrId, *, timeout: float | None = None) -> Iterator[JobUpdate]:
        """The updates of a job until its end, also across lost connections.

        To stop following leaves the job running.
        """
        return self._follow(_id_of(job), self._limit(timeout))

    def result_of(self, job: JobOrId, *, timeout: float | None = None) -> Any:
        """Waits for a job; the answer of the route that queued it.

        Raises ServiceError with the job's own error.
        """
        return job_result(self._result(_id_of(job), self._limit(timeout)))

    def _answer(
        self,
        path: str,
        body: Body,
        priority: str | None,
        deadline_ms: int | None,
        on_update: Callable[[JobUpdate], object] | None,
        timeout_s: float | None,
    ) -> Json:
        """The answer of a route that queues a job, or the job's result where the service does not wait."""
        limit = self._limit(timeout_s)
        headers = _job_headers(priority, deadline_ms, is_async=on_update is not None)
        try:
            response = self._send("POST", path, body=body, headers=headers, limit=limit)
        except (CallTimeoutError, KeyboardInterrupt):
            if on_update is not None:
                self._withdraw(path, body, headers)
            raise
        answer: Json = _parse(response)
        if response.status_code != 202:
            return answer
        try:
            result: Json = self._result(_id_of(str(answer["id"])), limit, on_update)
            return result
        except (CallTimeoutError, KeyboardInterrupt):
            # Nobody waits for the job any more.
            self._cancel_quietly(str(answer["id"]))
            raise

    def _withdraw(self, path: str, body: Body, headers: Mapping[str, str]) -> None:
        """Cancels a job that may have been queued without an answer: its idempotency key gives the same job again."""
        try:
            response = self._send("POST", path, body=body, headers=headers, limit=_Limit(_WITHDRAWAL_S))
            self._cancel_quietly(str(_parse(response)["id"]))
        except TesseraError:
            pass

    def _cancel_quietly(self, job_id: str) -> None:
        try:
            self.cancel_job(job_id, timeout=_WITHDRAWAL_S)
        except TesseraError:
            pass

    def _queue(
        self, path: str, body: Body, priority: str | None, deadline_ms: int | None, timeout_s: float | None
    ) -> Job:
        headers = _job_headers(priority, deadline_ms, is_async=True)
        return job_of(self._json("POST", path, body=body, headers=headers, timeout=timeout_s))

    def _result(self, job_id: str, limit: _Limit, on_update: Callable[[JobUpdate], object] | None = None) -> Any:
        for event, data in self._events(job_id, limit):
            if on_update is not None:
                on_update(job_update(event, data))
            if event == "result":
                return data
            if event == "error":
                raise ServiceError(data)
        raise ServiceConnectionError(f"The events of job {job_id} ended without a result.")

    def _follow(self, job_id: str, limit: _Limit) -> Iterator[JobUpdate]:
        for event, data in self._events(job_id, limit):
            yield job_update(event, data)

    def _events(self, job_id: str, limit: _Limit) -> Iterator[tuple[str, Any]]:
        """The events of a job with their JSON. A connection that is lost is opened again, from the last event on."""
        last_id = ""
        fruitless = 0
        while fruitless < _FRUITLESS_CONNECTIONS:
            if fruitless > 0:
                limit.pause(_RECONNECT_S)
            fruitless += 1
            headers = {"accept": "text/event-stream", **({"last-event-id": last_id} if last_id else {})}
            try:
                with self._open("GET", f"jobs/{job_id}/events", headers=headers, limit=limit) as response:
                    if response.status_code == 204:
                        return
                    for event in read_events(_within(limit, response.iter_text())):
                        last_id = event.last_id or last_id
                        fruitless = 0
                        yield event.event, json.loads(event.data)
                        if event.event in ("result", "error"):
                            return
            except TesseraError as error:
                if not may_pass(error):
                    raise
        raise ServiceConnectionError("The connection to the service was lost and does not come back.")

    def _limit(self, timeout_s: float | None) -> _Limit:
        return _Limit(self._timeout_s if timeout_s is None else timeout_s)

    def _json(self, method: str, path: str, **request: Any) -> Json:
        answer: Json = _parse(self._send(method, path, **request))
        return answer

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Body | None = None,
        content: bytes | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool = True,
        limit: _Limit | None = None,
        timeout: float | None = None,
    ) -> httpx.Response:
        """Sends the request until it is answered, at most as often as is allowed; the answer, read to its end."""
        within = self._limit(timeout) if limit is None else limit
        sent = dict(headers or {})
        if content_type is not None:
            sent["content-type"] = content_type
        for attempt in range(self._retries + 1):
            try:
                with self._open(method, path, body=body, content=content, headers=sent, limit=within) as response:
                    response.read()
                    return response
            except (ServiceError, ServiceConnectionError) as error:
                wait_s = pause_s(error, attempt) if is_repeatable and attempt < self._retries else None
                if wait_s is None:
                    raise
                within.pause(wait_s)
        raise AssertionError("Every attempt returns or raises.")

    @contextmanager
    def _open(
        self,
        method: str,
        path: str,
        *,
        body: Body | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit: _Limit,
    ) -> Iterator[httpx.Response]:
        """The response to a request, successful, its body not read yet."""
        rest_s = limit.rest_s()
        connect_s = _CONNECT_TIMEOUT_S if rest_s is None else min(rest_s, _CONNECT_TIMEOUT_S)
        timeout = httpx.Timeout(rest_s, connect=connect_s)
        sent: dict[str, Any] = {"content": content} if content is not None else {}
        if body is not None:
            sent = {"json": body.value} if body.form is None else {"files": body.form}
        try:
            with self._http.stream(
                method, f"{self._url}/{path}", headers=dict(headers or {}), timeout=timeout, **sent
            ) as response:
                if not response.is_success:
                    response.read()
                    raise error_of(response)
                yield response
        except httpx.HTTPError as error:
            if isinstance(error, httpx.TimeoutException):
                limit.rest_s()
            if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
                # Ended by the limit, whose last moments the clock does not show yet.
                raise CallTimeoutError("The call took longer than it may.") from error
            raise ServiceConnectionError(f"{self._url} cannot be reached: {error}.") from error


def _parse(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError:
        raise unlike_tessera(response) from None


def _within(limit: _Limit, chunks: Iterable[str]) -> Iterator[str]:
    """The same chunks until the time is up. Raises CallTimeoutError."""
    for chunk in chunks:
        limit.rest_s()
        yield chunk


def _segment_body(
    image: ImageInput,
    query: str | None,
    queries: Sequence[str] | None,
    prompts: Sequence[Prompt | Json] | None,
    options: Json,
) -> Body:
    if query is not None and not isinstance(query, str):
        raise TypeError("query is one text: give several as `queries`.")
    asked = None if queries is None else _list_of("queries", queries, "query")
    sent = None if prompts is None else [_prompt(prompt) for prompt in _list_of("prompts", prompts)]
    fields = _present(query=query, queries=asked, prompts=sent)
    return image_body("image", [image], fields, options)


def _classify_body(image: ImageInput | None, images: Sequence[ImageInput] | None, options: Json) -> Body:
    if image is not None and images is None:
        return image_body("image", [image], {}, options)
    if image is None and images is not None:
        return image_body("images", _list_of("images", images, "image"), {}, options)
    raise TypeError("Give one of image and images.")


def _list_of(name: str, values: Iterable[Read], one: str | None = None) -> list[Read]:
    """The values of a list. A text and bytes would be taken apart, a mapping would give its names."""
    if isinstance(values, (str, bytes, Mapping, Prompt)):
        raise TypeError(f"{name} is a list: " + ("put one into a list." if one is None else f"give one as `{one}`."))
    return list(values)


def _header_text(api_key: str) -> str:
    """An API key as a header can carry it. Raises ValueError for another text."""
    if not api_key.isascii() or not api_key.isprintable() or api_key.strip() != api_key:
        raise ValueError("An API key has printable ASCII characters alone, without spaces or line ends around it.")
    return api_key


def _prompt(prompt: Prompt | Json) -> Json:
    if not isinstance(prompt, Prompt):
        return prompt
    box = None if prompt.box is None else [float(value) for value in prompt.box]
    points = [{"x": float(point.x), "y": float(point.y), "label": int(point.label)} for point in prompt.points]
    return _present(box=box, points=points or None)


def _example(example: Example | Json) -> Json:
    fields = vars(example) if isinstance(example, Example) else example
    return {**_present(**fields), "image": image_text(fields["image"])}


def _job_headers(priority: str | None, deadline_ms: int | None, is_async: bool) -> dict[str, str]:
    deadline = None if deadline_ms is None else str(deadline_ms)
    headers = {"x-priority": priority, "x-deadline-ms": deadline}
    if is_async:
        # Sent again after a lost connection, the request gets the job of the first time.
        headers |= {"prefer": "respond-async", "idempotency-key": secrets.token_hex(16)}
    return {name: value for name, value in headers.items() if value is not None}


def _present(**fields: Any) -> dict[str, Any]:
    """The fields that are given."""
    return {name: value for name, value in fields.items() if value is not None}


def _webhook(webhook: str | Json | None) -> Json | None:
    return {"url": webhook} if isinstance(webhook, str) else webhook


def _id_of(job: JobOrId) -> str:
    return _escape(job.id if isinstance(job, Job) else job)


def _escape(name: str) -> str:
    return quote(name, safe="")
