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


def epoch(expression: str) -> str:
    """时刻的表达式，取成整数的 epoch 秒：不足一秒的舍去，与 Slurm 的 time_t 一样。"""
    return f"floor(date_part('epoch', {expression}))::bigint"


def elapsed(seconds: str, unlimited: str = "UNLIMITED") -> str:
    """整数秒的表达式，规则同 `scns.times.elapsed`。"""
    clock = f"to_char(make_interval(secs => ({seconds}) %% 86400), 'HH24:MI:SS')"
    return (
        f"CASE WHEN ({seconds}) IS NULL THEN '{unlimited}' WHEN ({seconds}) < 0 THEN 'INVALID'"
        f" WHEN ({seconds}) < 86400 THEN {clock} ELSE ({seconds}) / 86400 || '-' || {clock} END"
    )


def cpu_time(milliseconds: str) -> str:
    """毫秒的表达式，规则同 `scns.times.cpu_time`。"""
    return (
        f"CASE WHEN ({milliseconds}) %% 1000 = 0 OR ({milliseconds}) >= 3600000"
        f" THEN {elapsed(f'({milliseconds}) / 1000')}"
        f" ELSE to_char(make_interval(secs => ({milliseconds}) / 1000), 'MI:SS')"
        f" || '.' || lpad((({milliseconds}) %% 1000)::text, 3, '0') END"
    )


#: 单位，每级 1024。
_UNITS = ("", "K", "M", "G", "T", "P")


def size(amount: str, raw: str = "false", base: str = "M") -> str:
    """大小的表达式，换到不失真的最大单位，规则同 `scns.sizes.format_size`。

    参数：
        raw：bool 的表达式：不换单位
        base：`amount` 的单位
    """
    level = _UNITS.index(base)
    branches = [
        f"CASE WHEN ({amount}) = 0 THEN '0'",
        f"WHEN ({raw}) THEN ({amount}) || '{base}'",
    ]
    for power, unit in enumerate(_UNITS[level:-1]):
        here, above = f"({amount}) / {1024**power}", _UNITS[level + power + 1]
        branches.append(
            f"WHEN ({amount}) < {1024 ** (power + 1)} OR {here} %% 512 <> 0 THEN {here} || '{unit}'"
            f" WHEN {here} %% 1024 <> 0"
            f" THEN to_char(({here}) / 1024.0, 'FM99999999999990.00') || '{above}'"
        )
    return " ".join([*branches, f"ELSE ({amount}) / {1024 ** (5 - level)} || 'P' END"])


def size_in(amount: str, unit: str, base: str = "M") -> str:
    """大小的表达式，换成单位 `unit`；除不尽时两位小数，与 `scns.sizes.format_size` 一样。"""
    power = _UNITS.index(unit) - _UNITS.index(base)
    if power <= 0:
        shown = f"(({amount})::numeric * {1024**-power})::text"
    else:
        # float8 的 to_char 与 C 的 printf 一样舍入
        shown = (
            f"CASE WHEN ({amount}) %% {1024**power} = 0 THEN (({amount}) / {1024**power})::text"
            f" ELSE to_char(({amount})::float8 / {1024**power}, 'FM99999999999990.00') END"
        )
    return f"CASE WHEN ({amount}) = 0 THEN '0' ELSE {shown} || '{unit}' END"


def host_count(names: str) -> str:
    """节点名单的表达式里有几个节点；名单是 `scns.hostlist.compress` 折叠的。"""
    return (
        f"CASE WHEN {names} = '' THEN 0 WHEN {names} !~ '[][,]' THEN 1 ELSE (SELECT"
        " sum(CASE WHEN item LIKE '%%]' THEN (SELECT sum(1 + coalesce("
        "nullif(split_part(span, '-', 2), '')::bigint - split_part(span, '-', 1)::bigint, 0))"
        r" FROM string_to_table(substring(item FROM '\[(.*)\]'), ',') span) ELSE 1 END)::bigint"
        rf" FROM regexp_split_to_table({names}, ',(?![^[]*\])') item) END"
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
