"""sacct：作业与作业步的账。来源：sacct(1) 22.05 版。"""

from __future__ import annotations

import os
import sys
import time

from scns.cli.accounting import records, sheet
from scns.cli.accounting.lines import Lines
from scns.cli.accounting.selection import Selection
from scns.cli.accounting.values import Sizes
from scns.cli.fields.accounting import BRIEF, DEFAULT, LONG
from scns.cli.options import collect, parse
from scns.cli.stop import answer
from scns.cli.tables.sacct import TABLE
from scns.db import connect
from scns.errors import InvalidInput, UsageError
from scns.times import format_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from scns.cli.options import Parsed

_CLUSTER = "SELECT value FROM scns.setting_list WHERE name = 'ClusterName'"


def run(words: list[str]) -> int:
    """打印选出的作业，返回退出码。"""
    parsed = parse(TABLE, words)
    text = answer(TABLE, parsed)
    if text is None and "helpformat" in parsed.chosen:
        text = sheet.help_fields()
    if text is not None:
        sys.stdout.write(text)
        return 0
    chosen = collect(TABLE, parsed, environ=os.environ)
    now = time.time()
    time_format = os.environ.get("SLURM_TIME_FORMAT")

    def clock(epoch: int) -> str:
        return format_moment(epoch, time_format=time_format, now=now)

    sizes = Sizes(_unit(chosen), convert="noconvert" not in chosen.chosen)
    selection = Selection(chosen, now, os.geteuid())
    stored = _stored(chosen, selection)
    layout = _layout(chosen)
    if chosen.operands:
        raise UsageError(
            "\n".join(["Unknown arguments:", *(f" {word}" for word in chosen.operands)])
        )
    connection = connect.connect()
    _check_clusters(connection, chosen)
    if selection.nodes is not None:
        from scns.cli.accounting import nodes

        nodes.narrow(connection, selection)
    ids = records.select_ids(connection, selection.where, selection.parameters)
    if stored is not None:
        from scns.cli.accounting import script

        script.show(connection, records.labels(connection, ids), stored)
    elif "json" in chosen.chosen or "yaml" in chosen.chosen:
        _dump(connection, ids, selection, yaml="yaml" in chosen.chosen)
    else:
        lines = Lines(layout, sizes, clock, selection.rows())
        _print(connection, ids, lines, layout.header() if "noheader" not in chosen.chosen else "")
    return 0


def _stored(chosen: Parsed, selection: Selection) -> str | None:
    """要看存下的脚本还是环境；都不是时为 None。

    异常：
        UsageError：没有点名作业，或两样都要
    """
    wanted = {"batch-script": "job scripts", "env-vars": "job environment"}
    asked = [name for name in wanted if name in chosen.chosen]
    if asked and not selection.references:
        raise UsageError(
            f"When requesting {wanted[asked[-1]]} you must also request specific jobs"
            " with the '-j' option.",
            style="fatal",
        )
    if len(asked) > 1:
        raise UsageError(
            "Options --batch-script and --env-vars are mutually exclusive", style="fatal"
        )
    return asked[0] if asked else None


def _print(connection: Any, ids: Sequence[int], lines: Lines, header: str) -> None:
    output = sys.stdout.buffer
    output.write(connect.storable(header).encode())
    lines.write(connection, ids, output.write)
    output.flush()


def _dump(connection: Any, ids: Sequence[int], selection: Selection, *, yaml: bool) -> None:
    """整个作业写成 JSON 或 YAML，与 Slurm 一样不管要哪些列。"""
    import json

    from scns.cli.accounting.document import job_document
    from scns.cli.dump import Json, Yaml

    cluster = "".join(row[0] for row in connect.call(connection, _CLUSTER))
    document = (Yaml if yaml else Json)("jobs", sys.stdout.buffer.write, database=True)
    document.begin()
    rows = selection.rows(whole=True)
    connect.join_one_by_one(connection)
    for page in records.pages(ids):
        for job, steps in records.documents(connection, page, rows):
            text = json.dumps(job_document(cluster, job, steps), ensure_ascii=False)
            document.record(text.encode())
    document.end()
    sys.stdout.buffer.flush()


def _layout(chosen: Parsed) -> sheet.Layout:
    """选出列与排法。

    异常：
        UsageError：没有这个字段，或 `-o` 与 `-l` 并用
    """
    given = chosen.chosen
    wanted = chosen.all("format")
    if "long" in given:
        if wanted:
            raise UsageError(
                "Options -o(--format) and -l(--long) are mutually exclusive."
                " Please remove one and retry.",
                style="fatal",
            )
        wanted = [LONG]
    if "brief" in given:
        wanted = [*wanted, BRIEF]
    columns = sheet.parse_columns(",".join(wanted) or DEFAULT)
    if "parsable" not in given and "parsable2" not in given:
        return sheet.Layout(columns, None, ending=False)
    return sheet.Layout(columns, chosen.text("delimiter") or "|", ending="parsable" in given)


def _unit(chosen: Parsed) -> str | None:
    """`--units` 的单位，取首字母。

    异常：
        InvalidInput：没有这个单位
    """
    text = chosen.text("units")
    if text is None:
        return None
    letter = text[:1].upper()
    if letter and letter in "KMGTP":
        return letter
    sys.stderr.write(
        f"sacct: error: Invalid unit type '{text[:1]}'. Possible options are 'KMGTP'\n"
    )
    raise InvalidInput("Invalid unit type", style="fatal")


def _check_clusters(connection: Any, chosen: Parsed) -> None:
    text = chosen.text("clusters")
    if text is not None and text.lower() not in ("all", "-1"):
        from scns.cli.control import check_clusters

        check_clusters(connection, text)
