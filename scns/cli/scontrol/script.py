"""`scontrol write batch_script`：取回提交时存下的脚本。来源：scontrol(1)。"""

from __future__ import annotations

import os
import sys

from scns.arrays import InvalidJobRef, parse_job_ref
from scns.cli.scontrol.session import Session, matches
from scns.errors import RequestRefused

_FAILED = "job script retrieval failed"


def write(session: Session, words: list[str]) -> None:
    """把脚本写进文件，`-` 是标准输出。

    没有写文件名时是 `slurm-JOB.sh`。取不到脚本时只说一声，退出码与 Slurm 一样仍是 0。
    """
    kind, *arguments = words
    if not matches(kind, "batch_script", 5):
        session.insist(f"invalid write argument:{kind}")
        return
    if not arguments:
        session.insist("too few arguments for keyword:write")
        return
    name = arguments[0]
    path = arguments[1] if len(arguments) > 1 else f"slurm-{name}.sh"
    try:
        ref = parse_job_ref(name)
        [(body,)] = session.rows("SELECT scns.batch_script(%s)", (ref.job_id,))
    except InvalidJobRef:
        session.warn(f"{_FAILED}: Invalid job id specified")
        return
    except RequestRefused as error:
        session.warn(f"{_FAILED}: {error.message}")
        return
    _save(session, name, path, bytes(body))


def _save(session: Session, name: str, path: str, body: bytes) -> None:
    if path == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
        return
    try:
        with open(path, "wb") as stream:
            stream.write(body)
    except OSError as error:
        session.insist(f"failed to open file `{path}`: {os.strerror(error.errno or 0)}")
        return
    if not session.quiet:
        session.say(f"batch script for job {name} written to {path}\n")
