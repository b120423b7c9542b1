import pytest
from captum_client.http.answer import JsonAnswer
from captum_client.terminal.method_table import format_methods
from fake_explainer import CATALOGUE


def lines(*names: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    return list(format_methods(JsonAnswer("", CATALOGUE), names))


def test_table(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(columns=90, monkeypatch=monkeypatch) == [
        "fashion-mnist (access: structure)",
        "METHOD                FAMILY        NEEDS      WHAT IT SHOWS",
        "integrated_gradients  path          gradients  Gradients along the straight path from a",
        "                                               baseline to the input, so that they add up.",
        "lime                  perturbation  scores     A local linear model.",
    ]


def test_narrow_terminal_still_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(map(len, lines(columns=20, monkeypatch=monkeypatch)[2:])) <= 47 + 30


def test_methods_with_their_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines("lime", "integrated_gradients", columns=90, monkeypatch=monkeypatch) == [
        "lime: A local linear model.",
        "integrated_gradients: Gradients along the straight path from a baseline to the input, so that they add up.",
        "  paper: Sundararajan et al. 2017",
        "  n_steps: integer or auto, default 50; steps of the path",
        '  quadrature: one of gausslegendre, riemann_trapezoid, default "gausslegendre"',
        "  baselines: number or string, default null",
    ]
