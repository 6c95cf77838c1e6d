"""scontrol 的关键词：缩写、参数个数，分派到各自的模块。来源：scontrol(1) “COMMANDS”。"""

from __future__ import annotations

from scns.cli.scontrol.session import Session, matches

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
    for name, minimum, few, many, action in _KEYWORDS:
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


#: 名字、至少几个字母、参数至少与至多几个、做什么；次序就是缩写有歧义时的先后。
_KEYWORDS: tuple[tuple[str, int, int, int, Action], ...] = (
    ("hold", 4, 1, _MANY, _hold),
    ("holdu", 5, 1, _MANY, _hold),
    ("uhold", 5, 1, _MANY, _hold),
    ("release", 3, 1, _MANY, _hold),
    ("show", 3, 0, _MANY, _show),
)
