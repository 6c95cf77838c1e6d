"""`scontrol reconfigure` 与 `shutdown`：请 scnsd 重读配置或停下。来源：scontrol(1)。"""

from __future__ import annotations

from scns.cli import control
from scns.cli.scontrol.session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.control import Json


def command(session: Session, verb: str, arguments: list[str]) -> None:
    """提出请求，说错误。

    参数：
        arguments：`shutdown` 之后可以是 `slurmctld` 或 `controller`，只停排计划的
    """
    argument: dict[str, Json] = {}
    if verb == "shutdown":
        if arguments and arguments[0] not in ("slurmctld", "controller"):
            session.insist(f"invalid shutdown argument:{arguments[0]}")
            return
        argument["daemons"] = "controller" if arguments else "all"
    [sentence] = control.ask(session.connection, verb, [], argument)
    if sentence is not None:
        session.complain(f"slurm_{verb} error: {sentence}")
