"""NumPy's Gauss-Legendre nodes, remembered: the same bits, computed once."""

from __future__ import annotations

import numpy as np
import pytest
from captum_explainer.attribution.quadrature_cache import remember_quadrature
from scipy.special import roots_legendre


@pytest.fixture
def original(monkeypatch):
    leggauss = np.polynomial.legendre.leggauss
    monkeypatch.setattr(np.polynomial.legendre, "leggauss", leggauss)
    return leggauss


def test_the_nodes_and_weights_are_numpys_own_bits(original):
    remember_quadrature()
    for steps in (1, 2, 50, 333):
        for _ in range(2):
            for got, expected in zip(np.polynomial.legendre.leggauss(steps), original(steps), strict=True):
                assert got.tobytes() == expected.tobytes()
    np.testing.assert_allclose(np.polynomial.legendre.leggauss(50), roots_legendre(50), rtol=1e-11)


def test_they_are_computed_once_and_cannot_be_changed(original):
    remember_quadrature()
    first, second = (np.polynomial.legendre.leggauss(50)[0] for _ in range(2))
    assert first is second
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0.0


def test_asked_again_it_does_not_wrap_itself(original):
    remember_quadrature()
    once = np.polynomial.legendre.leggauss
    remember_quadrature()
    assert np.polynomial.legendre.leggauss is once
