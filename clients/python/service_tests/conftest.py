"""The running service and the files that test/e2e/python.test.ts prepares."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest

from tessera_client import Tessera


@pytest.fixture(scope="session")
def url() -> str:
    return os.environ["TESSERA_SERVICE_URL"]


@pytest.fixture(scope="session")
def directory() -> pathlib.Path:
    """Has photo.jpg, a drawn stop sign, and the directories photos and shapes, a training set."""
    return pathlib.Path(os.environ["TESSERA_TEST_FILES"])


@pytest.fixture(scope="session")
def tessera(url: str) -> Iterator[Tessera]:
    with Tessera(url, timeout=120) as tessera:
        yield tessera
