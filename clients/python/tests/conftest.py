from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fake_service import Answer, FakeService


@pytest.fixture
def start() -> Iterator[Callable[..., FakeService]]:
    """Starts a service that gives these answers, for the time of a test."""
    services: list[FakeService] = []

    def start(*answers: Answer) -> FakeService:
        services.append(FakeService(*answers))
        return services[-1]

    yield start
    for service in services:
        service.close()
