"""README 与 CHANGELOG 说的是真的：命令照抄就能跑，两种语言内容相同。"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import scns
from scns.cli import SLURM_COMMANDS
from scns.cli.app import COMMANDS
from tests.acceptance.conftest import make_instance, remove

ROOT = Path(__file__).resolve().parent.parent.parent
CHINESE = (ROOT / "README.md").read_text("utf-8")
ENGLISH = (ROOT / "README.en.md").read_text("utf-8")


def marked(text: str, mark: str) -> str:
    """`<!-- MARK -->` 之后那个代码块的内容。"""
    found = re.search(rf"<!-- {mark} -->\n```sh\n(.*?)\n```", text, re.DOTALL)
    assert found is not None
    return found[1]


def without_comments(block: str) -> list[str]:
    return [re.sub(r"\s+#.*", "", line).rstrip() for line in block.splitlines()]


def blocks(text: str) -> list[list[str]]:
    return [without_comments(one) for one in re.findall(r"```(?:sh)?\n(.*?)```", text, re.DOTALL)]


def test_both_languages_give_the_same_commands():
    assert blocks(CHINESE) == blocks(ENGLISH)


def test_both_languages_have_the_same_sections():
    def shape(text: str) -> list[int]:
        return [len(level) for level in re.findall(r"^(#+) ", text, re.MULTILINE)]

    assert shape(CHINESE) == shape(ENGLISH)


@pytest.mark.parametrize("text", [CHINESE, ENGLISH], ids=["zh", "en"])
def test_every_command_named_exists(text):
    lines = [line for block in blocks(text) for line in block]
    named = {found[1] for line in lines if (found := re.match(r"scns ([a-z]+)", line))}
    assert named
    assert named <= set(SLURM_COMMANDS) | set(COMMANDS)


@pytest.mark.parametrize("text", [CHINESE, ENGLISH], ids=["zh", "en"])
def test_every_link_leads_to_a_file(text):
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_changelog_names_this_version_and_real_commands():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"## [{scns.__version__}]" in text
    for name in re.findall(r"`scns ([a-z]+)`", text):
        assert name in SLURM_COMMANDS or name in COMMANDS


def test_ci_runs_the_very_test_command_of_the_readme():
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "<!-- run-tests -->" in text
    assert marked(CHINESE, "run-tests").endswith("-m pytest -n 2")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_main_command_of_the_readme_runs_in_a_fresh_copy(tmp_path):
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = listed.stdout.splitlines()
    if listed.returncode != 0 or not names:
        pytest.skip("not a git checkout")
    made = make_instance(site=None)
    copy = made.work / "scns"
    try:
        for name in names:
            if not (ROOT / name).exists():
                continue
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        environment = made.environment
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            ["sh", "-c", marked(CHINESE, "run-main")],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        host = os.uname().nodename.split(".")[0]
        assert re.search(rf"hello from job 1 on {host}, 1 CPU\n$", done.stdout)
    finally:
        remove(made)
