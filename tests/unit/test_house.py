"""家规：层次、精简启动、中文文档、每条 SQL 都能在真模式上准备。"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "scns"
MODULES = sorted(PACKAGE.rglob("*.py"))

HAN = re.compile(r"[\u4e00-\u9fff]")

#: 包到层；只许向下导入。同层的 cli 与 scheduler 互不导入。
FLOORS = {"": 1, "planner": 2, "stepd": 2, "db": 3, "cli": 4, "scheduler": 4, "__main__": 5}

#: 热命令不许装载的模块。
HEAVY = {
    "typer", "click", "rich", "sqlmodel", "sqlalchemy", "pydantic", "alembic", "argparse",
    "subprocess", "asyncio", "logging", "inspect", "dataclasses", "psutil", "importlib.metadata",
}  # fmt: skip


def room(name: str) -> str:
    """模块属于哪个包；词与顶层模块是空串。"""
    parts = name.split(".")
    if len(parts) > 1 and parts[1] == "__main__":
        return "__main__"
    return parts[1] if len(parts) > 2 or (PACKAGE / parts[-1]).is_dir() else ""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """模块导入的 scns 模块，函数里的也算；只供类型检查的不算。"""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = (ROOT / Path(*inner.split("."))).with_suffix(".py").exists() or (
                    ROOT / Path(*inner.split("."))
                ).is_dir()
                found.add(inner if is_module else node.module)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text("utf-8")))
    return {name for name in found if name == "scns" or name.startswith("scns.")}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_go_downwards_only(path):
    own = room(module_name(path))
    for name in imports_of(path):
        other = room(name)
        if other == own or name == "scns":
            continue
        assert FLOORS[other] < FLOORS[own], f"{module_name(path)} imports {name}"
        if other == "stepd":
            assert name == "scns.stepd.protocol", f"{module_name(path)} imports {name}"
        if other == "" and own == "stepd":
            pytest.fail(f"stepd imports {name}")


def test_link_knows_the_commands_without_breaking_the_floors():
    # cli.own.link 读 `scns.__main__.SLURM_COMMANDS` 会倒着导入；名单因此放在 cli
    assert "scns.__main__" not in imports_of(PACKAGE / "cli" / "own" / "link.py")


def test_stepd_loads_nothing_but_the_standard_library():
    code = (
        "import sys; before = set(sys.modules)\n"
        "import scns.stepd.__main__\n"
        "print('\\n'.join(sorted(set(sys.modules) - before)))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    foreign = {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"scns"}
    assert not foreign
    own = {name for name in loaded if name.startswith("scns.")}
    assert all(name == "scns.stepd" or name.startswith("scns.stepd.") for name in own)


@pytest.mark.parametrize(
    "command",
    [
        "sbatch",
        "squeue",
        "scancel",
        "sinfo",
        "sacct",
        "scontrol",
        "srun",
        "salloc",
        "sattach",
        "seff",
    ],
)
def test_hot_commands_start_lean(command):
    code = (
        "import sys\n"
        "from scns.__main__ import _module\n"
        f"_module({command!r})\n"
        "from scns.db import connect; connect.driver()\n"
        "print('\\n'.join(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n" + code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={"PYTHONPATH": ""},
    ).stdout.split()
    assert not HEAVY & set(loaded)
    assert "ssl" not in loaded
    assert "re" not in loaded


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_docstrings_are_chinese(path):
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node)
            foreign = text is not None and not HAN.search(text) and "。" not in text
            assert not foreign, f"{path}: {text!r} is not Chinese"
    if "versions" in path.parts:
        return
    assert ast.get_docstring(tree) or not tree.body, f"{path} has no docstring"
    for node in public_definitions(tree):
        assert ast.get_docstring(node), f"{path}:{node.lineno} {node.name} has no docstring"


def public_definitions(tree: ast.Module) -> list[ast.ClassDef | ast.FunctionDef]:
    """公开的类与函数，以及公开的类里公开的方法；覆盖基类的方法由基类说明。"""
    found: list[ast.ClassDef | ast.FunctionDef] = []
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
            continue
        found.append(node)
        if isinstance(node, ast.ClassDef):
            found += [
                one
                for one in node.body
                if isinstance(one, ast.FunctionDef)
                and not one.name.startswith("_")
                and one.name not in ("lines",)
            ]
    return found


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_comments_are_chinese(path):
    with path.open("rb") as stream:
        tokens = [one for one in tokenize.tokenize(stream.readline) if one.type == tokenize.COMMENT]
    for token in tokens:
        text = token.string.lstrip("#: ")
        if text.startswith(("noqa", "type:", "fmt:")):
            continue
        words = re.findall(r"[A-Za-z]{3,}", re.sub(r"`[^`]*`", "", text))
        assert HAN.search(text) or len(words) < 6, f"{path}:{token.start[0]}: {text}"


def test_no_path_of_one_machine_is_written_into_the_project():
    pattern = re.compile(r"(^|[^A-Za-z0-9_.-])/(root|work|farm)/")
    for path in [*ROOT.rglob("*.py"), *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        if ".venv" in path.parts:
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            assert not pattern.search(line) or "re.compile" in line, f"{path}:{number}: {line}"
