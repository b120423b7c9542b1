"""What another process has used, as Linux counts it: its memory, and its CPU time."""

import os
import re
from pathlib import Path

# `VmRSS` is what a process has in memory now, `VmHWM` the most that it has had.
RESIDENT, PEAK = "VmRSS", "VmHWM"

FORGET_PEAK = "5"  # proc(5), clear_refs
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def memory(pid: int, which: str) -> int:
    """MiB of the process's memory, `RESIDENT` or at its `PEAK`."""
    found = re.search(rf"^{which}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) // 1024


def forget_peak(pid: int) -> None:
    """Let the process's peak begin anew, at what it has in memory now."""
    Path(f"/proc/{pid}/clear_refs").write_text(FORGET_PEAK)


def cpu_seconds(pid: int) -> float:
    """CPU time of the process and of all its threads, in user and system mode, in steps of 10 ms."""
    # What comes before the last bracket is the command's name, which may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND
