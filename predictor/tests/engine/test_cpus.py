import os

import pytest
from captum_predictor.engine.cpus import count_usable_cpus


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("250000 100000", 2),
        ("50000 100000", 1),
        ("1600000 100000", 8),
        ("", 8),
    ],
)
def test_the_lesser_of_the_affinity_and_the_cgroups_limit(tmp_path, limit, expected):
    (tmp_path / "cpu.max").write_text(limit + "\n")
    assert count_usable_cpus(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("300000", 3)])
def test_version_1_of_cgroups(tmp_path, quota, expected):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota + "\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert count_usable_cpus(tmp_path) == expected


def test_no_cgroup_is_no_limit(tmp_path):
    assert count_usable_cpus(tmp_path / "nowhere") == 8
