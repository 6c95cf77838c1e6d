"""`scontrol update`、`create` 与 `delete`：认出要动的是什么，分派。来源：scontrol(1)。"""

from __future__ import annotations

from scns.cli import control
from scns.cli.scontrol.session import Session, matches
from scns.errors import InvalidInput, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_NO_ENTITY = (
    "No valid entity in update command\n"
    'Input line must include "NodeName", "PartitionName", "Reservation", "JobId", or'
    ' "SlurmctldDebug"'
)

_NO_FORM = "Proper format is 'delete <ENTITY>=<ID>' or 'delete <ENTITY> <ID>'"

_NO_RESERVATIONS = "reservations are not supported yet"
_NO_NODES = "nodes are defined in the configuration file: change it, then scontrol reconfigure"


def update(session: Session, words: list[str]) -> None:
    """改作业、节点或分区。

    作业优先：改作业时也可以写分区与节点。

    异常：
        InvalidInput：没有说要改什么，或值不对
    """
    tags = _tags(words)

    def named(*names: tuple[str, int]) -> bool:
        return any(matches(tag, name, minimum) for tag in tags for name, minimum in names)

    if named(("JobId", 3), ("JobName", 3)):
        from scns.cli.scontrol.update_job import update_jobs

        update_jobs(session, words)
    elif named(("ReservationName", 3)):
        raise UsageError(_NO_RESERVATIONS)
    elif named(("NodeName", 3)):
        from scns.cli.scontrol.update_node import update_nodes

        update_nodes(session, words)
    elif named(("PartitionName", 3)):
        from scns.cli.scontrol.update_partition import update_partition

        update_partition(session, words)
    else:
        raise InvalidInput(_NO_ENTITY, style="bare")


def _tags(words: Sequence[str]) -> list[str]:
    """各个键；没有 `=` 的键后面那个词是它的值。"""
    tags = []
    skip = False
    for word in words:
        tag, equals, _ = word.partition("=")
        if not skip:
            tags.append(tag)
        skip = not equals and not skip and not matches(tag, "Nice", 2)
    return tags


def create(session: Session, words: list[str]) -> None:
    """新建分区；节点由配置文件定义。

    异常：
        InvalidInput：要建的东西不认识
    """
    for word in words:
        tag = word.partition("=")[0]
        if matches(tag, "NodeName", 3):
            raise UsageError(_NO_NODES)
        if matches(tag, "PartitionName", 3):
            from scns.cli.scontrol.update_partition import create_partition

            create_partition(session, words)
            return
        if matches(tag, "ReservationName", 3):
            raise UsageError(_NO_RESERVATIONS)
    raise InvalidInput(f"Invalid creation entity: {words[0]}")


def delete(session: Session, words: list[str]) -> None:
    """删掉分区。

    异常：
        InvalidInput：写法不对，或要删的东西不认识
    """
    tag, equals, value = words[0].partition("=")
    if len(words) == 2 and not equals:
        value = words[1]
    elif len(words) != 1 or not equals:
        raise InvalidInput(_NO_FORM)
    if matches(tag, "NodeName", 3):
        raise UsageError(_NO_NODES)
    if matches(tag, "ReservationName", 3):
        raise UsageError(_NO_RESERVATIONS)
    if not matches(tag, "PartitionName", 3):
        raise InvalidInput(f"Invalid deletion entity: {words[0]}", style="bare")
    [sentence] = control.ask(session.connection, "delete_partition", [{"partition": value}])
    if sentence is not None:
        session.insist(f"delete_partition {words[0]}: {sentence}")
