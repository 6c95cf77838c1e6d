"""`#PBS` 行：换成 sbatch 的选项；脚本从 PBS 搬来时不必改。

读到哪里为止与 `#SBATCH` 相同。换得过来的换，换不过来的略去，与 Slurm 相同。
来源：sbatch(1) `--ignore-pbs`，qsub(1B)。
"""

from __future__ import annotations

import os

from scns.errors import UsageError

_PREFIX = b"#PBS"

#: 带值的选项：字母到 sbatch 的长选项；值是空串的略去。
_WITH_VALUE = {
    "A": "account",
    "J": "array",
    "M": "mail-user",
    "N": "job-name",
    "a": "begin",
    "e": "error",
    "o": "output",
    "q": "partition",
    "t": "array",
    "C": "", "S": "", "W": "", "c": "", "j": "", "k": "", "p": "", "u": "", "v": "",
}  # fmt: skip

#: `-l` 的资源：名字到 sbatch 的长选项。
_RESOURCES = {
    "mem": "mem",
    "ncpus": "mincpus",
    "pmem": "mem-per-cpu",
    "walltime": "time",
    "mppwidth": "ntasks",
    "mppdepth": "cpus-per-task",
    "mppnppn": "ntasks-per-node",
}

_MAIL = {"a": "FAIL", "b": "BEGIN", "e": "END"}


def directives(body: bytes) -> list[str]:
    """取出所有 `#PBS` 行，换成 sbatch 的词。

    异常：
        UsageError：不认得的选项，或选项没有值
    """
    words: list[str] = []
    for line in body.split(b"\n"):
        if line.startswith(_PREFIX):
            words += _translate(os.fsdecode(line[len(_PREFIX) :]).split())
        elif line.strip() and not line.lstrip().startswith(b"#"):
            break
    return words


def _translate(words: list[str]) -> list[str]:
    found: list[str] = []
    rest = iter(words)
    for word in rest:
        if word.startswith("#"):
            break
        letter = word[1:2] if word.startswith("-") else ""
        if letter in ("V", "z", "I", "X"):
            continue
        if letter == "h":
            found.append("--hold")
            continue
        if letter not in _WITH_VALUE and letter not in ("l", "m", "r"):
            raise UsageError(f"Invalid directive found in batch script: {word}", exit_code=255)
        value = word[2:] or next(rest, None)
        if value is None:
            raise UsageError(f"option requires an argument -- '{letter}'", exit_code=255)
        found += _option(letter, value)
    return found


def _option(letter: str, value: str) -> list[str]:
    if letter == "l":
        return [word for item in value.split(",") for word in _resource(item)]
    if letter == "m":
        events = [_MAIL[one] for one in value if one in _MAIL]
        return [f"--mail-type={','.join(events)}"] if events else []
    if letter == "r":
        return ["--requeue" if value.lower().startswith("y") else "--no-requeue"]
    name = _WITH_VALUE[letter]
    return [f"--{name}={value}"] if name else []


def _resource(item: str) -> list[str]:
    """`nodes=2:ppn=4`、`walltime=1:00:00` 这样的一项。"""
    name, _, value = item.partition("=")
    if name in ("nodes", "select") and value:
        count, *properties = value.split(":")
        words = [f"--nodes={count}"] if count.isdigit() else []
        for one in properties:
            key, _, number = one.partition("=")
            if key in ("ppn", "mpiprocs", "ncpus") and number.isdigit():
                words.append(f"--ntasks-per-node={number}")
        return words
    if name in _RESOURCES and value:
        return [f"--{_RESOURCES[name]}={value.removesuffix('b').removesuffix('B')}"]
    return []
