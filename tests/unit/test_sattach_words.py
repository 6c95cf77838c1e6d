"""sattach 的纯函数：看哪些文件，看得到看不到，步的写法，布局的样子。"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scns.cli.launch.viewing import Reader, View, Wanted, choose, layout
from scns.cli.slurm.sattach import _report, _step_of
from scns.errors import ScnsError

FILES = ["/a", "/b", "/c"]


def wanted(output: int | None = None, error: int | None = None, label: bool = False) -> Wanted:
    return Wanted(output, error, label=label)


@pytest.mark.parametrize(
    ("tasks", "ask", "views", "unseen"),
    [
        ([[0, 1]], wanted(), [View("/a", 1, 0), View("/b", 2, 0)], []),
        ([[0, 0]], wanted(), [View("/a", 1, 0)], []),
        ([[0, 0], [0, 0]], wanted(), [View("/a", 1, None)], []),
        ([[0, 2], [1, 2]], wanted(), [View("/a", 1, 0), View("/b", 1, 1), View("/c", 2, None)], []),
        ([[0, 0], [1, 1]], wanted(output=1), [View("/b", 1, 1), View("/a", 2, 0)], []),
        ([[0, 0], [1, 1]], wanted(output=1, error=1), [View("/b", 1, 1)], []),
        ([[False, 0]], wanted(), [View("/a", 2, 0)], [0]),
        ([[False, False], [None, False]], wanted(), [], [0, 1]),
        ([[None, None]], wanted(), [], []),
        ([[False, 0], [1, 1]], wanted(output=1, error=1), [View("/b", 1, 1)], []),
    ],
)
def test_files_that_are_wanted_are_shown_once(tasks, ask, views, unseen):
    assert choose(FILES, tasks, ask) == (views, unseen)


@pytest.mark.parametrize("ask", [wanted(label=True), wanted(output=0), wanted(error=1)])
def test_tasks_in_one_file_cannot_be_told_apart(ask):
    with pytest.raises(ScnsError, match="several tasks write to /a"):
        choose(FILES, [[0, 0], [0, 0]], ask)


def test_task_that_does_not_exist_is_refused():
    with pytest.raises(ScnsError, match="there is no task 1"):
        choose(FILES, [[0, 0]], wanted(output=1))


@pytest.mark.parametrize(
    ("text", "step"),
    [("42.0", (42, 0)), ("42.17", (42, 17)), ("42.batch", (42, None)), ("7.007", (7, 7))],
)
def test_step_is_read(text, step):
    assert _step_of([text]) == step


@pytest.mark.parametrize(
    ("operands", "sentence"),
    [
        ([], "Need exactly one step id"),
        (["1.0", "2.0"], "Need exactly one step id"),
        (["42"], "Did not find a period in the step ID string"),
        (["x.0"], '"x" does not look like a jobid'),
        (["42.x"], '"x" does not look like a stepid'),
        (["42."], '"" does not look like a stepid'),
        ([".0"], '"" does not look like a jobid'),
        (["42.-1"], '"-1" does not look like a stepid'),
        (["42.extern"], "Could not get job step info: Invalid job id specified"),
        (["42_[1-3].0"], "does not name one task of the array"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(operands, sentence):
    with pytest.raises(ScnsError) as raised:
        _step_of(operands)
    assert sentence in raised.value.message


def test_layout_looks_as_in_slurm():
    assert layout({"node": "n1", "tasks": [[0, 0], [1, 1]]}) == (
        "Job step layout:\n\t2 tasks, 1 nodes (n1)\n\n\tNode 0 (n1), 2 task(s): 0 1 \n"
    )


@pytest.mark.parametrize(
    ("statuses", "code", "said"),
    [
        ({}, 0, ""),
        ({0: 0, 1: 0}, 0, ""),
        ({0: 3 << 8, 1: 9, 2: 3 << 8}, 137, "error: n: task 1: Killed"),
        ({0: 3 << 8, 1: 0, 2: 3 << 8}, 3, "error: n: tasks 0,2: Exited with exit code 3"),
        ({0: None}, 0, ""),
    ],
)
def test_exit_code_is_that_of_the_worst_task(statuses, code, said, capsys):
    assert _report("n", statuses, quiet=False) == code
    assert said in capsys.readouterr().err
    assert _report("n", statuses, quiet=True) == code
    assert capsys.readouterr().err == ""


def copied(view: View, width: int | None, steps: list[str]) -> bytes:
    """读的一方先在，再一段段写；返回抄出来的。"""
    inner, outer = os.pipe()
    reader = Reader(View(view.path, outer, view.task), width)
    for text in steps:
        with Path(view.path).open("a") as file:
            file.write(text)
        reader.copy()
    reader.finish()
    os.close(outer)
    with os.fdopen(inner, "rb") as stream:
        return stream.read()


def test_only_what_is_written_from_now_on_is_shown(tmp_path: Path):
    path = tmp_path / "out"
    path.write_text("before\n")
    assert copied(View(str(path), 1, 0), None, ["a", "b\n", "c"]) == b"ab\nc"


def test_file_that_appears_later_is_shown_from_its_beginning(tmp_path: Path):
    assert copied(View(str(tmp_path / "out"), 1, 0), None, ["all\n"]) == b"all\n"


def test_labels_follow_whole_lines(tmp_path: Path):
    found = copied(View(str(tmp_path / "out"), 1, 3), 2, ["a", "b\nc", "d"])
    assert found == b" 3: ab\n 3: cd\n"


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(ScnsError, match="is not a regular file"):
        Reader(View(str(path), 1, 0), None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_file_that_may_not_be_read_is_told(tmp_path: Path):
    path = tmp_path / "out"
    path.touch(0)
    with pytest.raises(ScnsError, match="Permission denied"):
        Reader(View(str(path), 1, 0), None)
