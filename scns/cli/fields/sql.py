"""值在 SQL 里的文字：时长、内存、数组的下标；与 `scns.times` 等打印的一样。

写在这里的 `%` 都成对：语句经驱动的参数替换。
"""

# 拼起来的片段都是代码里的常量；用户给的文字只作参数。
# ruff: noqa: S608

from __future__ import annotations

#: 一年的秒数：squeue 把更长的时长印成 INVALID。
_YEAR = 31_536_000


def duration(seconds: str) -> str:
    """整数秒的表达式，排成 `M:SS`、`H:MM:SS` 或 `D-HH:MM:SS`。"""
    clock = f"make_interval(secs => ({seconds}) %% 86400)"
    return (
        f"CASE WHEN ({seconds}) < 0 OR ({seconds}) > {_YEAR} THEN 'INVALID'"
        f" WHEN ({seconds}) < 3600 THEN to_char({clock}, 'FMMI:SS')"
        f" WHEN ({seconds}) < 86400 THEN to_char({clock}, 'FMHH24:MI:SS')"
        f" ELSE ({seconds}) / 86400 || to_char({clock}, '-HH24:MI:SS') END"
    )


def size(mebibytes: str, raw: str = "false") -> str:
    """MiB 的表达式，排成带单位的大小，规则同 `scns.sizes.format_size`。

    参数：
        raw：bool 的表达式：不换单位
    """
    return (
        f"CASE WHEN ({mebibytes}) = 0 THEN '0'"
        f" WHEN ({raw}) OR ({mebibytes}) < 1024 OR ({mebibytes}) %% 512 <> 0"
        f" THEN ({mebibytes}) || 'M'"
        f" WHEN ({mebibytes}) %% 1024 <> 0"
        f" THEN to_char(({mebibytes}) / 1024.0, 'FM99999990.00') || 'G'"
        f" WHEN ({mebibytes}) < 1048576 OR ({mebibytes}) %% 524288 <> 0"
        f" THEN ({mebibytes}) / 1024 || 'G'"
        f" WHEN ({mebibytes}) %% 1048576 <> 0"
        f" THEN to_char(({mebibytes}) / 1048576.0, 'FM99999990.00') || 'T'"
        f" ELSE ({mebibytes}) / 1048576 || 'T' END"
    )


def indices(multirange: str, step: str, length: str) -> str:
    """int4multirange 的表达式，排成下标的文字，规则同 `scns.arrays.format_indices`。

    参数：
        step：bool 的表达式：间隔整齐时折成 `首-末:间隔`
        length：int 的表达式：`SLURM_BITSTR_LEN`，0 表示全印
    """
    one = (
        "CASE WHEN upper(r) - lower(r) = 1 THEN lower(r)::text"
        " ELSE lower(r) || '-' || upper(r) - 1 END"
    )
    return (
        f"(SELECT CASE WHEN ({step}) AND n > 5 AND last - first > 10 AND longest = 1"
        " AND least = most THEN first || '-' || last || ':' || least"
        f" WHEN ({length}) = 0 OR length(listed) <= ({length}) - 3 THEN listed"
        f" ELSE left(left(listed, greatest(({length}) - 4, 0)) || '...', ({length}) - 1) END"
        " FROM (SELECT count(*) AS n, min(lower(r)) AS first, max(lower(r)) AS last,"
        " max(upper(r) - lower(r)) AS longest, min(gap) AS least, max(gap) AS most,"
        f" string_agg({one}, ',' ORDER BY lower(r)) AS listed"
        " FROM (SELECT r, lower(r) - lag(lower(r)) OVER (ORDER BY lower(r)) AS gap"
        f" FROM unnest({multirange}) r) ranges) folded)"
    )
