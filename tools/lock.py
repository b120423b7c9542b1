"""Writes the lock files that the images install from, each with the hashes of all its packages: `make lock`.

uv resolves what the packages ask for under constraints.txt, so that an image has the versions that the tests ran with.
torch is in none of them: its wheel differs by processor and accelerator, so the Dockerfiles install it by themselves.
No lock names an index.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib

from tools.install import CLIENT, CONSTRAINTS, PIP, ROOT, VENV, name_torch_index
from tools.pip_settings import make_uv_environment, read_pip_settings

HEADER = "# Written by `make lock`; torch has a step of its own in the Dockerfiles.\n"
OWN = "kserve-captum-"
# What both servers need beyond what serving asks for is in the layer that they share, too.
SHARED = ("serving/pyproject.toml",), ("torch", "jsonschema", "pillow")

# What each lock file is made from: the projects whose dependencies it has, and further requirements.
LOCKS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "serving/requirements.lock": SHARED,
    "predictor/requirements.lock": (("serving/pyproject.toml", "predictor/pyproject.toml"), SHARED[1]),
    "explainer/requirements.lock": (("serving/pyproject.toml", "explainer/pyproject.toml"), SHARED[1]),
    "client/requirements.lock": ((), (f"-r {CLIENT}",)),
    # What builds our packages, and what lists an image's: they are in no image.
    "cluster/build.lock": (("serving/pyproject.toml",), ()),
    "cluster/sbom.lock": ((), ("cyclonedx-bom",)),
}
FLAGS = (
    *("--constraint", CONSTRAINTS),
    *("--python-version", "3.11", "--python-platform", "linux"),
    *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"),
    *("--no-header", "--no-annotate", "--no-emit-package", "torch", "--quiet"),
)


def main() -> None:
    """Writes all lock files again; ends the program where uv finds no answer."""
    listing = subprocess.run([*PIP, "config", "list"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    variables = make_uv_environment(read_pip_settings(listing), CONSTRAINTS)
    # Not a folder of this machine's, which has few of a release's files. The index of torch's CPU wheel, beside the
    # others: it asks for no NVIDIA packages.
    indexes = [index for index in variables.get("UV_INDEX", "").split() if not index.startswith("file:")]
    variables["UV_INDEX"] = " ".join([*indexes, *name_torch_index("UV_INDEX").values()])
    for lock in LOCKS:
        print(f"writing {lock}", flush=True)
        (ROOT / lock).write_text(HEADER + compile_lock(read_requirements(lock), variables))


def read_requirements(lock: str) -> list[str]:
    """Returns what a lock file is made from, without our own packages."""
    projects, further = LOCKS[lock]
    documents = [tomllib.loads((ROOT / project).read_text()) for project in projects]
    if lock == "cluster/build.lock":
        return [requirement for one in documents for requirement in one["build-system"]["requires"]]
    wanted = [requirement for one in documents for requirement in one["project"]["dependencies"]]
    return [*(requirement for requirement in wanted if not requirement.startswith(OWN)), *further]


def compile_lock(requirements: list[str], variables: dict[str, str]) -> str:
    """Returns a lock file's text, by uv."""
    command = [str(VENV / "bin" / "uv"), "pip", "compile", *FLAGS, "-"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {name: value for name, value in variables.items() if value},
        input="\n".join(requirements),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
