import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
# As with `python client/query_explain.py`, the folder client/ is on the path.
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

from fake_explainer import FakeExplainer  # noqa: E402

HOST = "fashion-mnist.default.example.com"


@pytest.fixture
def explainer() -> Iterator[FakeExplainer]:
    fake = FakeExplainer()
    yield fake
    fake.close()


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No display, no data set of this machine, an empty folder to write to."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "KSERVE_CAPTUM_DATA", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(explainer: FakeExplainer, test_set: Path) -> Callable[..., int]:
    """The command, in process, against the fake explainer and a small test set: run("5", "--json") -> exit code."""
    from query_explain import main

    def run_main(*arguments: str, url: str | None = None) -> int:
        try:
            return main([url or explainer.url, HOST, *arguments])
        except SystemExit as wrong_usage:
            return int(str(wrong_usage.code))

    return run_main


@pytest.fixture
def failure(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What stands on standard error: one error, no traceback, and no part of an answer on standard output."""

    def read() -> str:
        out, err = capsys.readouterr()
        assert "Wrote" not in out
        assert err.startswith("error: ")
        assert "Traceback" not in err
        return err

    return read


@pytest.fixture
def test_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose two test sets have twenty images: image i is bright in column i only, its class i mod 10."""
    import gzip

    import numpy as np

    folder = tmp_path / "data"
    images = np.zeros((20, 28, 28), np.uint8)
    for index in range(20):
        images[index, :, index] = 200
    for dataset in ("mnist", "fashion-mnist"):
        (folder / dataset).mkdir(parents=True)
        header = np.array([0x803, 20, 28, 28], ">u4").tobytes()
        (folder / dataset / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + images.tobytes()))
        labels = np.array([0x801, 20], ">u4").tobytes() + bytes(index % 10 for index in range(20))
        (folder / dataset / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    monkeypatch.setenv("KSERVE_CAPTUM_DATA", str(folder))
    return folder


@pytest.fixture
def trickling_url() -> Iterator[str]:
    """A server that starts its answer and then sends a byte every 50 ms for three seconds."""
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(2**20)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            for _ in range(60):
                if stop.wait(0.05):
                    break
                connection.sendall(b" ")

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1/models/mnist:explain"
    stop.set()
    thread.join()
    listener.close()
