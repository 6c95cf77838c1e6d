"""salloc：取得分配，在这里运行一条命令，交还。来源：salloc(1) 22.05 版。"""

from __future__ import annotations

import errno
import os
import select
import signal
import sys

from scns.cli.launch import demand
from scns.cli.tables.salloc import TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.launch.allocation import Held
    from scns.cli.launch.wake import Wake
    from scns.cli.options import Parsed

#: 命令死于这几个信号多半是用户自己要的，不算错。
_WANTED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)


def run(words: list[str]) -> int:
    """取得分配，运行命令，返回它的退出码。"""
    return demand.run(_run, words)


def _run(words: list[str]) -> int:
    asked = demand.read(TABLE, words, _name)
    if asked is None:
        return 0
    if "no-shell" in asked.merged.chosen:
        asked.built["options"]["no_shell"] = True
    command = asked.merged.operands or [os.environ.get("SHELL") or "/bin/sh"]
    return _allocate(asked.merged, asked.built, command)


def _name(merged: Parsed) -> str:
    # 没有命令时作业叫 interactive，与 Slurm 相同
    return os.path.basename(merged.operands[0]) if merged.operands else "interactive"


def _allocate(merged: Parsed, built: dict[str, object], command: list[str]) -> int:
    from scns.cli.launch import allocation
    from scns.cli.launch.wake import ENDING, Wake

    wake = Wake((signal.SIGINT, signal.SIGCHLD, *ENDING))
    held = allocation.obtain("salloc", merged, built, wake)
    quiet = "quiet" in merged.chosen
    if not quiet:
        _say(f"Granted job allocation {held.job}")
    if held.channel is None:
        return 0
    session = Session(held, wake, merged)
    status = 1 << 8
    try:
        status = session.run(command, str(built["directory"]))
    finally:
        if not quiet and not session.revoked:
            _say(f"Relinquishing job allocation {held.job}")
        held.release(status)
    return _exit_code(status)


class Session:
    """分配里运行着的一条命令。"""

    def __init__(self, held: Held, wake: Wake, merged: Parsed) -> None:
        self._held = held
        self._wake = wake
        self._interactive = not merged.operands and os.isatty(0)
        self._signal = _kill_signal(merged, self._interactive)
        #: 分配被收回了：取消，或到了时限。
        self.revoked = False

    def run(self, command: list[str], directory: str) -> int:
        """运行命令，返回它的等待状态；找不到的是 1。"""
        environment = dict(os.environ)
        for name, value in self._held.variables.items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        sys.stdout.flush()
        pid = self._spawn(command, directory, environment)
        if pid is None:
            _say(f'error: _fork_command: Unable to find command "{command[0]}"')
            return 1 << 8
        try:
            return self._watch(pid)
        finally:
            if self._interactive:
                _take_terminal(os.getpgrp())

    def _spawn(self, command: list[str], directory: str, environment: dict[str, str]) -> int | None:
        """起命令；找不到时返回 None。交互的自成一组，拿着终端，与 shell 起作业一样。"""
        inner, outer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                if self._interactive:
                    os.setpgid(0, 0)
                    _take_terminal(os.getpid())
                for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_DFL)
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                os.chdir(directory)
                os.execvpe(command[0], command, environment)  # noqa: S606
            except OSError as error:
                os.write(outer, str(error.errno or errno.ENOENT).encode())
            finally:
                os._exit(1)
        os.close(outer)
        failed = os.read(inner, 16)
        os.close(inner)
        if failed:
            os.waitpid(pid, 0)
            return None
        return pid

    def _watch(self, pid: int) -> int:
        """等命令结束；分配被收回时照 `-K` 给它信号，要我们结束时替它传话。"""
        channel = self._held.channel
        if channel is not None and channel.pending:
            self._hear(pid)
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return status
            poller = select.poll()
            poller.register(self._wake.fileno(), select.POLLIN)
            if channel is not None and not self.revoked:
                poller.register(channel.fileno(), select.POLLIN)
            ready = {descriptor for descriptor, _ in poller.poll()}
            for number in self._wake.take():
                if number not in (signal.SIGINT, signal.SIGCHLD):
                    _signal(pid, number)
            if channel is not None and channel.fileno() in ready and not self.revoked:
                self._hear(pid)

    def _hear(self, pid: int) -> None:
        from scns.cli.launch.channel import Closed

        channel = self._held.channel
        try:
            messages = [] if channel is None else channel.receive()
        except Closed:
            messages = [{"op": "revoked"}]
        if any(message["op"] in ("ending", "revoked") for message in messages):
            self.revoked = True
            _say(f"Job allocation {self._held.job} has been revoked.")
            if self._signal is not None:
                _signal(pid, self._signal)


def _kill_signal(merged: Parsed, interactive: bool) -> int | None:
    """分配被收回时给命令的信号；没有说的，只有交互的 shell 得到 HUP。"""
    if "kill-command" not in merged.chosen:
        return signal.SIGHUP if interactive else None
    from scns.signals import parse_signal

    return parse_signal(merged.text("kill-command") or "TERM")


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _take_terminal(group: int) -> None:
    """让这一组成为终端的前台；后台的进程做这件事会收到 TTOU，先挡住。"""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        os.tcsetpgrp(0, group)
    except OSError:
        pass
    finally:
        signal.signal(signal.SIGTTOU, before)


def _exit_code(status: int) -> int:
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status)
    return 0 if os.WTERMSIG(status) in _WANTED else 1


def _say(text: str) -> None:
    sys.stderr.write(f"salloc: {text}\n")
    sys.stderr.flush()
