"""`scontrol show`：按实体分派。"""

from __future__ import annotations

from scns.cli.scontrol.session import Session, matches
from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Shower = Callable[[Session, str | None], None]


def show(session: Session, words: list[str]) -> None:
    """打印一种实体的一个或全部记录；`words` 是 `show` 自己与其后的词。"""
    if len(words) < 2:
        session.complain(f"too few arguments for keyword:{words[0]}")
        return
    if len(words) > 3:
        session.complain(f"too many arguments for keyword:{words[0]}")
        return
    entity, equals, value = words[1].partition("=")
    wanted = value if equals else words[2] if len(words) == 3 else None
    for name, minimum, shower in ENTITIES:
        if matches(entity, name, minimum):
            shower(session, wanted)
            return
    session.complain(f"invalid entity:{words[1]} for keyword:{words[0]} ")


def _jobs(session: Session, wanted: str | None) -> None:
    from scns.cli.scontrol.show_job import show_jobs

    show_jobs(session, wanted)


def _nodes(session: Session, wanted: str | None) -> None:
    from scns.cli.scontrol.show_node import show_nodes

    show_nodes(session, wanted)


def _partitions(session: Session, wanted: str | None) -> None:
    from scns.cli.scontrol.show_partition import show_partitions

    show_partitions(session, wanted)


def _steps(session: Session, wanted: str | None) -> None:
    from scns.cli.scontrol.show_step import show_steps

    show_steps(session, wanted)


def _config(session: Session, wanted: str | None) -> None:
    from scns.cli.scontrol.show_config import show_config

    show_config(session, wanted)


def _host_names(session: Session, wanted: str | None) -> None:
    from scns.cli.scontrol.hosts import show_hostnames

    show_hostnames(session, wanted)


def _host_list(session: Session, wanted: str | None) -> None:
    from scns.cli.scontrol.hosts import show_hostlist

    show_hostlist(session, wanted)


def _sorted_host_list(session: Session, wanted: str | None) -> None:
    from scns.cli.scontrol.hosts import show_hostlist_sorted

    show_hostlist_sorted(session, wanted)


def _licenses(session: Session, wanted: str | None) -> None:
    from scns.cli.scontrol.show_license import show_licenses

    show_licenses(session, wanted)


def _aliases(session: Session, wanted: str | None) -> None:
    """节点的名字就是主机名，没有别名。"""
    import os

    host = wanted or os.uname().nodename.partition(".")[0]
    rows = session.rows("SELECT n.name FROM scns.node_list n WHERE n.name = %s", (host,))
    session.say("".join(f"{name}\n" for (name,) in rows))


def _daemons(session: Session, _: str | None) -> None:
    session.say("slurmctld slurmd\n")


def _reservations(session: Session, wanted: str | None) -> None:
    if wanted is None:
        session.say("No reservations in the system\n")
        return
    session.exit_code = 1
    if not session.quiet:
        session.say(f"Reservation {wanted} not found\n")


def _topology(session: Session, _: str | None) -> None:
    session.say("No topology information available\n")


def _federations(session: Session, _: str | None) -> None:
    session.say("No federations found\n")


def _refuse(_: Session, __: str | None) -> None:
    raise UsageError("this entity is not supported: see scns status and scns doctor")


def _nothing(_: Session, __: str | None) -> None:
    """突发缓冲、前端节点之类：scns 没有，Slurm 没有配置时也什么都不印。"""


#: 名字、至少几个字母、打印的函数；次序就是缩写有歧义时的先后。
ENTITIES: tuple[tuple[str, int, Shower], ...] = (
    ("aliases", 1, _aliases),
    ("bbstat", 2, _nothing),
    ("dwstat", 2, _nothing),
    ("burstbuffer", 2, _nothing),
    ("assoc_mgr", 2, _refuse),
    ("cache", 2, _refuse),
    ("config", 1, _config),
    ("daemons", 1, _daemons),
    ("federations", 1, _federations),
    ("frontendname", 1, _nothing),
    ("hostnames", 5, _host_names),
    ("hostlist", 5, _host_list),
    ("hostlistsorted", 9, _sorted_host_list),
    ("jobs", 1, _jobs),
    ("jobid", 1, _jobs),
    ("licenses", 2, _licenses),
    ("nodes", 1, _nodes),
    ("partitions", 2, _partitions),
    ("partitionname", 2, _partitions),
    ("reservations", 1, _reservations),
    ("reservationname", 1, _reservations),
    ("slurmd", 2, _refuse),
    ("steps", 2, _steps),
    ("topology", 1, _topology),
)
