"""srun 的词：多程序的文件、任务的名单、结局的说法、一步有多大。"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scns.cli.launch import programs, streams
from scns.cli.launch.plan import Size
from scns.cli.launch.step import describe, shell_code, tasks
from scns.cli.options import parse
from scns.cli.tables.srun import TABLE
from scns.errors import InvalidInput, UsageError
from scns.filenames import Facts
from scns.scheduler.steps import conclude


def read(tmp_path: Path, text: str, count: int) -> list[list[str]]:
    (tmp_path / "mp").write_text(text)
    return programs.read_file(str(tmp_path / "mp"), count, "/")


def test_file_of_programs_names_each_task(tmp_path: Path):
    text = "# 注释\n0 /a x%t\n1-2,4 /b \\\n  %o 'y z'\n* /c\n"
    assert read(tmp_path, text, 6) == [
        ["/a", "x0"],
        ["/b", "0", "y z"],
        ["/b", "1", "y z"],
        ["/c", ],
        ["/b", "2", "y z"],
        ["/c"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("0 /a\n", "no record for task id 1"), ("0\n", "Malformed line"), ("x /a\n", "task range")],
)
def test_file_of_programs_that_says_too_little_is_refused(tmp_path: Path, text, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        read(tmp_path, text, 2)


def test_file_of_programs_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(InvalidInput, match="Unable to open"):
        programs.read_file(str(tmp_path / "none"), 1, "/")


def test_program_is_found_along_path_or_left_for_the_task(monkeypatch, tmp_path: Path):
    tool = tmp_path / "tool"
    tool.write_text("")
    monkeypatch.setenv("PATH", f"/nowhere:{tmp_path}")
    assert programs.find("tool", "/") == "tool"  # 不能执行的不算
    tool.chmod(0o755)
    assert programs.find("tool", "/") == str(tool)
    assert programs.find("./tool", str(tmp_path)) == f"{tmp_path}/./tool"


@pytest.mark.parametrize(
    ("numbers", "text"), [({3}, "task 3"), ({0, 1, 2}, "tasks 0-2"), ([5, 1, 2], "tasks 1-2,5")]
)
def test_tasks_are_listed_in_ranges(numbers, text):
    assert tasks(numbers) == text


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        (7 << 8, "Exited with exit code 7", 7),
        (9, "Killed", 137),
        (15, "Terminated", 143),
        (11 | 0x80, "Segmentation fault (core dumped)", 139),
    ],
)
def test_end_of_a_task_is_told_as_the_shell_would_count_it(status, text, code):
    assert (describe(status), shell_code(status)) == (text, code)


def size_of(*words: str, **built: object) -> Size:
    parsed = parse(TABLE, words)
    return Size(parsed, built, parsed)


@pytest.mark.parametrize(
    ("words", "built", "expected"),
    [
        ([], {}, (1, 1, None)),
        (["-n3"], {"tasks": 3}, (3, 3, None)),
        (["-n3", "--exact"], {"tasks": 3}, (3, 3, 3)),
        (["-n3", "--exclusive"], {"tasks": 3}, (3, 3, 3)),
        (["-n2", "-c2"], {"tasks": 2, "cpus_per_task": 2}, (2, 4, 4)),
        (["-n9", "-O"], {"tasks": 9, "overcommit": True}, (9, 1, None)),
        (["--overlap"], {}, (1, 1, 0)),
    ],
)
def test_size_of_a_step(words, built, expected):
    size = size_of(*words, **built)
    assert (size.tasks, size.cpus, size.held) == expected


def test_step_over_more_nodes_than_allocated_is_refused(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_NUM_NODES", "1")
    with pytest.raises(UsageError, match="Only allocated 1 nodes asked for 2"):
        size_of("-N2", nodes_min=2)


def wiring(count: int, *options: str | None, labelled: bool = False, **more: object):
    return streams.connect(
        count,
        (*options, *[None] * (3 - len(options))),  # type: ignore[arg-type]
        labelled=labelled,
        append=False,
        directory=str(more.get("directory", "/")),
        facts=lambda task: Facts(job_id=1, name="n", user="u", step=0, task=task),
    )


def test_streams_are_passed_on_as_they_are():
    made = wiring(1)
    assert [made.descriptors[index] for index in made.streams[0]] == [0, 1, 2]


def test_streams_of_one_task_or_none():
    made = wiring(2, "none", "1", "none")
    assert made.streams == [[None, None, None], [None, made.descriptors.index(1), None]]


def test_files_that_differ_by_task_are_opened_by_the_tasks(tmp_path: Path):
    made = wiring(2, "none", "f%t", directory=tmp_path)
    assert made.streams == [[None, f"{tmp_path}/f{task}", f"{tmp_path}/f{task}"] for task in (0, 1)]
    assert not list(tmp_path.iterdir())


def test_labels_are_put_before_each_line(tmp_path: Path):
    sink = os.open(tmp_path / "o", os.O_WRONLY | os.O_CREAT)
    inner, outer = os.pipe()
    label = streams.Label(b"3: ", sink)
    os.write(outer, b"a\nb")
    assert label.pump(inner)
    os.close(outer)
    assert not label.pump(inner)
    os.close(inner)
    os.close(sink)
    assert (tmp_path / "o").read_text() == "3: a\n3: b\n"


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({"op": "step_started"}, ("RUNNING", None, None)),
        ({"op": "step_ended", "status": 0, "killed": False}, ("COMPLETED", 0, 0)),
        ({"op": "step_ended", "status": 3 << 8, "killed": True}, ("FAILED", 3, 0)),
        ({"op": "step_ended", "status": 9, "killed": False}, ("CANCELLED", 0, 9)),
        ({"op": "step_ended", "status": None, "killed": True}, ("CANCELLED", 0, 0)),
    ],
)
def test_state_of_a_step_follows_its_worst_task(report, expected):
    assert conclude(report) == expected
