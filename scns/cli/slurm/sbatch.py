"""sbatch：提交批处理脚本。来源：sbatch(1) 22.05 版。

脚本与环境在打印作业号之前已经提交到数据库；之后删掉脚本文件也不要紧。
"""

from __future__ import annotations

import os
import sys

from scns import export, script
from scns.cli import context, control, request
from scns.cli.options import collect, parse
from scns.cli.stop import answer
from scns.cli.tables.sbatch import TABLE
from scns.db import connect
from scns.errors import RequestRefused, ScnsError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Parsed

#: `SLURM_EXIT_ERROR` 取代用法与提交错误的退出码。
_EXIT_ERROR = "SLURM_EXIT_ERROR"

_SUBMIT = "SELECT scns.submit(%s::jsonb, %s, %s)"


def run(words: list[str]) -> int:
    """提交一个脚本，返回退出码。"""
    try:
        return _run(words)
    except ScnsError as error:
        text = os.environ.get(_EXIT_ERROR, "")
        if text.isascii() and text.isdigit():
            error.exit_code = int(text) & 0xFF
        raise


def _run(words: list[str]) -> int:
    try:
        return _submit_words(words)
    except connect.Refused as refused:
        lead = "" if refused.detail is None else refused.detail + "\n"
        raise _failed(lead, refused) from None
    except RequestRefused as refused:
        raise _failed("", refused) from None


def _failed(lead: str, refused: RequestRefused) -> ScnsError:
    return ScnsError(f"{lead}Batch job submission failed: {refused.message}")


def _submit_words(words: list[str]) -> int:
    parsed = parse(TABLE, words)
    text = answer(TABLE, parsed)
    if text is not None:
        sys.stdout.write(text)
        return 0
    path, body = _read_script(parsed)
    directives = []
    if parsed.text("wrap") is None:
        directives = script.directives(body, path or "/dev/stdin")
        # 绝大多数脚本没有 #PBS 行，不必为它们装载那个模块
        if b"#PBS" in body and not _ignores_pbs(parsed, directives):
            from scns import pbs

            directives += pbs.directives(body)
    merged = collect(TABLE, parsed, directives, os.environ)
    here = context.here(
        "sbatch",
        words,
        name=_default_name(parsed, path),
        script=path,
        arguments=parsed.operands[1:],
    )
    built = request.build(merged, here)
    for warning in here.warnings:
        sys.stderr.write(f"sbatch: {warning}\n")
    environment = _environment(merged)
    connection = connect.connect()
    cluster = merged.text("clusters")
    if cluster is not None:
        control.check_clusters(connection, cluster)
    if "for_uid" in built:
        # 替谁提交，谁就要先登记过；拒绝的句子留给 submit 去说
        control.ask(connection, "enrol", [{"uid": built["for_uid"]}], command="sbatch")
    if "test-only" in merged.chosen:
        from scns.cli.slurm import estimate

        return estimate.report("sbatch", connection, built)
    [(job_id,)] = connect.call(connection, _SUBMIT, (control.encode(built), body, environment))
    if "quiet" not in merged.chosen:
        named = f"{job_id};{cluster}" if cluster is not None else str(job_id)
        line = named if "parsable" in merged.chosen else f"Submitted batch job {job_id}"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    if "wait" in merged.chosen:
        from scns.cli.slurm import wait

        return wait.until_ended(connection, job_id)
    return 0


def _ignores_pbs(parsed: Parsed, directives: list[str]) -> bool:
    return (
        "ignore-pbs" in parsed.chosen
        or "SBATCH_IGNORE_PBS" in os.environ
        or "--ignore-pbs" in directives
    )


def _read_script(parsed: Parsed) -> tuple[str | None, bytes]:
    """脚本的路径与内容；来自标准输入或 `--wrap` 时路径为 None。"""
    command = parsed.text("wrap")
    if command is not None:
        if parsed.operands:
            raise UsageError(
                "Script arguments not permitted with --wrap option", exit_code=TABLE.exit_code
            )
        return None, script.wrap(command)
    if not parsed.operands:
        body = _read(sys.stdin.fileno())
        script.check_script(body)
        return None, body
    path = _find(parsed.operands[0])
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise script.InvalidScript(f"Unable to open file {parsed.operands[0]}") from None
    try:
        body = _read(descriptor)
    finally:
        os.close(descriptor)
    script.check_script(body)
    return os.path.abspath(path), body


def _read(descriptor: int) -> bytes:
    """读到底，但不超过上限多一字节：够看出脚本太大就行。"""
    pieces = []
    left = script.MAX_SIZE + 1
    while left > 0:
        try:
            piece = os.read(descriptor, min(left, 1 << 20))
        except OSError:
            break  # 目录：Slurm 把它当作空脚本
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _find(name: str) -> str:
    """脚本的路径；不带斜线又不在当前目录的名字到 PATH 里找。"""
    if "/" in name or os.path.exists(name):
        return name
    for directory in os.environ.get("PATH", "").split(os.pathsep):
        candidate = os.path.join(directory, name)
        if os.path.isfile(candidate) and os.access(candidate, os.R_OK | os.X_OK):
            return candidate
    return name


def _default_name(parsed: Parsed, path: str | None) -> str:
    if parsed.text("wrap") is not None:
        return "wrap"
    return "sbatch" if path is None else os.path.basename(path)


def _environment(merged: Parsed) -> bytes:
    """作业的环境，`NAME=VALUE` 以 NUL 相隔。

    异常：
        UnreadableExportFile：`--export-file` 指的文件读不了
    """
    name = merged.text("export-file")
    found = export.exported(
        merged.text("export"), os.environb, None if name is None else _export_file(name)
    )
    if found.get_user_env or "get-user-env" in merged.chosen:
        for variable, value in _login_variables().items():
            found.variables.setdefault(variable, value)
    return found.block()


def _export_file(name: str) -> bytes:
    """`--export-file` 的内容：一个文件，或一个打开着的描述符的号码。"""
    try:
        descriptor = int(name) if name.isdigit() else os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        with open(descriptor, "rb") as stream:
            return stream.read(export.MAX_SIZE + 1)
    except OSError:
        raise export.UnreadableExportFile(name) from None


def _login_variables() -> dict[bytes, bytes]:
    """登录时会有的变量。来源：login(1)。"""
    import pwd

    person = pwd.getpwuid(os.getuid())
    return {
        b"HOME": os.fsencode(person.pw_dir),
        b"USER": os.fsencode(person.pw_name),
        b"LOGNAME": os.fsencode(person.pw_name),
        b"SHELL": os.fsencode(person.pw_shell or "/bin/sh"),
        b"PATH": b"/usr/local/bin:/usr/bin:/bin",
    }
