"""经得起断电、也经得起服务账户捣鬼的文件操作。"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from scns.db import durable
from scns.db.account import Account

OWNER = Account("me", os.geteuid(), os.getegid(), switch=False)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_file_gets_the_text_and_is_private(tmp_path):
    path = tmp_path / "pg_hba.conf"
    path.write_text("old")
    path.chmod(0o666)
    durable.replace_file(str(path), "新的\n", OWNER)
    assert path.read_text() == "新的\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["pg_hba.conf"]


def test_file_that_says_so_already_is_not_touched(tmp_path):
    path = tmp_path / "pg_hba.conf"
    durable.replace_file(str(path), "same", OWNER)
    before = path.stat()
    durable.replace_file(str(path), "same", OWNER)
    assert path.stat() == before


def test_leftover_of_an_interrupted_replacement_is_no_obstacle(tmp_path):
    path = tmp_path / "pg_hba.conf"
    (tmp_path / "pg_hba.conf.new").write_text("half")
    durable.replace_file(str(path), "whole", OWNER)
    assert path.read_text() == "whole"
    assert names(tmp_path) == ["pg_hba.conf"]


@pytest.mark.parametrize("name", ["pg_hba.conf", "pg_hba.conf.new"])
def test_symbolic_link_is_replaced_not_followed(tmp_path, name):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / name).symlink_to(victim)
    durable.replace_file(str(tmp_path / "pg_hba.conf"), "text", OWNER)
    assert victim.read_text() == "precious"
    assert (tmp_path / "pg_hba.conf").read_text() == "text"
    assert not (tmp_path / "pg_hba.conf").is_symlink()


def test_reading_neither_follows_links_nor_waits_for_fifos(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "fifo")
    found = {
        name: durable.read(str(tmp_path / name))
        for name in ("file", "link", "fifo", "missing", ".")
    }
    assert found == {"file": b"content", "link": None, "fifo": None, "missing": None, ".": None}


def test_rename_replaces_an_empty_directory_only(tmp_path):
    for name in ("fresh", "empty", "full", "full/content"):
        (tmp_path / name).mkdir()
    with pytest.raises(OSError, match="not empty"):
        durable.rename(str(tmp_path / "fresh"), str(tmp_path / "full"))
    durable.rename(str(tmp_path / "fresh"), str(tmp_path / "empty"))
    assert names(tmp_path) == ["empty", "full"]


def test_whole_tree_is_flushed_including_directories(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("x")
    flushed: list[str] = []
    monkeypatch.setattr(durable, "flush", flushed.append)
    durable.flush_tree(str(tmp_path))
    assert sorted(flushed) == sorted(
        str(path) for path in (tmp_path, tmp_path / "a", *(tmp_path / "a").rglob("*"))
    )


def test_flush_does_not_follow_links(tmp_path):
    (tmp_path / "link").symlink_to(Path("/dev/null"))
    with pytest.raises(OSError, match="symbolic links"):
        durable.flush(str(tmp_path / "link"))


def test_removing_what_is_not_there_is_fine(tmp_path):
    durable.remove(str(tmp_path / "missing"))
    durable.remove_tree(str(tmp_path / "missing"))
    (tmp_path / "tree" / "below").mkdir(parents=True)
    (tmp_path / "tree" / "file").write_text("")
    durable.remove_tree(str(tmp_path / "tree"))
    assert names(tmp_path) == []


def test_removing_a_tree_spares_what_its_links_point_at(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    durable.remove_tree(str(tmp_path / "tree"))
    assert (tmp_path / "outside" / "precious").exists()
