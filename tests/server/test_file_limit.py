"""Room for sockets, as far as the system gives it."""

import logging
import resource
from collections.abc import Iterator

import pytest

from queen.server.file_limit import RESERVE, raise_file_limit
from tests.conftest import skip_unless_ci


@pytest.fixture
def low_limit() -> Iterator[int]:
    """A soft limit of 500 files, for this process and this test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_raised_to_what_is_needed(low_limit: int) -> None:
    assert raise_file_limit(600) == 600 + RESERVE
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (600 + RESERVE, low_limit)


def test_left_alone_when_there_is_room(low_limit: int) -> None:
    assert raise_file_limit(10) == 500
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 500


def test_a_hard_limit_is_obeyed_and_told(low_limit: int, caplog: pytest.LogCaptureFixture) -> None:
    if low_limit == resource.RLIM_INFINITY:
        skip_unless_ci("this machine sets no hard limit of open files (ulimit -Hn)")
    assert raise_file_limit(low_limit) == low_limit
    assert [record.getMessage() for record in caplog.records] == ["file_limit_low"]
    assert caplog.records[0].levelno == logging.WARNING
