"""`scns doctor` 的判断：什么管得住，什么管不住，怎么办。"""

from __future__ import annotations

import resource

import pytest

from scns.cli.own import doctor
from scns.cli.own.doctor import Level


def levels(controllers: list[str] | None, root: bool = True) -> list[Level]:
    return [finding.level for finding in doctor.enforcement(controllers, root)]


def test_everything_enforced_needs_no_cure():
    found = list(doctor.enforcement(["cpuset", "memory"], True))
    assert [finding.level for finding in found] == [Level.OK] * 3
    assert all(finding.cure is None for finding in found)


def test_cgroup_without_controllers_still_keeps_process_trees():
    assert levels([]) == [Level.OK, Level.WARNING, Level.NOTE]


def test_without_cgroups_the_tree_is_best_effort():
    found = list(doctor.enforcement(None, False))
    assert [finding.level for finding in found] == [Level.WARNING, Level.WARNING, Level.NOTE]
    assert "outlive" in found[0].sentence
    assert "systemd-run" in str(found[0].cure)


@pytest.mark.parametrize(
    ("soft", "level"),
    [(256, Level.WARNING), (1024, Level.OK), (resource.RLIM_INFINITY, Level.OK)],
)
def test_low_limit_of_open_files_is_a_warning(soft, level):
    assert doctor.check_open_files(soft).level is level


def test_nearly_full_disk_is_a_warning(monkeypatch, tmp_path):
    usage = type("Usage", (), {"free": 10 << 20})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    finding = doctor.check_disk(str(tmp_path / "not" / "yet"))
    assert finding.level is Level.WARNING
    assert "10 MiB" in finding.sentence


def test_ignored_keys_of_slurm_are_listed_with_their_line(monkeypatch, tmp_path):
    conf = tmp_path / "scns.conf"
    conf.write_text("ClusterName=x\nMpiDefault=none\n")
    monkeypatch.setenv("SCNS_CONF", str(conf))
    found = list(doctor.check_configuration(str(tmp_path)))
    assert [finding.level for finding in found] == [Level.OK, Level.NOTE]
    assert f"{conf}:2: MpiDefault" in found[1].sentence


def test_broken_configuration_is_an_error_with_a_cure(monkeypatch, tmp_path):
    conf = tmp_path / "scns.conf"
    conf.write_text("Nosuch=1\n")
    monkeypatch.setenv("SCNS_CONF", str(conf))
    [finding] = doctor.check_configuration(str(tmp_path))
    assert finding.level is Level.ERROR
    assert finding.cure is not None


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("NodeName=n1 CPUs=4\n", [Level.OK, Level.WARNING]),
        ("GresTypes=gpu\nNodeName=n1 CPUs=4 Gres=gpu:2\n", [Level.OK]),
        ("ClusterName=x\n", [Level.OK]),
    ],
)
def test_gpus_that_the_configuration_leaves_out_are_a_warning(monkeypatch, tmp_path, text, levels):
    conf = tmp_path / "scns.conf"
    conf.write_text(text)
    monkeypatch.setenv("SCNS_CONF", str(conf))
    monkeypatch.setattr(doctor.gpus, "detect", lambda: {"gpu:nvidia_l4": 2})
    found = list(doctor.check_configuration(str(tmp_path)))
    assert [finding.level for finding in found] == levels
    assert all("Gres=gpu:nvidia_l4:2" in str(finding.cure) for finding in found[1:])
