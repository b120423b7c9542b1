"""The window, with a toolkit that is made up: there is no display where the tests run."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import matplotlib
import pytest
from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg

Run = Callable[..., int]
shown: list[int] = []


class CanvasWithWindow(FigureCanvasAgg):
    required_interactive_framework = "made up"


@pytest.fixture
def backend() -> Iterator[ModuleType]:
    before = matplotlib.get_backend()
    module = ModuleType("made_up_backend")
    module.FigureCanvas = CanvasWithWindow  # type: ignore[attr-defined]
    module.show = lambda **_: shown.append(len(pyplot.get_fignums()))  # type: ignore[attr-defined]
    sys.modules["made_up_backend"] = module
    shown.clear()
    yield module
    pyplot.close("all")
    pyplot.switch_backend(before)
    del sys.modules["made_up_backend"]


def test_display_gets_a_window(run: Run, backend: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matplotlib.cbook._get_running_interactive_framework", lambda: "made up")
    pyplot.switch_backend("module://made_up_backend")
    assert run() == 0
    assert shown == [1]
    assert pyplot.gcf().axes[0].get_xlabel() == "test image 0, actual T-shirt/top"
    assert not Path("explanation.png").exists()


def test_output_opens_no_window(run: Run, backend: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matplotlib.cbook._get_running_interactive_framework", lambda: "made up")
    pyplot.switch_backend("module://made_up_backend")
    assert run("--output", "boot.png") == 0
    assert shown == []
    assert Path("boot.png").exists()


def test_no_display_gets_a_file(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert capsys.readouterr().out.endswith("\nWrote explanation.png\n")
    assert Path("explanation.png").exists()
    assert pyplot.get_fignums() == []


def test_toolkit_that_does_not_run_gets_a_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_toolkit(*_: object) -> None:
        raise ImportError("Cannot load backend 'TkAgg'")

    monkeypatch.setattr(pyplot, "figure", no_toolkit)
    assert run() == 0
    assert Path("explanation.png").exists()


def test_backend_that_is_not_known(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unknown(*_: object) -> None:
        raise ValueError("'nonsense' is not a valid value for backend")

    monkeypatch.setattr(pyplot, "figure", unknown)
    assert run() == 1
    assert capsys.readouterr().err == (
        "error: The explanations cannot be drawn: 'nonsense' is not a valid value for backend\n"
    )
