"""寄信：把数据库里等着的信交给 MailProg，不等它。

触发器写下事实（`scns.write_mail`），这里只排出标题、核对收信人、启动程序。程序直接执行，
不经过 shell，以 scnsd 自己（没有特权）的身份运行。标题与 Slurm 22.05 的 agent.c 相同。
来源：sbatch(1) `--mail-type`，slurm.conf(5) `MailProg`、`MailDomain`。
"""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scns.db import control
from scns.times import elapsed

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

#: 事件在标题里的说法。
_SAID = {
    "BEGIN": "Began",
    "END": "Ended",
    "FAIL": "Failed",
    "REQUEUE": "Requeued",
    "INVALID_DEPEND": "Invalid dependency",
    "TIME_LIMIT": "Reached time limit",
    "TIME_LIMIT_90": "Reached 90% of time limit",
    "TIME_LIMIT_80": "Reached 80% of time limit",
    "TIME_LIMIT_50": "Reached 50% of time limit",
    "STAGE_OUT": "Staged Out",
}

#: 收信人：名字或地址，逗号隔开。以 `-` 开头会被当成选项，`|`、`/` 会被 mail 当成程序与文件。
_RECIPIENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._%+=-]*(?:@[A-Za-z0-9][A-Za-z0-9.-]*)?")

#: 同时至多几个程序，一个至多多少秒。
_MOST, _PATIENCE = 8, 60.0

#: 有程序在跑而信还没寄完时，隔多少秒再看。
LOOK_AGAIN = 0.5

#: 没有配置的 MailProg 时依次找的程序。
_FALLBACKS = ("mail", "mailx", "/usr/sbin/sendmail")

#: 程序的环境里不带 scnsd 的任何变量。
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}


def subject(kind: str, facts: Mapping[str, Any]) -> str:
    """标题，例如 `Slurm Job_id=42 Name=x Ended, Run time 00:00:07, COMPLETED, ExitCode 0`。

    参数：
        facts：`scns.write_mail` 记下的
    """
    ended = kind in ("END", "FAIL", "REQUEUE")
    name = "".join(char if char.isprintable() else " " for char in facts["name"])
    said = _SAID[kind]
    if facts["summary"]:
        who = f"Slurm Array Summary Job_id={facts['array_job_id']}_* ({facts['job_id']})"
        return f"{who} Name={name} {said}{_summary(facts) if ended else ''}"
    who = f"Slurm Job_id={facts['job_id']}"
    if facts["array_task_id"] is not None:
        task = f"{facts['array_job_id']}_{facts['array_task_id']}"
        who = f"Slurm Array Task Job_id={task} ({facts['job_id']})"
    took = ""
    if kind == "BEGIN" and facts["queued"] is not None:
        took = f", Queued time {_clock(facts['queued'])}"
    elif kind not in ("BEGIN", "INVALID_DEPEND", "STAGE_OUT") and facts["run"] is not None:
        took = f", Run time {_clock(facts['run'])}"
    ending = ""
    if ended:
        code = "" if facts["exit_signal"] else f", ExitCode {facts['exit_code'] or 0}"
        ending = f", {facts['state']}{code}"
    return f"{who} Name={name} {said}{took}{ending}"


def _summary(facts: Mapping[str, Any]) -> str:
    lowest, highest = facts["lowest"] or 0, facts["highest"] or 0
    state = "Mixed" if lowest == 0 < highest else facts["state"]
    return f", {state}, ExitCode [{lowest}-{highest}]"


def _clock(seconds: int) -> str:
    """`时:分:秒`，一天以上带 `日-`；slurm 的 secs2time_str。"""
    return elapsed(max(seconds, 0))


def recipient(facts: Mapping[str, Any], domain: str | None) -> str | None:
    """收信人；没有指名的是属主，补上 MailDomain。不像收信人的为 None，不寄。"""
    named = facts["recipient"]
    if named is None:
        named = facts["owner"] if domain is None else f"{facts['owner']}@{domain}"
    fine = all(_RECIPIENT.fullmatch(one) for one in named.split(","))
    return str(named) if fine else None


@dataclass(slots=True)
class Mailer:
    """寄信的程序，与正在跑的几个。

    参数：
        program：`MailProg=`；domain：`MailDomain=`
    """

    program: str
    domain: str | None = None
    _running: dict[subprocess.Popen[bytes], float] = field(default_factory=dict)
    _complained: bool = False

    def deliver(self, cursor: Any) -> bool:
        """收走结束的，再把等着的交出去；还有没交出去的返回 True。

        交出去就从数据库删掉：scnsd 死在两者之间，这一封会寄两次。
        """
        self._reap()
        room = _MOST - len(self._running)
        if room <= 0:
            return True
        cursor.execute(control.WAITING_MAIL, {"limit": room + 1})
        waiting = cursor.fetchall()
        for _, kind, facts in waiting[:room]:
            self._send(kind, facts)
        if waiting:
            cursor.execute(control.FORGET_MAIL, {"ids": [row[0] for row in waiting[:room]]})
        return len(waiting) > room

    def busy(self) -> bool:
        """还有程序在跑。"""
        self._reap()
        return bool(self._running)

    def _reap(self) -> None:
        now = time.monotonic()
        for child, since in list(self._running.items()):
            if child.poll() is None and now - since > _PATIENCE:
                log.warning("mail program (pid %d) takes too long; killing it", child.pid)
                child.kill()
                child.wait()
            if child.returncode is not None:
                if child.returncode:
                    log.warning("mail program ended with %d", child.returncode)
                del self._running[child]

    def _send(self, kind: str, facts: Mapping[str, Any]) -> None:
        to = recipient(facts, self.domain)
        if to is None:
            log.warning("job %d: not mailing to %r", facts["job_id"], facts["recipient"])
            return
        program = self._find()
        if program is None:
            return
        title = subject(kind, facts)
        letter = b""
        command = [program, "-s", title, to]
        if program.endswith("sendmail"):
            command = [program, "-i", *to.split(",")]
            letter = f"To: {to}\nSubject: {title}\n\n".encode()
        log.info("mailing %s: %s", to, title)
        try:
            child = subprocess.Popen(
                command,
                cwd="/",
                env=_ENVIRONMENT | _variables(kind, facts),
                stdin=subprocess.PIPE if letter else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            log.error("cannot run %s: %s", program, error)
            return
        if child.stdin is not None:
            # 比管道的容量小得多，写了就走，不会等
            child.stdin.write(letter)
            child.stdin.close()
        self._running[child] = time.monotonic()

    def _find(self) -> str | None:
        for name in (self.program, *_FALLBACKS):
            found = shutil.which(name, path=_ENVIRONMENT["PATH"])
            if found is not None:
                return found
        if not self._complained:
            log.error("no mail program: %s is not there, nor mail, mailx or sendmail", self.program)
            self._complained = True
        return None


def _variables(kind: str, facts: Mapping[str, Any]) -> dict[str, str]:
    """MailProg 可以看的变量。来源：slurm.conf(5) `MailProg`。"""
    found = {
        "SLURM_JOB_ID": facts["job_id"],
        "SLURM_ARRAY_JOB_ID": facts["array_job_id"],
        "SLURM_ARRAY_TASK_ID": facts["array_task_id"],
        "SLURM_JOB_NAME": facts["name"],
        "SLURM_JOB_USER": facts["owner"],
        "SLURM_JOB_STATE": facts["state"],
        "SLURM_JOB_EXIT_CODE": facts["exit_code"],
        "SLURM_JOB_MAIL_TYPE": _SAID[kind],
    }
    return {name: str(value) for name, value in found.items() if value is not None}
