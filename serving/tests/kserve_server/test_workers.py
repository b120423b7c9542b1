"""A worker that starts slowly is not killed; one that never answers, or no longer answers, is."""

from __future__ import annotations

import pytest
from captum_serving.kserve_server import workers
from captum_serving.kserve_server.workers import PatientProcess
from kserve.protocol.rest.multiprocess.server import RESTServerProcess


class Living:
    """A process that is there, whatever it does."""

    def is_alive(self) -> bool:
        return True


def living(kind: type[RESTServerProcess]) -> RESTServerProcess:
    process = kind([], print)
    process._process = Living()
    return process


@pytest.fixture
def worker() -> PatientProcess:
    return living(PatientProcess)


def test_a_worker_that_imports_for_longer_than_a_ping_takes_lives(worker: PatientProcess) -> None:
    assert all(worker.is_alive(timeout=0.01) for _ in range(3))


def test_kserves_own_process_does_not() -> None:
    assert not living(RESTServerProcess).is_alive(timeout=0.01)


def test_a_worker_that_answered_must_go_on_answering(worker: PatientProcess) -> None:
    assert worker.is_alive()
    worker.pong()
    assert worker.is_alive()
    assert not worker.is_alive(timeout=0.01)


def test_a_worker_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "START_SECONDS", -1.0)
    assert not living(PatientProcess).is_alive(timeout=0.01)


def test_a_worker_that_ended_is_not_alive(worker: PatientProcess) -> None:
    worker._process.is_alive = lambda: False
    assert not worker.is_alive()
