"""What a result has to say about where it was measured: the machine, and the versions of what was measured."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from local.servers import ROOT

PACKAGES = ("torch", "captum", "kserve")


def describe_machine() -> str:
    """The processor by the name that lscpu shows, the CPUs that this process may use, and how busy they are now."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return f"{processor}, {len(os.sched_getaffinity(0))} CPUs, load {os.getloadavg()[0]:.1f} before"


def read_versions() -> dict[str, str]:
    """The versions of Python, of the packages that matter for speed, and of this checkout."""
    packages = {name: version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **packages, "kserve-captum": read_commit(ROOT)}


def read_commit(checkout: Path) -> str:
    """A checkout's commit, with `-dirty` where files differ from it; `unknown` outside git."""
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"
