"""sacct 与 sstat 的各行：由服务器排好，一页一页抄给用户。"""

# 拼起来的片段都是代码里的常量；用户给的文字只作参数。
# ruff: noqa: S608

from __future__ import annotations

from scns.cli.accounting import records
from scns.cli.accounting.values import MOMENTS, Sizes, job_values, step_values
from scns.cli.fields.accounting import DATE, TEXT
from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from scns.cli.accounting.sheet import Column, Layout


class Lines:
    """一张表怎样取、怎样排。

    一行依次是文字、时刻、文字……：文字由服务器补齐、连好，时刻由客户端印在它们之间。
    没有时刻时整行是一列 text，可以原样抄给用户。

    参数：
        layout：列与排法
        sizes：怎样印大小
        clock：印一个 epoch 秒
        rows：要哪些行
    """

    def __init__(
        self, layout: Layout, sizes: Sizes, clock: Callable[[int], str], rows: records.Rows
    ) -> None:
        names = list(dict.fromkeys(column.name for column in layout.columns))
        arms = [_arm("NULL::int", names, job_values(sizes), "", rows.jobs[0])]
        parameters = [*rows.jobs[1]]
        if rows.with_steps:
            source = f" FROM {records.steps(rows)}"
            named = f"t.job_id = j.id AND t.attempt = j.attempt AND {rows.steps[0]}"
            arms.append(_arm("t.step_id", names, step_values(sizes), source, named))
            parameters += rows.steps[1]
        self._layout = layout
        self._clock = clock
        self._known = {word: word for word in ("Unknown", "None", "")}
        pieces, delimiters = _pieces(layout, {name: f"c{n}" for n, name in enumerate(names)})
        self._moments = [column for column in layout.columns if column.name in MOMENTS]
        # OFFSET 0：值算一次，补齐时用几次都行
        self._statement = (
            f"SELECT {', '.join(pieces)} FROM (SELECT page.place, j.attempt AS run, line.*"
            f" FROM {records.PAGE_OF} CROSS JOIN LATERAL"
            f" {records.runs(rows)} CROSS JOIN LATERAL"
            f" ({' UNION ALL '.join(arms)}) line OFFSET 0) line"
            " ORDER BY place, run, step_id NULLS FIRST"
        )
        self._before: list[Any] = delimiters
        self._after = parameters

    def write(self, connection: Any, ids: Sequence[int], write: Callable[[bytes], Any]) -> None:
        """写出这些作业的各行，依次；期间被清掉的作业略过。

        一页取完了才写：读的人停着不读，也占不住数据库的快照。
        """
        connect.join_one_by_one(connection)
        for page in records.pages(ids):
            parameters = [*self._before, page, *self._after]
            if not self._moments:
                lines: list[bytes] = []
                connect.each(connection, self._statement, parameters, lines.append)
                write(b"".join(lines))
                continue
            rows = connect.call(connection, self._statement, parameters)
            write("".join(map(self._join, rows)).encode())

    def _join(self, values: Sequence[str]) -> str:
        pieces = [values[0]]
        for place, column in enumerate(self._moments):
            text = self._show(values[2 * place + 1])
            if self._layout.delimiter is None:
                text = column.pad(text)
            pieces += [text, values[2 * place + 2]]
        return "".join([*pieces, "\n"])

    def _show(self, moment: str) -> str:
        known = self._known.get(moment)
        if known is None:
            known = self._known[moment] = self._clock(int(moment))
        return known


def _arm(step: str, names: list[str], values: dict[str, str], source: str, where: str) -> str:
    cells = ", ".join(f"{values.get(name, _EMPTY)} AS c{n}" for n, name in enumerate(names))
    return f"(SELECT {step} AS step_id, {cells}{source} WHERE {where})"


_EMPTY = "''::text"


def _pieces(layout: Layout, named: dict[str, str]) -> tuple[list[str], list[str]]:
    """文字与时刻的表达式，交替，文字总多一个；还有语句里各分隔符的值。

    参数：
        named：字段到它的值在语句里的名字
    """
    delimiters: list[str] = []
    pieces: list[str] = []
    cells: list[str] = []
    last = len(layout.columns) - 1
    for place, column in enumerate(layout.columns):
        cell = named[column.name]
        if column.name in MOMENTS:
            pieces += [_concatenated(cells), cell]
            cells = []
        else:
            cells.append(_padded(column, cell) if layout.delimiter is None else cell)
        if layout.delimiter is None:
            cells.append("' '")
        elif place < last or layout.ending:
            cells.append("%s::text")
            delimiters.append(layout.delimiter)
    return [*pieces, _concatenated(cells)], delimiters


def _concatenated(cells: list[str]) -> str:
    return " || ".join(cells) or _EMPTY


def _padded(column: Column, cell: str) -> str:
    """补足宽度，放不下时照字段的规矩截断，与 `Column.pad` 一样；lpad 与 rpad 都留开头的字符。"""
    width = column.width
    if column.cut not in (TEXT, DATE):
        return f"format('%%{'-' if column.left else ''}{width}s', {cell})" if width else cell
    padded = f"{'rpad' if column.left else 'lpad'}({cell}, {width})"
    if column.cut == DATE or not width:
        return padded
    return (
        f"CASE WHEN length({cell}) > {width} THEN left({cell}, {width - 1}) || '+'"
        f" ELSE {padded} END"
    )
