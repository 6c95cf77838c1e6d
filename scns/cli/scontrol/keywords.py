"""scontrol 的关键词：缩写、参数个数，分派到各自的模块。来源：scontrol(1) “COMMANDS”。"""

from __future__ import annotations

from scns.cli.scontrol.session import Session, matches
from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    #: 会话、关键词的全名、参数。
    Action = Callable[[Session, str, list[str]], None]

#: 参数再多也行。
_MANY = 1 << 20


def process(session: Session, words: list[str]) -> None:
    """执行一条命令；`words` 的第一个是关键词。"""
    word, *arguments = words
    for name, minimum, few, many, action in ACTIONS:
        if not matches(word, name, minimum):
            continue
        if len(arguments) < few:
            session.complain(f"too few arguments for keyword:{word}")
        elif len(arguments) > many:
            session.complain(f"too many arguments for keyword:{word}")
        else:
            action(session, name, arguments)
        return
    session.insist(f"invalid keyword: {word}")


def _show(session: Session, name: str, arguments: list[str]) -> None:
    from scns.cli.scontrol.show import show

    show(session, [name, *arguments])


def _hold(session: Session, name: str, arguments: list[str]) -> None:
    from scns.cli.scontrol.act import hold

    hold(session, "uhold" if name == "holdu" else name, arguments)


def _requeue(session: Session, name: str, arguments: list[str]) -> None:
    from scns.cli.scontrol.act import requeue

    requeue(session, arguments, held=name == "requeuehold")


def _suspend(session: Session, name: str, arguments: list[str]) -> None:
    from scns.cli.scontrol.act import suspend

    suspend(session, name, arguments)


def _top(session: Session, _: str, arguments: list[str]) -> None:
    from scns.cli.scontrol.act import top

    top(session, arguments[0])


def _update(session: Session, _: str, arguments: list[str]) -> None:
    from scns.cli.scontrol.update import update

    update(session, arguments)


def _create(session: Session, _: str, arguments: list[str]) -> None:
    from scns.cli.scontrol.update import create

    create(session, arguments)


def _delete(session: Session, _: str, arguments: list[str]) -> None:
    from scns.cli.scontrol.update import delete

    delete(session, arguments)


def _daemon(session: Session, name: str, arguments: list[str]) -> None:
    from scns.cli.scontrol.daemon import command

    command(session, name, arguments)


def _ping(session: Session, _: str, __: list[str]) -> None:
    from scns.cli.scontrol.show_config import ping

    ping(session)


def _write(session: Session, _: str, arguments: list[str]) -> None:
    from scns.cli.scontrol.script import write

    write(session, arguments)


def _wait_job(session: Session, _: str, arguments: list[str]) -> None:
    from scns.cli.scontrol.waiting import wait_job

    wait_job(session, arguments[0])


def _list_pids(session: Session, _: str, arguments: list[str]) -> None:
    from scns.cli.scontrol.processes import list_pids

    list_pids(session, arguments)


def _version(session: Session, _: str, __: list[str]) -> None:
    from scns.cli.stop import VERSION

    session.say(VERSION + "\n")


def _help(session: Session, _: str, __: list[str]) -> None:
    from scns.cli.help import help_text
    from scns.cli.tables.scontrol import KEYWORDS, TABLE

    lines = [f"     {name + ' ' + argument:<24} {text}" for name, argument, text, _ in KEYWORDS]
    session.say(help_text(TABLE) + "\n    Valid <COMMAND> values are:\n")
    session.say("\n".join(lines) + "\n")


def _exit(session: Session, _: str, __: list[str]) -> None:
    session.finished = True


def _set(session: Session, name: str, _: list[str]) -> None:
    """交互时改变以后各条命令的样子。"""
    if name == "details":
        session.details = True
    elif name == "hide":
        session.details = False
    elif name == "oneliner":
        session.one_line = True
    elif name in ("quiet", "verbose"):
        session.quiet = name == "quiet"
        session.verbose = not session.quiet


def _cluster(session: Session, _: str, arguments: list[str]) -> None:
    from scns.cli.control import check_clusters

    if arguments:
        check_clusters(session.connection, arguments[0])


def _refuse(_: Session, name: str, __: list[str]) -> None:
    raise UsageError(f"{name} is not supported: scns has no such operation")


#: 名字、至少几个字母、参数至少与至多几个、做什么；次序就是缩写有歧义时的先后。
ACTIONS: tuple[tuple[str, int, int, int, Action], ...] = (
    ("abort", 5, 0, _MANY, _refuse),
    ("all", 2, 0, _MANY, _set),
    ("cancel_reboot", 3, 0, _MANY, _refuse),
    ("completing", 2, 0, _MANY, _refuse),
    ("cluster", 2, 0, 1, _cluster),
    ("create", 2, 1, _MANY, _create),
    ("details", 1, 0, 0, _set),
    ("errnumstr", 2, 0, _MANY, _refuse),
    ("exit", 2, 0, _MANY, _exit),
    ("help", 2, 0, _MANY, _help),
    ("hide", 2, 0, _MANY, _set),
    ("oneliner", 1, 0, 0, _set),
    ("pidinfo", 3, 0, _MANY, _refuse),
    ("ping", 3, 0, 0, _ping),
    ("quiet", 4, 0, _MANY, _set),
    ("quit", 4, 0, _MANY, _exit),
    ("reboot_nodes", 3, 0, _MANY, _refuse),
    ("reconfigure", 3, 0, 1, _daemon),
    ("requeue", 3, 1, _MANY, _requeue),
    ("requeuehold", 11, 1, _MANY, _requeue),
    ("hold", 4, 1, _MANY, _hold),
    ("holdu", 5, 1, _MANY, _hold),
    ("uhold", 5, 1, _MANY, _hold),
    ("release", 3, 1, _MANY, _hold),
    ("suspend", 2, 1, _MANY, _suspend),
    ("resume", 3, 1, _MANY, _suspend),
    ("top", 3, 1, 1, _top),
    ("token", 3, 0, _MANY, _refuse),
    ("wait_job", 2, 1, 1, _wait_job),
    ("setdebugflags", 9, 0, _MANY, _refuse),
    ("setdebug", 2, 0, _MANY, _refuse),
    ("schedloglevel", 3, 0, _MANY, _refuse),
    ("show", 3, 0, _MANY, _show),
    ("write", 5, 1, 3, _write),
    ("takeover", 8, 0, _MANY, _refuse),
    ("shutdown", 8, 0, 1, _daemon),
    ("update", 1, 1, _MANY, _update),
    ("delete", 1, 1, _MANY, _delete),
    ("verbose", 4, 0, _MANY, _set),
    ("version", 4, 0, _MANY, _version),
    ("listpids", 1, 0, 2, _list_pids),
    ("notify", 1, 0, _MANY, _refuse),
)
