"""Makes .venv with everything in it: `make setup`.

uv does it, itself installed by pip, in seconds; where uv cannot be had or fails, pip does it in minutes.
Run by the system's Python before anything is installed, so it imports the standard library only.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tools.environment_check import is_whole, list_records
from tools.pip_settings import make_uv_environment, read_pip_settings

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = str(VENV / "bin" / "python")
PIP = (PYTHON, "-m", "pip")
# Written last. Its first line tells what was asked for, the others what was installed.
MARKER = VENV / "installed"

CONSTRAINTS = "constraints.txt"
CLIENT = "client/requirements.txt"
DEVELOPMENT = "requirements-dev.txt"
ALIBI_REQUIREMENTS = "tests/alibi/requirements.txt"
PROJECTS = ("serving/pyproject.toml", "predictor/pyproject.toml", "explainer/pyproject.toml")
INPUTS = (CONSTRAINTS, CLIENT, DEVELOPMENT, ALIBI_REQUIREMENTS, *PROJECTS)

# What each of the three steps installs, in words that uv and pip share.
TORCH = ("--no-deps", "torch")
EVERYTHING = ("-e", "serving", "-e", "predictor[train]", "-e", "explainer", "-r", CLIENT, "-r", DEVELOPMENT)
# A test reads an explanation by Alibi's own class. Alibi needs older packages than kserve, so it is not installed
# beside it, and what the test does not import of it is a gigabyte: so it comes without what it depends on.
ALIBI = ("--no-deps", "--upgrade", "--target", str(VENV / "alibi"), "-r", ALIBI_REQUIREMENTS)


def main() -> None:
    """Makes the environment, or brings it up to date; does nothing where it is whole and up to date."""
    requested = digest_inputs()
    installed, *records = MARKER.read_text().split("\n") if MARKER.exists() else [""]
    whole = MARKER.exists() and is_whole(VENV, records)
    if whole and installed == requested:
        return
    if not whole:
        print(f"Making {VENV.name} from nothing", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    MARKER.unlink(missing_ok=True)
    if not install_by_uv():
        print("uv cannot install here; pip does, which takes some minutes", flush=True)
        install_by_pip()
    MARKER.write_text("\n".join([requested, *list_records(VENV)]))


def digest_inputs() -> str:
    """Returns a digest of the files that say what is installed."""
    return hashlib.sha256(b"\0".join((ROOT / name).read_bytes() for name in INPUTS)).hexdigest()


def install_by_uv() -> bool:
    """Installs by uv, told what pip is configured to do; returns False if that fails."""
    if not run_pip("install", "-c", CONSTRAINTS, "uv"):
        return False
    listing = subprocess.run([*PIP, "config", "list"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    environment = make_uv_environment(read_pip_settings(listing), CONSTRAINTS)
    uv = (str(VENV / "bin" / "uv"), "pip", "install", "--python", PYTHON)
    # uv leaves compiling to Python's first import. Where Python may not write what it compiled, every process would
    # compile all that it imports: starting a server then takes three times as long.
    compiling = ("--compile-bytecode",) if sys.dont_write_bytecode else ()
    return (
        run([*uv, *TORCH], environment | name_torch_index("UV_DEFAULT_INDEX"))
        and run([*uv, *compiling, *EVERYTHING], environment)
        and run([*uv, *ALIBI], environment)
    )


def install_by_pip() -> None:
    """Installs by pip, with its progress shown; ends the program if that fails."""
    install = ("install", "-c", CONSTRAINTS)
    if not (
        run_pip(*install, *TORCH, variables=name_torch_index("PIP_INDEX_URL"))
        and run_pip(*install, *EVERYTHING)
        and run_pip(*install, *ALIBI)
    ):
        sys.exit(f"{VENV.name} is not complete: see pip's message above, then run `make setup` again")


def name_torch_index(variable: str) -> dict[str, str]:
    """Returns the variable that names the index of PyTorch's wheel, or none where the Makefile leaves it to pip."""
    index = os.environ.get("TORCH_INDEX", "")
    return {variable: index} if index else {}


def run_pip(*arguments: str, variables: dict[str, str] | None = None) -> bool:
    """Runs the environment's pip; returns True if it succeeds."""
    return run([*PIP, "--disable-pip-version-check", *arguments], variables or {})


def run(command: list[str], variables: dict[str, str]) -> bool:
    """Runs a command at the checkout's top with more environment variables; returns True if it succeeds."""
    return subprocess.run(command, cwd=ROOT, env=os.environ | variables).returncode == 0


if __name__ == "__main__":
    main()
