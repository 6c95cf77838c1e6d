"""各命令有哪些字段：手册页与补全照它列出；只在用到时装载各自的字段表。"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def letters_of(command: str) -> list[tuple[str, str]]:
    """`%` 字母与它的表头，照字母；没有这样的字段时是空的。"""
    codes: dict[str, Any] = {}
    if command == "squeue":
        from scns.cli.fields.queue import CODES as codes
    elif command == "sinfo":
        from scns.cli.fields.nodes import CODES as codes
    elif command == "sprio":
        from scns.cli.fields.priorities import CODES as codes
    return [
        (letter, codes[letter].header)
        for letter in sorted(codes, key=lambda one: (one.lower(), one))
    ]


def names_of(command: str) -> list[str]:
    """以名字点的字段，照各命令自己的次序；没有这样的字段时是空的。"""
    if command == "squeue":
        from scns.cli.fields.queue_names import NAMES as queue

        return sorted(queue)
    if command == "sinfo":
        from scns.cli.fields.nodes import NAMES as nodes

        return sorted(nodes)
    if command in ("sacct", "sstat"):
        from scns.cli.fields.accounting import FIELDS as accounting

        return [row[0] for row in accounting]
    if command == "sshare":
        from scns.cli.fields.shares import FIELDS as shares

        return [row[0] for row in shares]
    return []
