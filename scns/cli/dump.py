"""`--json` 与 `--yaml`：与 Slurm 的 openapi/v0.0.38 同样的外壳，逐条写出。

记录由服务器排成 JSON，十万条也不占内存。来源：squeue(1) 的“--json”“--yaml”。
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

#: 仿的是哪一版；`version` 的次序与 Slurm 相同。
_SLURM = {"version": {"major": 22, "micro": 8, "minor": 5}, "release": "22.05.8"}
_PLUGIN = {"type": "openapi/v0.0.38", "name": "Slurm OpenAPI v0.0.38"}
_DATABASE_PLUGIN = {"type": "openapi/dbv0.0.38", "name": "Slurm OpenAPI DB v0.0.38"}

#: YAML 里不加引号也不会读错的字符。
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=@+-")


class Json:
    """写出 JSON。

    参数：
        kind：记录所在的键，`jobs` 或 `nodes`
        write：写出字节
        database：记录是账（sacct）时为真
    """

    def __init__(self, kind: str, write: Callable[[bytes], Any], *, database: bool = False) -> None:
        self._write = write
        self._kind = kind
        self._meta = {"plugin": _DATABASE_PLUGIN if database else _PLUGIN, "Slurm": _SLURM}
        self._separator = b"\n"

    def begin(self) -> None:
        """写出外壳的前一半。"""
        import json

        meta = json.dumps(self._meta)
        self._write(f'{{"meta": {meta}, "errors": [], "{self._kind}": ['.encode())

    def record(self, text: bytes) -> None:
        """写出一条；末尾的换行符去掉。"""
        self._write(self._separator + text.rstrip(b"\n"))
        self._separator = b",\n"

    def end(self) -> None:
        """写出外壳的后一半。"""
        self._write(b"\n]}\n")


class Yaml(Json):
    """写出 YAML 1.1，每个值带着类型的标签，与 Slurm 相同。"""

    def begin(self) -> None:
        """写出外壳的前一半。"""
        self._say(["%YAML 1.1", "--- !!map", *_pairs({"meta": self._meta, "errors": []}, "")])
        self._first = True

    def record(self, text: bytes) -> None:
        """写出一条。"""
        import json

        if self._first:
            self._say([f"!!str {self._kind}: !!seq"])
            self._first = False
        self._say(["- !!map", *_pairs(json.loads(text), "  ")])

    def end(self) -> None:
        """写出外壳的后一半。"""
        self._say([f"!!str {self._kind}: !!seq []", "..."] if self._first else ["..."])

    def _say(self, lines: list[str]) -> None:
        self._write("".join(line + "\n" for line in lines).encode())


def _pairs(mapping: dict[str, Any], indent: str) -> Iterator[str]:
    for key, value in mapping.items():
        lead = f"{indent}!!str {_quote(key)}:"
        if isinstance(value, dict) and value:
            yield f"{lead} !!map"
            yield from _pairs(value, indent + "  ")
        elif isinstance(value, list) and value:
            yield f"{lead} !!seq"
            for item in value:
                if isinstance(item, dict):
                    yield f"{indent}- !!map"
                    yield from _pairs(item, indent + "  ")
                else:
                    yield f"{indent}- {_scalar(item)}"
        else:
            yield f"{lead} {_scalar(value)}"


def _scalar(value: object) -> str:
    # Slurm 把空文本写成 null
    if value is None or value == "":
        return "!!null null"
    if isinstance(value, bool):
        return f"!!bool {str(value).lower()}"
    if isinstance(value, int):
        return f"!!int {value}"
    if isinstance(value, float):
        return f"!!float {value}"
    if isinstance(value, str):
        return f"!!str {_quote(value)}"
    return "!!map {}" if isinstance(value, dict) else "!!seq []"


def _quote(text: str) -> str:
    if _PLAIN.issuperset(text) and text[0] != "-":
        return text
    import json

    # 双引号里的转义两种语言一样；补充平面的字符 YAML 不认代理对，原样写
    return json.dumps(text, ensure_ascii=False)
