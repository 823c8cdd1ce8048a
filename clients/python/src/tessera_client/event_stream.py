"""Server-sent events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerEvent:
    """One event of a stream."""

    event: str
    last_id: str
    """The last id that the stream has given, this event's or an earlier one's."""
    data: str


def read_events(text: Iterable[str]) -> Iterator[ServerEvent]:
    """Reads a stream of server-sent events (WHATWG HTML, section 9.2.6); an event that is cut off is dropped."""
    event, last_id = "", ""
    data: list[str] = []
    for line in _lines(text):
        if line == "":
            if data:
                yield ServerEvent(event or "message", last_id, "\n".join(data))
            event, data = "", []
            continue
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "event":
            event = value
        elif name == "data":
            data.append(value)
        elif name == "id" and "\0" not in value:
            last_id = value


def _lines(text: Iterable[str]) -> Iterator[str]:
    """Only the line breaks of the format count: `str.splitlines` knows more, which JSON may contain."""
    rest = ""
    ends_with_return = False
    for chunk in text:
        if chunk == "":
            continue
        # A carriage return ends its line at once; a line feed after it belongs to the same line break.
        fresh = chunk[1:] if ends_with_return and chunk.startswith("\n") else chunk
        ends_with_return = chunk.endswith("\r")
        *lines, rest = re.split(r"\r\n|\n|\r", rest + fresh)
        yield from lines
