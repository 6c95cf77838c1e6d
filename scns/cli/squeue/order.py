"""squeue 的次序：`-S` 的键换成 ORDER BY。

来源：squeue(1) 22.05 版的“--sort”；键从后往前查，所以先报错的是最后一个不认识的。
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: 不作数的键，长短都认：只有一个集群。
_CLUSTER = "cluster"


def order_by(
    keys: str, table: Mapping[str, tuple[str, str]], tie: str, unknown: Callable[[str], None]
) -> str:
    """ORDER BY 的内容，末尾总分得出先后。

    参数：
        keys：字母，前面的 `-` 表示降序；`,` 与 `+` 不起作用
        table：字母到（升序，降序）；空的表示不起作用
        tie：分不出先后时的次序
        unknown：不在表里的字母；它返回就略过
    """
    terms = []
    place = len(keys) - 1
    while place >= 0:
        letter = keys[place]
        if keys[: place + 1].lower().endswith(_CLUSTER):
            place -= len(_CLUSTER)
            continue
        if letter in table:
            terms.append(table[letter][keys[:place].endswith("-")])
        elif letter not in ",+-":
            unknown(letter)
        place -= 1
    return ", ".join([*filter(None, reversed(terms)), tie])
