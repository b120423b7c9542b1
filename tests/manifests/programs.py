"""kubectl and helm: found, or the test fails on CI and is skipped elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


class Refused(Exception):
    """The program ended with an error; the message is what it wrote."""


def run(program: str, *arguments: str) -> str:
    path = shutil.which(program)
    if path is None:
        sentence = f"{program} is not on the PATH; expected it, to render the manifests and the chart"
        pytest.fail(sentence) if os.environ.get("CI") == "true" else pytest.skip(sentence)
    # No cluster is asked, and the user's own is out of reach.
    environment = {**os.environ, "KUBECONFIG": os.devnull}
    done = subprocess.run([path, *arguments], capture_output=True, text=True, env=environment, timeout=60)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout
