"""Jobs: waiting, following, cancelling."""

import json
import time

import pytest
from test_client import CLASSIFICATION, IDENTIFIER, JOB, SEGMENTATION, answer

import tessera_client.client
from tessera_client import (
    CallTimeoutError,
    Job,
    Progress,
    SegmentResponse,
    ServiceConnectionError,
    ServiceError,
    Tessera,
)
from tessera_client.event_stream import read_events

STATUS = (1, "status", {**JOB, "status": "running"})
PROGRESS = (5, "progress", {"stage": "vision", "fraction": 0.5})
RESULT = (2_000_001, "result", SEGMENTATION)
PROBLEM = {"code": "TSR_INFERENCE_FAILED", "detail": "The run failed.", "status": 500}


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(tessera_client.client, "_RECONNECT_S", 0.01)


def events(*sent, **options):
    return lambda reply: reply.events(*sent, **options)


def test_a_service_that_does_not_wait_is_waited_for(start):
    service = start(answer(JOB, 202), events(STATUS, RESULT))
    assert Tessera(service.url).segment(IDENTIFIER, "the dog").result.area == 2
    assert [request.path for request in service.requests] == ["/segment", "/jobs/a%2F1/events"]
    assert "prefer" not in service.requests[0].headers


def test_updates_are_passed_on(start):
    service = start(answer(JOB, 202), events(STATUS, PROGRESS, RESULT))
    updates = []
    Tessera(service.url).segment(IDENTIFIER, "x", on_update=updates.append, priority="low", deadline_ms=500)
    assert [update.event for update in updates] == ["status", "progress", "result"]
    assert isinstance(updates[0].data, Job) and updates[0].data.status == "running"
    assert updates[1].data == Progress("vision", 0.5)
    assert isinstance(updates[2].data, SegmentResponse)
    headers = service.requests[0].headers
    assert (headers["prefer"], headers["x-priority"], headers["x-deadline-ms"]) == ("respond-async", "low", "500")


def test_a_queued_job_is_followed_across_lost_connections(start):
    service = start(answer(JOB, 202), events(STATUS, PROGRESS, cut=True), lambda reply: reply.hang_up(), events(RESULT))
    tessera = Tessera(service.url)
    job = tessera.queue_segment(IDENTIFIER, "the dog")
    assert [update.event for update in tessera.follow_job(job)] == ["status", "progress", "result"]
    assert [request.headers.get("last-event-id") for request in service.requests] == [None, None, "5", "5"]
    assert service.requests[0].headers["prefer"] == "respond-async"


def test_a_queued_job_names_a_webhook(start):
    service = start(answer(JOB, 202), answer(JOB, 202), answer(JOB, 202))
    tessera = Tessera(service.url)
    webhook = {"url": "https://hooks.example.org/", "events": ["job.failed"]}
    tessera.queue_segment(IDENTIFIER, "the dog", webhook="https://hooks.example.org/")
    tessera.queue_classify(IDENTIFIER, "apparel", webhook=webhook)
    tessera.train_on_archive("apparel", b"archive", webhook=webhook)
    first, second, third = (request.body for request in service.requests)
    assert json.loads(first)["webhook"] == {"url": "https://hooks.example.org/"}
    assert json.loads(second)["webhook"] == webhook
    assert json.dumps(webhook).encode() in third


def test_results_have_the_type_of_their_route(start):
    service = start(events((9, "result", CLASSIFICATION)), events((9, "result", {"name": "x"})))
    tessera = Tessera(service.url)
    assert tessera.result_of("a/2").result.none == 0.1
    assert tessera.result_of("a/3") == {"name": "x"}


def test_the_error_of_a_job_is_raised(start):
    service = start(answer(JOB, 202), events(STATUS, (9, "error", PROBLEM)))
    with pytest.raises(ServiceError) as caught:
        Tessera(service.url).segment(IDENTIFIER, "the dog")
    assert caught.value.code == "TSR_INFERENCE_FAILED"


def test_a_call_that_runs_out_of_time_cancels_its_job(start):
    def hold(reply):
        reply.events(STATUS)
        time.sleep(0.6)

    service = start(answer(JOB, 202), hold, answer({**JOB, "status": "cancelled"}))
    with pytest.raises(CallTimeoutError):
        Tessera(service.url).segment(IDENTIFIER, "the dog", timeout=0.3)
    assert (service.requests[-1].method, service.requests[-1].path) == ("DELETE", "/jobs/a%2F1")


def test_a_call_that_runs_out_of_time_before_it_knows_its_job_cancels_it(start):
    def hold(reply):
        time.sleep(0.6)
        reply.json(202, JOB)

    service = start(hold, answer(JOB, 202), answer({**JOB, "status": "cancelled"}))
    with pytest.raises(CallTimeoutError):
        Tessera(service.url).segment(IDENTIFIER, "the dog", on_update=print, timeout=0.3)
    queued, again, cancelled = service.requests
    assert again.headers["idempotency-key"] == queued.headers["idempotency-key"]
    assert (cancelled.method, cancelled.path) == ("DELETE", "/jobs/a%2F1")


def test_jobs_are_shown_and_cancelled(start):
    finished = {**JOB, "status": "succeeded", "result": SEGMENTATION, "progress": {"stage": "mask", "fraction": 1}}
    failed = {**JOB, "status": "failed", "error": PROBLEM}
    tessera = Tessera(start(answer(finished), answer(failed), answer({**JOB, "status": "cancelled"})).url)
    job = tessera.job("a/1")
    assert job.result.result.area == 2 and job.progress == Progress("mask", 1)
    job = tessera.job(job)
    assert job.error is not None and job.error.code == "TSR_INFERENCE_FAILED"
    assert tessera.cancel_job(job).status == "cancelled"


def test_events_that_end_without_a_result_are_an_error(start):
    service = start(lambda reply: reply.bytes(204, b"", "text/plain"))
    with pytest.raises(ServiceConnectionError, match="without a result"):
        Tessera(service.url).result_of("x")


def test_a_service_that_stays_away_is_given_up(start):
    service = start(lambda reply: reply.hang_up())
    with pytest.raises(ServiceConnectionError, match="does not come back"):
        Tessera(service.url).result_of("x")
    assert len(service.requests) == 30


def test_an_unknown_job_is_an_error_at_once(start):
    service = start(lambda reply: reply.problem(404, "TSR_JOB_NOT_FOUND"))
    with pytest.raises(ServiceError):
        list(Tessera(service.url).follow_job("x"))
    assert len(service.requests) == 1


def test_event_streams_are_read_however_they_are_cut():
    text = "\n: comment\nid: 1\r\nevent: a\rdata: {\u2028\r\ndata:}\r\n\r\nid: b\0d\ndata: x\n\ndata: cut off"
    expected = [("a", "1", "{\u2028\n}"), ("message", "1", "x")]
    for size in (1, 2, 3, 7, len(text)):
        chunks = [text[start : start + size] for start in range(0, len(text), size)]
        assert [(event.event, event.last_id, event.data) for event in read_events(chunks)] == expected
