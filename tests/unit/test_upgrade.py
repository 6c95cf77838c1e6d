"""大版本升级里不用服务器的部分：换目录、失败的原因、清理。"""

from __future__ import annotations

from pathlib import Path

import pytest

from scns.db import upgrade
from scns.db.binaries import Binaries


def make(home: Path, **contents: str) -> None:
    for name, content in contents.items():
        directory = home / name.replace("_", ".")
        directory.mkdir()
        (directory / "is").write_text(content)


def found(home: Path) -> dict[str, str]:
    return {path.name: (path / "is").read_text() for path in home.iterdir()}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"data": "old", "data_upgraded": "new"}, {"data": "new", "data.old": "old"}),
        # 打断在两次改名之间
        ({"data_old": "old", "data_upgraded": "new"}, {"data": "new", "data.old": "old"}),
        # 更早一次升级留下的
        (
            {"data_old": "older", "data": "old", "data_upgraded": "new"},
            {"data": "new", "data.old": "old"},
        ),
        # 没有升级成功，什么也不动
        ({"data": "old", "data_upgrade": "half"}, {"data": "old", "data.upgrade": "half"}),
        ({"data": "new", "data_old": "old"}, {"data": "new", "data.old": "old"}),
        ({}, {}),
    ],
)
def test_interrupted_exchange_of_directories_is_completed(tmp_path, before, after):
    make(tmp_path, **before)
    for _ in range(2):
        upgrade.finish(str(tmp_path))
        assert found(tmp_path) == after


FAILED_CHECK = """\
Performing Consistency Checks
-----------------------------
Checking cluster versions                                     ok
Checking database connection settings                         fatal

All non-template0 databases must allow connections.  A list of databases
with the problem is in the file:
    /home/data.upgrade/pg_upgrade_output.d/problem.txt
Failure, exiting
"""

UNCLEAN = """\

The source cluster was not shut down cleanly, state reported as: "in production"
Failure, exiting
"""


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            FAILED_CHECK,
            "All non-template0 databases must allow connections.  A list of databases with the "
            "problem is in the file: /home/data.upgrade/pg_upgrade_output.d/problem.txt",
        ),
        (
            UNCLEAN,
            'The source cluster was not shut down cleanly, state reported as: "in production"',
        ),
        ("Checking cluster versions    ok\n", "pg_upgrade gave no reason"),
        ("", "pg_upgrade gave no reason"),
    ],
)
def test_reason_is_what_follows_the_last_step(output, reason):
    assert upgrade.failure_reason(output) == reason


def test_good_start_discards_what_it_no_longer_needs(tmp_path):
    make(tmp_path, data="new", data_old="old", data_upgrade="half", data_upgrade_new="less")
    (tmp_path / "pg_upgrade.abcdefgh").mkdir()
    for name in ("17.9.1", "18.5.1", "18.6.3", "18.7.0.new"):
        (tmp_path / "pg" / name / "bin").mkdir(parents=True)
    serving = Binaries("pinned", (18, 6, 3), str(tmp_path / "pg/18.6.3/bin"))
    upgrade.discard_old(str(tmp_path), serving)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "pg"]
    assert [path.name for path in (tmp_path / "pg").iterdir()] == ["18.6.3"]


def test_server_from_the_system_keeps_the_copies(tmp_path):
    make(tmp_path, data="new", data_old="old")
    (tmp_path / "pg" / "17.9.1").mkdir(parents=True)
    upgrade.discard_old(str(tmp_path), Binaries("system", (18,), "/usr/lib/postgresql/18/bin"))
    assert (tmp_path / "pg" / "17.9.1").is_dir()
    assert not (tmp_path / "data.old").exists()


def test_upgrade_works_in_the_home_unless_its_path_is_too_long(tmp_path):
    with upgrade._work_directory("/tmp") as work:
        assert work.startswith("/tmp/pg_upgrade.")
    long = tmp_path / ("d" * 100)
    long.mkdir()
    with upgrade._work_directory(str(long)) as work:
        assert not work.startswith(str(long))
        assert len(f"{work}/.s.PGSQL.50432") <= 107
        assert Path(work).stat().st_mode & 0o077 == 0
    assert not Path(work).exists()
