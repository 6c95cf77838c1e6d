"""`srun --pty` 与 `salloc` 的 shell：真的终端，键入的与看见的。"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Instance, command
from tests.conftest import wait_until
from tests.integration.stepd_pair import is_alive

#: 每一步至多等这么久，秒。
PATIENCE = 30.0


class Desk:
    """一个人坐在终端前：运行 `scns WORDS…`，键入，看。

    参数：
        size：行数与列数
    """

    def __init__(
        self, instance: Instance, *words: str, size: tuple[int, int] = (24, 80), **environ: str
    ) -> None:
        self.seen = b""
        control, terminal = os.openpty()
        self.control = control
        self.resize(*size)
        self.before = termios.tcgetattr(terminal)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(control)
                os.login_tty(terminal) if hasattr(os, "login_tty") else _login(terminal)
                os.chdir(instance.work)
                environment = instance.environment | {"PS1": "$ ", "TERM": "dumb"} | environ
                os.execvpe(command()[0], [*command(), *words], environment)
            finally:
                os._exit(127)
        self.terminal = terminal

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.control, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.control, text.encode())

    def look(self, seconds: float) -> bool:
        """看一眼；有新的返回真。"""
        if not select.select([self.control], [], [], seconds)[0]:
            return False
        self.seen += os.read(self.control, 65536)
        return True

    def until(self, text: str) -> str:
        """看到这段文字为止，返回到它为止的，此后从它后面看起。"""
        wanted = text.encode()
        deadline = time.monotonic() + PATIENCE
        while wanted not in self.seen:
            left = deadline - time.monotonic()
            if left <= 0 or not self.look(left):
                pytest.fail(f"no {text!r} in {self.seen!r}")
        found, _, self.seen = self.seen.partition(wanted)
        return (found + wanted).decode()

    def wait(self) -> int:
        """等它结束，返回等待状态；输出照看，免得写的一方停住。"""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.look(0.05)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.pid = 0
                while self.look(0):
                    continue
                return status
        pytest.fail(f"still running: {self.seen!r}")

    def restored(self) -> bool:
        """终端的样子与开始时一样。"""
        return termios.tcgetattr(self.terminal) == self.before

    def raw(self) -> bool:
        """终端在原始模式。"""
        return not termios.tcgetattr(self.terminal)[3] & termios.ICANON

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.terminal)
        os.close(self.control)


def _login(terminal: int) -> None:
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for target in (0, 1, 2):
        os.dup2(terminal, target)


@pytest.fixture
def sit(instance: Instance) -> Iterator[Any]:
    """坐到一个终端前运行一条命令。"""
    desks: list[Desk] = []

    def begin(*words: str, **options: Any) -> Desk:
        desks.append(Desk(instance, *words, **options))
        return desks[-1]

    yield begin
    for desk in desks:
        desk.close()
    wait_until(instance.idle, 30, "every allocation to be gone")


BASH = ("srun", "--pty", "bash", "--norc", "--noprofile", "--noediting")


def test_shell_has_a_terminal_of_the_same_size_as_its_controlling_one(sit: Any):
    desk = sit(*BASH, size=(33, 101))
    desk.until("$ ")
    desk.type("tty; stty size; echo $SLURM_PTY_WIN_ROW-$SLURM_PTY_WIN_COL; ps -o tty= -p $$\n")
    name = desk.until("33 101").split("\r\n")[-2]
    assert name.startswith("/dev/pts/")
    assert name != os.ttyname(desk.terminal)
    desk.until("33-101")
    desk.until(name.removeprefix("/dev/"))
    desk.type("exit 7\n")
    assert desk.wait() == 7 << 8
    assert b"task 0: Exited with exit code 7" in desk.seen
    assert desk.restored()


def test_window_follows_the_own_one(sit: Any):
    script = "trap 'stty size; exit 0' WINCH; echo up; while :; do sleep 0.05; done"
    desk = sit("srun", "--pty", "sh", "-c", script)
    desk.until("up")
    desk.resize(50, 132)
    desk.until("50 132")
    assert desk.wait() == 0


#: 一条命令，到了前台才说 ready；键入的那一行里没有这个词。此前按下的键会连同键入的一起被丢掉。
WAITING = "sh -c 'echo rea\"\"dy; exec sleep 100'\n"


def test_interrupt_and_stop_go_to_the_task(sit: Any):
    desk = sit(*BASH)
    desk.until("$ ")
    assert desk.raw()
    desk.type(WAITING)
    desk.until("ready")
    desk.type("\x03")
    desk.until("$ ")
    desk.type("echo gave $?\n")
    desk.until("gave 130")
    desk.until("$ ")
    desk.type(WAITING)
    desk.until("ready")
    desk.type("\x1a")
    desk.until("Stopped")
    desk.until("$ ")
    desk.type("kill -9 %1\n")
    desk.until("$ ")
    desk.type("exit 3\nexit 3\n")  # 头一次也许只说还有停着的作业
    assert desk.wait() == 3 << 8
    assert desk.restored()


def test_all_that_was_written_is_seen(sit: Any):
    desk = sit("srun", "-Q", "--pty", "seq", "30000")
    assert desk.wait() == 0
    assert desk.seen.split()[-1] == b"30000"
    assert len(desk.seen.split()) == 30000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_ended_srun_restores_the_terminal_and_leaves_nothing(
    instance: Instance, sit: Any, number: int
):
    desk = sit(*BASH)
    desk.until("$ ")
    desk.type("echo pid-$$-\n")
    desk.until("pid-$$-")
    desk.until("pid-")
    pid = int(desk.until("-")[:-1])
    os.kill(desk.pid, number)
    desk.wait()
    assert desk.restored()
    assert not is_alive(pid)


def test_killed_srun_leaves_nothing(instance: Instance, sit: Any):
    desk = sit("srun", "--pty", "sh", "-c", "echo $$ > p; exec sleep 100")
    path = instance.work / "p"
    pid = int(wait_until(lambda: path.exists() and path.read_text().strip(), 20, "the task"))
    os.kill(desk.pid, signal.SIGKILL)
    desk.wait()
    wait_until(lambda: not is_alive(pid), 10, "the task to be gone")


def test_stepd_that_dies_ends_srun_which_restores_the_terminal(instance: Instance, sit: Any):
    desk = sit("srun", "--pty", "sh", "-c", "echo up; exec sleep 100")
    desk.until("up")
    os.kill(instance.pid("stepd"), signal.SIGKILL)
    assert desk.wait() == 1 << 8
    assert b"srun: error: stepd closed the connection" in desk.seen
    assert desk.restored()


def test_cancelled_step_restores_the_terminal(instance: Instance, sit: Any):
    desk = sit("srun", "--pty", "sh", "-c", "echo $SLURM_JOB_ID > p; exec sleep 100")
    path = instance.work / "p"
    job_id = wait_until(lambda: path.exists() and path.read_text().strip(), 20, "the task")
    instance.ok("scancel", str(job_id))
    assert desk.wait() != 0
    assert desk.restored()


def test_only_task_zero_has_the_terminal(instance: Instance, sit: Any):
    script = "x=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2); echo $x > f$SLURM_PROCID"
    desk = sit("srun", "-Q", "-n2", "--pty", "sh", "-c", script)
    assert desk.wait() == 0
    first = (instance.work / "f0").read_text().split()
    assert len(set(first)) == 1
    assert first[0].startswith("/dev/pts/")
    assert (instance.work / "f1").read_text().split() == ["/dev/null"] * 3


def test_input_that_is_no_terminal_is_handed_on_whole(instance: Instance):
    done = instance.run("srun", "-Q", "--pty", "sh", "-c", "wc -c; tty <&1", stdin="x" * 100_000)
    count, name = done.stdout.split()
    assert (done.returncode, count) == (0, "100000")
    assert name.startswith("/dev/pts/")


def test_shell_without_input_ends(instance: Instance):
    assert instance.run("srun", "-Q", "--pty", "bash").returncode == 0


@pytest.mark.parametrize("option", ["input", "output", "error"])
def test_files_for_the_streams_and_a_terminal_exclude_each_other(instance: Instance, option: str):
    done = instance.run("srun", "--pty", f"--{option}=f", "true")
    assert done.returncode == 1
    assert done.stderr == f"srun: error: --{option} incompatible with --pty option\n"


def test_shell_of_salloc_takes_the_terminal_and_runs_steps_in_it(instance: Instance, sit: Any):
    desk = sit("salloc", "-n2", SHELL="/bin/sh")
    desk.until("Granted job allocation ")
    assert "job control" not in desk.until("$ ")
    words = " ".join(command())
    desk.type(f"{words} srun --pty -n1 sh -c 'tty; exit 5'; echo gave $?\n")
    assert "/dev/pts/" in desk.until("gave 5")
    desk.type("exit 4\n")
    desk.until("Relinquishing job allocation ")
    assert desk.wait() == 4 << 8
    assert desk.restored()
    wait_until(instance.idle, 10, "the allocation to be gone")
    assert not list(Path(instance.work).iterdir())
