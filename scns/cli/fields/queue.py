"""squeue 的作业字段：一个字段一条 SQL 表达式，行由服务器排好。

表达式写在 `jobs` 的一行 `q` 上：视图 `queue` 的列，加上 `selection.source` 算出的几列：
    pick：这一行代表的还没启动的下标；NULL 表示不是合成一行的数组
    task：这一行代表的一个下标；NULL 表示不是数组，或代表几个
    merge：要不要把单独有行的等待元素并进数组那一行
    partly：`-j` 只点了数组的一部分，列出时不折叠也不带 `%N`
    part：这一行的分区；`-P` 时是其中一个
    bits、id_length：下标与作业号各至多多长
    raw：内存不换单位

来源：squeue(1) 的“--format”“--Format”；缺省值照 22.05 版的输出。
"""

# 拼起来的片段都是代码里的常量；用户给的文字只作参数。
# ruff: noqa: S608

from __future__ import annotations

from scns.cli.columns import ENDLESS, Field
from scns.cli.fields import sql
from scns.cli.fields.dependency import UNMET

#: 活动的状态；写成与部分索引 `job_active` 同样的条件，服务器才用得上它。
ACTIVE = ("COMPLETING", "PENDING", "RUNNING", "SUSPENDED")

#: 状态的全名到缩写，次序是错误信息里列出的次序。来源：squeue(1) “JOB STATE CODES”。
SHORT = {
    "PENDING": "PD",
    "RUNNING": "R",
    "SUSPENDED": "S",
    "COMPLETED": "CD",
    "CANCELLED": "CA",
    "FAILED": "F",
    "TIMEOUT": "TO",
    "NODE_FAIL": "NF",
    "PREEMPTED": "PR",
    "BOOT_FAIL": "BF",
    "DEADLINE": "DL",
    "OUT_OF_MEMORY": "OOM",
    "COMPLETING": "CG",
    "CONFIGURING": "CF",
    "RESIZING": "RS",
    "RESV_DEL_HOLD": "RD",
    "REQUEUED": "RQ",
    "REQUEUE_FED": "RF",
    "REQUEUE_HOLD": "RH",
    "REVOKED": "RV",
    "SIGNALING": "SI",
    "SPECIAL_EXIT": "SE",
    "STAGE_OUT": "SO",
    "STOPPED": "ST",
}

#: 作业号在没有 `SLURM_BITSTR_LEN` 时至多这么多字符：Slurm 的缓冲区。
_ID_LENGTH = 31

#: 与数组那一行并在一起的等待元素：名字或分区改过的不并。来源：squeue(1) “--array”。
_SIBLING = (
    "e.array_job_id = q.array_job_id AND e.array_task_id IS NOT NULL AND e.state = 'PENDING'"
    " AND e.name = q.name AND e.partition = q.partition"
)
_SIBLINGS = (
    "CASE WHEN q.merge THEN (SELECT range_agg(int4range(e.array_task_id, e.array_task_id + 1))"
    f" FROM jobs e WHERE {_SIBLING}) END"
)
#: 这一行是已经并进数组那一行的元素。
MERGED = (
    "q.merge AND q.state = 'PENDING' AND q.array_task_id IS NOT NULL AND EXISTS ("
    "SELECT FROM jobs e WHERE e.id = q.array_job_id AND e.state = 'PENDING'"
    " AND e.pick IS NOT NULL"
    " AND e.name = q.name AND e.partition = q.partition)"
)
#: 数组那一行的下标；并过或只点了一部分的照 Slurm 逐个列出，也不带 `%N`。
TASKS = (
    "(SELECT "
    + sql.indices("q.pick + coalesce(s, '{}')", "s IS NULL AND NOT q.partly", "q.bits")
    + " || CASE WHEN s IS NULL AND NOT q.partly"
    + " THEN coalesce('%%' || nullif(q.array_limit, 0), '') ELSE '' END"
    + f" FROM (SELECT {_SIBLINGS} AS s) merged)"
)
REASON = (
    "CASE WHEN q.pick IS NOT NULL AND q.merge THEN concat_ws(',', q.reason, (SELECT"
    f" string_agg(DISTINCT e.reason, ',') FROM jobs e WHERE {_SIBLING} AND e.reason <> q.reason))"
    " ELSE q.reason END"
)
_STATE_SHORT = (
    "CASE q.state "
    + " ".join(f"WHEN '{state}' THEN '{short}'" for state, short in SHORT.items())
    + " END"
)

#: 缩写按字母的次序；比整数比比文字快，十万行里看得出来。
_STATE_RANK = (
    "CASE q.state "
    + " ".join(
        f"WHEN '{state}' THEN {sorted(SHORT.values()).index(short)}"
        for state, short in SHORT.items()
    )
    + " END"
)

_WAITS = "q.start_time IS NULL OR q.state = 'PENDING'"
_RAN = (
    "floor(extract(epoch FROM coalesce(q.end_time, CASE q.state WHEN 'SUSPENDED'"
    " THEN q.suspend_time END, now()) - q.start_time))::int - q.suspended_seconds"
)
_USED = f"CASE WHEN {_WAITS} THEN 0 ELSE {_RAN} END"
#: 启动了的是真的；等待中的是预计的，且不早于现在；等开始时刻的是那个时刻。
#: 来源：slurmctld 报告的 StartTime 与 EndTime。
START = (
    "CASE WHEN q.state <> 'PENDING' THEN coalesce(q.start_time, q.end_time)"
    " WHEN q.expected_start IS NOT NULL THEN greatest(q.expected_start, now())"
    " WHEN q.begin_time > now() THEN q.begin_time END"
)
END = (
    f"CASE WHEN q.state = 'PENDING' THEN {START} + make_interval(secs => q.time_limit)"
    " ELSE coalesce(q.end_time, q.limit_time) END"
)
#: 没有时限的运行作业：END_TIME 印 NONE。
_ENDLESS = "q.state <> 'PENDING' AND q.end_time IS NULL AND q.limit_time IS NULL"
ELIGIBLE = "coalesce(q.eligible_time, CASE WHEN q.dependency_state = 'MET' THEN q.begin_time END)"
NODES = "coalesce(q.nodes_alloc, q.nodes_min)"
CPUS = "coalesce(q.cpus_alloc, q.cpus)"
MIN_CPUS = "greatest(q.mincpus, q.cpus_per_task * coalesce(q.tasks_per_node, 1))"
_MIN_MEMORY = "coalesce(nullif(q.memory_per_cpu, 0), q.memory_per_node, 0)"
_LEFT = f"q.time_limit - ({_USED})"

#: 有时限的时长靠右时不截断，`UNLIMITED` 要截，与 22.05 版相同。
_LIMITED = "q.time_limit IS NOT NULL"

#: 失败的与等待的作业说原因，其余的说节点。
_EXPLAINED = "q.state IN ('PENDING', 'TIMEOUT', 'OUT_OF_MEMORY', 'DEADLINE', 'FAILED')"

_MEMORY = (
    "CASE WHEN q.nodes_alloc IS NOT NULL THEN nullif(q.memory_alloc, 0)"
    f" WHEN q.memory_per_cpu > 0 THEN q.memory_per_cpu * {CPUS}"
    f" WHEN q.memory_per_node > 0 THEN q.memory_per_node * {NODES}"
    " WHEN q.memory_per_cpu = 0 OR q.memory_per_node = 0 THEN (SELECT max(n.memory)"
    f" FROM scns.node_list n WHERE q.partition = ANY (n.partitions)) * {NODES} END"
)
_GRES = (
    "coalesce((SELECT string_agg(',gres/' || substring(item FROM '^(.*):[0-9]+$') || '='"
    f" || substring(item FROM '[0-9]+$')::bigint * {NODES}, '' ORDER BY place)"
    " FROM regexp_split_to_table(q.gres, ',') WITH ORDINALITY AS g(item, place)), '')"
)
TRES = (
    f"'cpu=' || {CPUS} || coalesce(',mem=' || {sql.size(_MEMORY)}, '')"
    f" || ',node=' || {NODES} || ',billing=' || {CPUS} || {_GRES}"
)
DEPENDENCY = f"coalesce({UNMET}, '(null)')"
#: 别人的参数看不见，视图 `my_job` 里没有。
COMMAND = (
    "CASE WHEN q.command IS NULL THEN '(null)' ELSE concat_ws(' ', q.command,"
    " (SELECT nullif(array_to_string(m.arguments, ' '), '') FROM scns.my_job m"
    " WHERE m.id = q.id)) END"
)
_SHARING = (
    "CASE WHEN q.options ->> 'oversubscribe' = 'true' THEN 'YES' WHEN q.exclusive IS NULL"
    " THEN 'OK' WHEN q.exclusive IN ('user', 'mcs') THEN upper(q.exclusive) ELSE 'NO' END"
)
_DEFAULT_OUTPUT = (
    "CASE WHEN q.array_job_id IS NULL THEN 'slurm-' || q.id || '.out' ELSE 'slurm-'"
    " || q.array_job_id || '_' || coalesce(q.task::text, '%%a') || '.out' END"
)
SWITCH_WAIT = (
    "CASE WHEN split_part(q.options ->> 'switches', '@', 2) ~ '^[0-9]{1,2}$'"
    " THEN least(split_part(q.options ->> 'switches', '@', 2)::int * 60, 300)"
    " WHEN q.options ->> 'switches' LIKE '%%@%%' THEN 300 ELSE 0 END"
)


def _null(expression: str) -> str:
    return f"coalesce({expression}, '(null)')"


def option(name: str, empty: str) -> str:
    """只供显示的选项；键见 `scns.cli.request.build`。"""
    return f"coalesce(q.options ->> '{name}', '{empty}')"


def tres(*options: tuple[str, str]) -> str:
    """通用资源的要求：（选项的键，每一项的前缀）。"""
    parts = ", ".join(
        f"'{prefix}' || replace(q.options ->> '{name}', ',', ',{prefix}')"
        for name, prefix in options
    )
    return f"coalesce(nullif(concat_ws(',', {parts}), ''), 'N/A')"


def path(name: str) -> str:
    """输入输出文件的绝对路径；不是批处理作业就没有。"""
    return (
        f"CASE WHEN NOT q.batch THEN '' WHEN starts_with({name}, '/') THEN {name}"
        f" ELSE rtrim(q.directory, '/') || '/' || {name} END"
    )


_SOCKETS = option("sockets_per_node", "*")
_CORES = option("cores_per_socket", "*")
_THREADS = option("threads_per_core", "*")
OUTPUT = f"coalesce(q.standard_output, {_DEFAULT_OUTPUT})"
_ARRAY_TASK = f"CASE WHEN q.pick IS NOT NULL THEN {TASKS} ELSE coalesce(q.task::text, 'N/A') END"
CLUSTER = (
    "coalesce((SELECT v.value FROM scns.setting_list v WHERE v.name = 'ClusterName'), '(null)')"
)

#: `-o` 的字母到字段。
CODES = {
    "a": Field("ACCOUNT", _null("q.account")),
    "A": Field("JOBID", "q.id::text"),
    "b": Field("TRES_PER_NODE", tres(("gres", "gres:"), ("gpus_per_node", "gres:gpu:"))),
    "B": Field("EXEC_HOST", "coalesce(q.batch_host, 'n/a')"),
    "c": Field("MIN_CPUS", f"({MIN_CPUS})::text"),
    "C": Field("CPUS", f"{CPUS}::text"),
    "d": Field("MIN_TMP_DISK", sql.size(f"{option('tmp', '0')}::int")),
    "D": Field("NODES", f"{NODES}::text"),
    "e": Field("END_TIME", f"CASE WHEN {_ENDLESS} THEN '{ENDLESS}' ELSE {END} END", moment=True),
    "E": Field("DEPENDENCY", DEPENDENCY),
    "f": Field("FEATURES", _null('q."constraint"')),
    "F": Field("ARRAY_JOB_ID", "coalesce(q.array_job_id, q.id)::text"),
    "g": Field("GROUP", "q.group_name"),
    "G": Field("GROUP", "q.gid::text"),
    "h": Field("OVER_SUBSCRIBE", _SHARING),
    "H": Field("SOCKETS_PER_NODE", _SOCKETS),
    "i": Field(
        "JOBID",
        f"CASE WHEN q.pick IS NOT NULL THEN left(q.array_job_id || '_[' || {TASKS} || ']',"
        " q.id_length) WHEN q.task IS NOT NULL THEN q.array_job_id || '_' || q.task"
        " ELSE q.id::text END",
    ),
    "I": Field("CORES_PER_SOCKET", _CORES),
    "j": Field("NAME", "q.name"),
    "J": Field("THREADS_PER_CORE", _THREADS),
    "k": Field("COMMENT", _null("q.comment")),
    "K": Field("ARRAY_TASK_ID", _ARRAY_TASK),
    "l": Field(
        "TIME_LIMIT",
        f"CASE WHEN q.time_limit IS NULL THEN 'UNLIMITED' ELSE {sql.duration('q.time_limit')} END",
        uncut=_LIMITED,
    ),
    "L": Field(
        "TIME_LEFT",
        f"CASE WHEN q.time_limit IS NULL THEN 'UNLIMITED' ELSE {sql.duration(_LEFT)} END",
        uncut=_LIMITED,
    ),
    "m": Field("MIN_MEMORY", sql.size(_MIN_MEMORY, "q.raw")),
    # 十万行里绝大多数还在等：不为它们算时长
    "M": Field(
        "TIME",
        f"CASE WHEN {_WAITS} THEN '0:00' ELSE {sql.duration(_RAN)} END",
        uncut=f"NOT ({_WAITS})",
    ),
    "n": Field("REQ_NODES", "coalesce(q.required_nodes, '')"),
    "N": Field("NODELIST", "coalesce(q.nodes, '')", whole=True, uncut="true"),
    "o": Field("COMMAND", COMMAND),
    "O": Field("CONTIGUOUS", f"(({option('contiguous', 'false')})::bool::int)::text"),
    "p": Field("PRIORITY", "to_char(q.priority / 4294967295.0, 'FM0.00000000000000')"),
    "P": Field("PARTITION", "q.part"),
    "q": Field("QOS", _null("q.qos")),
    "Q": Field("PRIORITY", "q.priority::text"),
    "r": Field("REASON", REASON),
    "R": Field(
        "NODELIST(REASON)",
        f"CASE WHEN {_EXPLAINED} THEN '(' || {REASON} || ')' ELSE coalesce(q.nodes, '') END",
        whole=True,
        uncut=f"NOT ({_EXPLAINED})",
    ),
    "s": Field("", "''::text"),
    "S": Field("START_TIME", START, moment=True),
    "t": Field("ST", _STATE_SHORT),
    "T": Field("STATE", "q.state"),
    "u": Field("USER", "q.owner"),
    "U": Field("UID", "q.uid::text"),
    "v": Field("RESERVATION", option("reservation", "(null)")),
    "V": Field("SUBMIT_TIME", "q.submit_time", moment=True),
    "w": Field("WCKEY", option("wckey", "(null)")),
    "W": Field("LICENSES", _null("q.licenses")),
    "x": Field("EXC_NODES", "coalesce(q.exclude, '')"),
    "X": Field("CORE_SPEC", option("core_spec", "N/A")),
    "y": Field("NICE", "q.nice::text"),
    "Y": Field("SCHEDNODES", "'(null)'::text", whole=True, uncut="true"),
    "z": Field("S:C:T", f"{_SOCKETS} || ':' || {_CORES} || ':' || {_THREADS}"),
    "Z": Field("WORK_DIR", "q.directory"),
}


def _text(expression: str) -> str:
    """按字节排，与 Slurm 的 strcmp 一样，也比按语言排快。"""
    return f'({expression}) COLLATE "C"'


def both(*expressions: str) -> tuple[str, str]:
    """依次按各个表达式排：升序与降序的写法。"""
    return ", ".join(expressions), ", ".join(f"{expression} DESC" for expression in expressions)


#: 优先级相同时先来的在前：Slurm 给后来的作业更小的优先级；扣住的都是 0，不分先后。
_PRIORITY = (
    "q.priority, CASE WHEN q.priority > 0 THEN -coalesce(q.array_job_id, q.id) END",
    "q.priority DESC, CASE WHEN q.priority > 0 THEN coalesce(q.array_job_id, q.id) END",
)
#: 节点名按末尾的编号排；没有节点的在后。
_FIRST_NODE = (
    _text("substring(q.batch_host FROM '^(.*?)[0-9]*$')"),
    "substring(q.batch_host FROM '[0-9]{1,18}$')::bigint",
)

#: 排序键的字母到（升序，降序）；空的只是不起作用，不在表里的字母是错误。
#: 来源：squeue(1) 的“--sort”，22.05 版的次序。
SORT: dict[str, tuple[str, str]] = {
    "B": both(_text("coalesce(q.batch_host, '')")),
    "c": ("", ""),
    "C": both(CPUS),
    "d": both(f"{option('tmp', '0')}::int"),
    "D": both(NODES),
    "e": (f"{END} NULLS FIRST", f"{END} DESC NULLS LAST"),
    "f": ("", ""),
    "g": both(_text("q.group_name")),
    "G": both("q.gid"),
    "h": ("", ""),
    "H": both("(q.options ->> 'sockets_per_node')::int"),
    "i": both("coalesce(q.array_job_id, q.id)", "q.array_task_id"),
    "I": both("(q.options ->> 'cores_per_socket')::int"),
    "j": both(_text("q.name")),
    "J": both("(q.options ->> 'threads_per_core')::int"),
    "l": both("q.time_limit"),
    "L": both(f"({_LEFT})"),
    "m": both(_MIN_MEMORY),
    "M": both(_USED),
    "n": ("", ""),
    "N": both(*_FIRST_NODE),
    "O": ("", ""),
    "p": _PRIORITY,
    "P": both(_text("q.part")),
    "Q": _PRIORITY,
    "S": (
        f"{START} NULLS LAST, CASE WHEN {START} IS NULL THEN q.id END",
        f"{START} DESC NULLS LAST, CASE WHEN {START} IS NULL THEN q.id END",
    ),
    "t": both(_STATE_RANK),
    "T": both(_text("q.state")),
    "u": both(_text("q.owner")),
    "U": both("q.uid"),
    "v": both(_text(option("reservation", ""))),
    "V": both("q.submit_time"),
    "z": both(
        "(q.options ->> 'sockets_per_node')::int",
        "(q.options ->> 'cores_per_socket')::int",
        "(q.options ->> 'threads_per_core')::int",
    ),
}

#: `-S` 分不出先后时：启动得晚的在前，还不知道启动时刻的在后，其中新的在前。
TIE = f"{START} DESC NULLS LAST, CASE WHEN {START} IS NULL THEN -q.id ELSE q.id END, q.task"

#: 默认的次序 `P,t,-p`，与 `TIE` 只差在扣住又另有开始时刻的作业。状态与优先级合成一个数，先后
#: 又多半由第三个数定了：十万行里省下一半的排序。
DEFAULT_ORDER = (
    f"{_text('q.part')}, ({_STATE_RANK})::bigint * 8589934592 - q.priority,"
    " CASE WHEN q.priority > 0 THEN coalesce(q.array_job_id, q.id) ELSE -q.id END, q.id, q.task"
)
