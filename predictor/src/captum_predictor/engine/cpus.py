"""How many CPUs this process may use: a container's limit counts, not the machine's size."""

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def count_usable_cpus(cgroup: Path = CGROUP) -> int:
    """Whole CPUs, at least one: the lesser of the affinity mask and the cgroup's limit (version 2 or 1)."""
    affinity = len(os.sched_getaffinity(0))
    return max(1, min(affinity, int(_read_cgroup_limit(cgroup) or affinity)))


def _read_cgroup_limit(cgroup: Path) -> float | None:
    try:
        if (cgroup / "cpu.max").exists():
            quota, period = (cgroup / "cpu.max").read_text().split()
        else:
            quota, period = ((cgroup / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return float(quota) / float(period) if float(quota) > 0 else None
    except (OSError, ValueError):  # no such file, or "max": no limit
        return None
