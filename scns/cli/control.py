"""请求 scnsd 做一件事，等它的回答；scancel、scontrol 等共用。

用户对作业没有写的权利：请求是 `scns.request` 里的一行，scnsd 照做并把结果写回那一行。
scnsd 不在时请求照样存下，它启动后会做；客户端只提醒一句，不空等。
"""

from __future__ import annotations

import os

from scns.db import connect
from scns.errors import Unavailable, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    #: 能写成 JSON 的值；对象的键是文本。
    Json = str | int | bool | None | Sequence["Json"] | Mapping[str, "Json"]

#: 两次查看之间等多久，毫秒；用尽之后一直用最后一个。
_PAUSES = (1, 2, 3, 5, 10, 20)

#: 总共等多久，毫秒。
_PATIENCE = 10_000

#: scnsd 没有应答的迹象之后还等多久，毫秒：闲着的 scnsd 可能正被铃声叫醒、续租。
_GRACE = 40

#: 一次请求最多几个目标；一行的大小有上限。
BATCH = 20_000

_REQUEST = "SELECT scns.request(%s, %s::jsonb, %s::jsonb)"

#: 单个对象的结果说的是整个请求；数组与目标一一对应。
_RESULT = """
SELECT r.done_time IS NOT NULL,
       coalesce((SELECT bool_or(c.alive) FROM scns.controller c), false),
       ARRAY(SELECT coalesce(e ->> 'error', '')
               FROM jsonb_array_elements(CASE jsonb_typeof(r.result) WHEN 'array' THEN r.result
                                         ELSE jsonb_build_array(r.result) END)
                    WITH ORDINALITY AS x(e, n)
              ORDER BY n)
  FROM scns.my_request r WHERE r.id = %s
"""


def outlive_own_end() -> None:
    """在作业里时，从此不理会 SIGTERM：要终止的可能正是命令自己所在的作业。

    Slurm 的控制器先答复，信号后到，`scontrol requeue $SLURM_JOB_ID` 看得到退出码 0；这里结果要从
    数据库读，信号可能先到，存档后重新排队的程序（submitit）就会以为没有排成。命令答复完就退出，
    宽限期后还有 SIGKILL。
    """
    if "SLURM_JOB_ID" in os.environ:
        # 用到才导入：`signal` 会装载 `enum`，3 毫秒，作业之外的命令不必付
        import signal

        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def ask(
    connection: Any,
    verb: str,
    targets: Sequence[Json],
    argument: Mapping[str, Json] | None = None,
    *,
    command: str = "scontrol",
) -> list[str | None]:
    """请求做一件事，返回各目标的结果：None 是做到了，否则是 Slurm 的句子。

    参数：
        verb：动词，见 `scns.scheduler` 对请求的处理
        targets：作业、节点或分区，例如 `{"job": 42, "tasks": "{[1,4)}"}`；空的表示请求没有目标，
            结果仍有一项
        command：提醒时用的命令名

    异常：
        Unavailable：scnsd 在，却迟迟不答
    """
    results: list[str | None] = []
    for start in range(0, max(len(targets), 1), BATCH):
        part = targets[start : start + BATCH]
        text = (encode(part), encode(argument or {}))
        [(request_id,)] = connect.call(connection, _REQUEST, (verb, *text))
        answer = _wait(connection, request_id, command)
        wanted = max(len(part), 1)
        results += [sentence or None for sentence in answer[:wanted]]
        results += [None] * (wanted - len(answer))
    return results


def _wait(connection: Any, request_id: int, command: str) -> list[str]:
    """等到请求有了结果；scnsd 不在时提醒一句，返回空列表。"""
    from time import sleep

    waited = 0
    for pause in _pauses():
        sleep(pause / 1000)
        waited += pause
        [(done, alive, sentences)] = connect.call(connection, _RESULT, (request_id,))
        if done:
            return list(sentences)
        if not alive and waited >= _GRACE:
            _warn(
                f"{command}: warning: scnsd is not running; "
                "the request is stored and will be applied when it starts"
            )
            return []
        if waited >= _PATIENCE:
            break
    raise Unavailable(f"scnsd did not answer request {request_id} in {_PATIENCE // 1000} s")


def _pauses() -> Iterator[int]:
    yield from _PAUSES
    while True:
        yield _PAUSES[-1]


def _warn(line: str) -> None:
    import sys

    sys.stderr.write(line + "\n")


def encode(value: Json) -> str:
    """写成 JSON 文本；不用 `json`，导入它要 3 毫秒。

    NUL 与命令行里不成 UTF-8 的字节（孤立的代理码位）换成 U+FFFD：数据库存不下它们。
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(map(_escape, value)) + '"'
    if isinstance(value, dict):
        return "{" + ",".join(f"{encode(key)}:{encode(item)}" for key, item in value.items()) + "}"
    return "[" + ",".join(map(encode, value)) + "]"


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character == "\0" or "\ud800" <= character <= "\udfff":
        return "\ufffd"
    return f"\\u{ord(character):04x}" if character < " " else character


def check_clusters(connection: Any, text: str) -> None:
    """`-M` 只能是本集群的名字或 `all`：没有别的集群。

    异常：
        UsageError：别的名字，两行句子与 Slurm 相同
    """
    rows = connect.call(
        connection, "SELECT value FROM scns.setting_list WHERE name = 'ClusterName'"
    )
    known = {"all", *(name for (name,) in rows)}
    for name in text.split(","):
        if name and name not in known:
            raise UsageError(
                f"No cluster '{name}' known by database.\n"
                f"'{name}' can't be reached now, or it is an invalid entry for --cluster.  "
                "Use 'sacctmgr list clusters' to see available clusters."
            )
