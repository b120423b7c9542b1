"""Checks that a virtual environment is whole: half of one, left by an interrupted deletion, fails in odd ways."""

import csv
import subprocess
from pathlib import Path

# Fails where the interpreter is gone or broken, and where the checkout was moved after the set-up.
TRIAL = "import captum_serving"
RECORDS = ("lib/python3*/site-packages/*.dist-info/RECORD", "alibi/*.dist-info/RECORD")


def list_records(venv: Path) -> list[str]:
    """Returns the paths, in the environment, of the installed packages' lists of files.

    A list that names a missing file from the start is left out: pip lists a script in a wrong folder after --target.
    """
    records = [record for pattern in RECORDS for record in venv.glob(pattern) if has_all_files(record)]
    return sorted(str(record.relative_to(venv)) for record in records)


def is_whole(venv: Path, records: list[str]) -> bool:
    """Returns True if the interpreter runs and no file of the packages with these records is missing."""
    return can_run(venv) and all(has_all_files(venv / record) for record in records)


def can_run(venv: Path) -> bool:
    """Returns True if the environment's interpreter runs and imports one of our packages."""
    try:
        return subprocess.run([venv / "bin" / "python", "-c", TRIAL], capture_output=True).returncode == 0
    except OSError:
        return False


def has_all_files(record: Path) -> bool:
    """Returns True if every file in a package's record is there, bytecode apart: Python writes that again."""
    try:
        with record.open(newline="") as rows:
            names = [row[0] for row in csv.reader(rows) if row and not row[0].endswith(".pyc")]
    except FileNotFoundError:
        return False
    site = record.parent.parent
    return all((site / name).exists() for name in names)
