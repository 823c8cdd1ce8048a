"""A service for tests: gives prepared answers on a real socket and keeps the requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> list[tuple[str, bytes]]:
        """Names and contents of the parts, read by the standard library."""
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        message = BytesParser(EmailMessage, policy=HTTP).parsebytes(head + self.body)
        return [
            (str(part.get_param("name", header="content-disposition")), part.get_payload(decode=True))
            for part in message.iter_parts()
        ]


Answer = Callable[["Reply"], None]


class Reply:
    """The answer to a request."""

    def __init__(self, request: Received, handler: BaseHTTPRequestHandler) -> None:
        self.request = request
        self._handler = handler

    def json(self, status: int, value: Any, **headers: str) -> None:
        self.bytes(status, json.dumps(value).encode(), "application/json", **headers)

    def problem(self, status: int, code: str, detail: str = "It is so.", **headers: str) -> None:
        problem = {"code": code, "detail": detail, "status": status, "title": "x", "type": f"urn:{code}"}
        self.bytes(status, json.dumps(problem).encode(), "application/problem+json", **headers)

    def bytes(self, status: int, body: bytes, media_type: str, **headers: str) -> None:
        self._handler.send_response(status)
        self._handler.send_header("content-type", media_type)
        self._handler.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()
        self._handler.wfile.write(body)

    def events(self, *events: tuple[int, str, Any], cut: bool = False) -> None:
        """Server-sent events with their ids; `cut` breaks off in the middle of another one."""
        text = "".join(
            f"id: {number}\nevent: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
            for number, name, data in events
        )
        self._handler.send_response(200)
        self._handler.send_header("content-type", "text/event-stream")
        self._handler.send_header("connection", "close")
        self._handler.end_headers()
        self._handler.wfile.write((text + ("event: prog" if cut else "")).encode())
        self._handler.close_connection = True

    def hang_up(self) -> None:
        self._handler.close_connection = True


class FakeService:
    """Answers every request with the next of `answers`; the last one goes on for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[Received] = []
        left = list(answers)
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self._body()
                headers = {name.lower(): value for name, value in self.headers.items()}
                received = Received(self.command, self.path, headers, body)
                requests.append(received)
                answer = left.pop(0) if len(left) > 1 else left[0]
                answer(Reply(received, self))

            do_GET = do_POST = do_PUT = do_DELETE = handle_any

            def _body(self) -> bytes:
                if self.headers.get("transfer-encoding") == "chunked":
                    chunks = []
                    while size := int(self.rfile.readline(), 16):
                        chunks.append(self.rfile.read(size))
                        self.rfile.readline()
                    self.rfile.readline()
                    return b"".join(chunks)
                return self.rfile.read(int(self.headers.get("content-length", 0)))

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
