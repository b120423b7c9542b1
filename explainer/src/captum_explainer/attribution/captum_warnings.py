"""Captum's warnings that mean nothing to somebody who runs a server."""

import warnings

EXPECTED = (
    "Input Tensor .* did not already require gradients",
    "Setting forward, backward hooks and attributes on non-linear",
    "Setting backward hooks on ReLU activations",
    "Attempting to construct interpretable model with > 10000 features",
)


def ignore_expected_warnings() -> None:
    """Silence them in the whole process, because Python's warning filters are shared by all threads."""
    for message in EXPECTED:
        warnings.filterwarnings("ignore", message=rf"\s*{message}", category=UserWarning)
