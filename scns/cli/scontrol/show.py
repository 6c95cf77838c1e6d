"""`scontrol show`：按实体分派。"""

from __future__ import annotations

from scns.cli.scontrol.session import Session, matches

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
    for name, minimum, shower in _ENTITIES:
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


#: 名字、至少几个字母、打印的函数；次序就是缩写有歧义时的先后。
_ENTITIES: tuple[tuple[str, int, Shower], ...] = (
    ("jobs", 1, _jobs),
    ("jobid", 1, _jobs),
    ("nodes", 1, _nodes),
    ("partitions", 2, _partitions),
    ("partitionname", 2, _partitions),
)
