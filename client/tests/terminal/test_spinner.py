import io
import threading
import time

import pytest
from captum_client.terminal.spinner import show_spinner


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_turns_on_a_terminal_and_leaves_a_clean_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with show_spinner("lime"):
        time.sleep(0.35)
    first, second, *_, last = terminal.getvalue().split("\r")[1:]
    assert (first, second) == ("| lime 0 s", "/ lime 0 s")
    assert last == "\x1b[K"


def test_says_nothing_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with show_spinner("lime"):
        time.sleep(0.25)
    assert capsys.readouterr() == ("", "")


def test_stops_on_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    threads = threading.active_count()
    with pytest.raises(KeyError), show_spinner("lime"):
        raise KeyError
    assert threading.active_count() == threads
    assert terminal.getvalue().endswith("\x1b[K")
