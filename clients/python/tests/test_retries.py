"""Services that are away, overloaded or slow."""

import time

import pytest
from test_client import IDENTIFIER, JOB, SEGMENTATION, answer

from tessera_client import CallTimeoutError, ServiceConnectionError, ServiceError, Tessera
from tessera_client.retries import pause_s


def full(**headers):
    return lambda reply: reply.problem(429, "TSR_QUEUE_FULL", **headers)


def not_ready(reply):
    reply.problem(503, "TSR_NOT_READY")


def hang_up(reply):
    reply.hang_up()


def proxy(reply):
    reply.bytes(502, b"<h1>Bad gateway</h1>", "text/html")


def test_a_request_is_sent_again_until_it_is_answered(start):
    service = start(not_ready, hang_up, full(), answer(SEGMENTATION))
    Tessera(service.url).segment(b"bytes", "the dog")
    assert len(service.requests) == 4
    assert {len(request.body) for request in service.requests} == {len(service.requests[0].body)}


def test_the_service_says_how_long_to_wait(start):
    service = start(full(retry_after="1"), answer({"models": []}))
    started = time.monotonic()
    Tessera(service.url).models()
    assert 1 <= time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("failures", "error"), [([hang_up, full()], ServiceError), ([proxy, proxy], ServiceConnectionError)]
)
def test_the_last_error_is_raised_when_the_retries_are_used_up(start, failures, error):
    service = start(*failures, answer({"models": []}))
    with pytest.raises(error):
        Tessera(service.url, retries=1).models()
    assert len(service.requests) == 2


def test_a_job_is_sent_again_with_the_key_of_its_first_time(start):
    service = start(hang_up, full(), answer(JOB, 202))
    tessera = Tessera(service.url)
    tessera.queue_segment(IDENTIFIER, "a")
    tessera.queue_classify(IDENTIFIER, "apparel")
    keys = [request.headers["idempotency-key"] for request in service.requests]
    assert len(keys) == 4
    assert len(set(keys[:3])) == 1
    assert keys[3] != keys[0]


@pytest.mark.parametrize("failure", [full(), not_ready, hang_up])
def test_a_training_is_sent_once(start, failure):
    service = start(failure, answer(JOB, 202))
    tessera = Tessera(service.url)
    for call in (
        lambda: tessera.train_on_examples("x", []),
        lambda: tessera.train_on_archive("x", b""),
    ):
        start_count = len(service.requests)
        try:
            call()
        except (ServiceError, ServiceConnectionError):
            pass
        assert len(service.requests) == start_count + 1


@pytest.mark.parametrize("code", ["TSR_VALIDATION", "TSR_IMAGE_CORRUPT"])
def test_what_cannot_pass_is_raised_at_once(start, code):
    service = start(lambda reply: reply.problem(422, code))
    with pytest.raises(ServiceError):
        Tessera(service.url).segment(IDENTIFIER, "a")
    assert len(service.requests) == 1


def test_what_answers_unlike_tessera_is_named(start):
    service = start(lambda reply: reply.bytes(200, b"<h1>Hello</h1>", "text/html"))
    with pytest.raises(ServiceConnectionError, match="not as Tessera does") as caught:
        Tessera(service.url).models()
    assert isinstance(caught.value, ConnectionError)


def test_nobody_listens():
    with pytest.raises(ServiceConnectionError, match="cannot be reached"):
        Tessera("http://127.0.0.1:1", retries=0).models()


def test_a_call_ends_with_its_time(start):
    service = start(lambda reply: time.sleep(1))
    started = time.monotonic()
    with pytest.raises(CallTimeoutError) as caught:
        Tessera(service.url, timeout=0.2).models()
    assert isinstance(caught.value, TimeoutError)
    assert time.monotonic() - started < 0.9


def test_a_call_ends_with_its_time_between_attempts(start):
    service = start(full(retry_after="5"))
    started = time.monotonic()
    with pytest.raises(CallTimeoutError):
        Tessera(service.url).models(timeout=0.2)
    assert time.monotonic() - started < 2


def test_pauses_double_are_spread_and_come_after_what_the_service_asks_for():
    gone = ServiceConnectionError("gone")
    assert [pause_s(gone, attempt, chance=1) for attempt in (0, 1, 2, 9)] == [0.25, 0.5, 1, 30]
    assert pause_s(gone, 0, chance=0) == 0.125
    problem = {"code": "TSR_QUEUE_FULL", "detail": "x", "status": 429}
    assert pause_s(ServiceError(problem, 2.0), 0, chance=0) == 2.125
    assert pause_s(ServiceError(problem, 3600.0), 0) is None
    assert pause_s(ServiceError({**problem, "status": 504}), 0) is None
    assert pause_s(ServiceConnectionError("x", status=500), 0) is None
