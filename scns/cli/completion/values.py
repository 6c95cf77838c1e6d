"""数据库里的候选：作业号、节点、分区、账户等，各是视图上一条便宜的查询。

服务器不在、太慢或不认识这个用户，就是没有候选：补全从不说错误，也不让人等。
"""

from __future__ import annotations

# 拼进去的都是下面的常量
# ruff: noqa: S608
import _thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.completion.wanted import Candidate

#: 等数据库至多这么多秒，连接在内。
PATIENCE = 1.0

#: 一种候选至多这么多个；再多也没有人看。
MOST = 500

_ACTIVE = "(q.state IN ('COMPLETING', 'PENDING', 'RUNNING', 'SUSPENDED'))"
# 子查询各只算一次
_ME = "(SELECT (scns.me()).uid)"
# 自己的，或者管得着的
_MINE = f"(q.uid = {_ME} OR (SELECT scns.is_operator()))"
_COLUMNS = "q.id, q.name, q.state, q.uid, q.owner, q.array_job_id, q.array_task_id, q.waiting"
_LIVE = f"SELECT {_COLUMNS} FROM scns.queue q WHERE {_ACTIVE}"

# 结束了的只看自己这一天的。写成一个 OR，服务器就会扫过整张表；分开的两支各有各的索引
_LATELY = f"""{_LIVE} UNION ALL
SELECT {_COLUMNS} FROM scns.queue q
 WHERE q.uid = {_ME} AND q.end_time > now() - interval '1 day'"""

#: 每个作业的号、作业名、状态与别人的名字；启动了的元素写成 `42_7`，它的数组也列出。
_JOB = """
SELECT v.shown, concat_ws(' ', q.name, q.state, CASE WHEN q.uid <> {me} THEN q.owner END)
  FROM ({source}) AS q
 CROSS JOIN LATERAL (
    VALUES (CASE WHEN q.array_task_id IS NULL OR q.waiting IS NOT NULL THEN q.id::text
                 ELSE q.array_job_id || '_' || q.array_task_id END, false),
           (q.array_job_id::text, true)) AS v(shown, whole)
 WHERE {condition}
   AND starts_with(v.shown, %(partial)s)
   AND (NOT v.whole OR q.array_task_id IS NOT NULL)
 ORDER BY q.uid <> {me}, v.whole, q.id DESC
 LIMIT %(most)s
"""

_STEP = f"""
SELECT CASE WHEN q.array_task_id IS NULL THEN q.id::text
            ELSE q.array_job_id || '_' || q.array_task_id END || '.'
       || CASE t.step_id WHEN -6 THEN 'interactive' WHEN -5 THEN 'batch' WHEN -4 THEN 'extern'
                         ELSE t.step_id::text END, t.name
  FROM scns.queue q JOIN scns.step_list t ON t.job_id = q.id AND t.attempt = q.attempt
 WHERE {_ACTIVE} AND {_MINE} AND t.end_time IS NULL
 ORDER BY q.uid <> {_ME}, q.id DESC, t.step_id
 LIMIT %(most)s
"""

#: 种类到查询；每行是值与说明。参数：partial、most。
STATEMENTS = {
    "job": _JOB.format(me=_ME, source=_LIVE, condition=_MINE),
    "any-job": _JOB.format(me=_ME, source=_LATELY, condition="true"),
    "past-job": _JOB.format(me=_ME, source=_LATELY, condition=_MINE),
    "pending-job": _JOB.format(me=_ME, source=_LIVE, condition=f"q.state = 'PENDING' AND {_MINE}"),
    "running-job": _JOB.format(me=_ME, source=_LIVE, condition=f"q.state = 'RUNNING' AND {_MINE}"),
    "suspended-job": _JOB.format(
        me=_ME, source=_LIVE, condition=f"q.state = 'SUSPENDED' AND {_MINE}"
    ),
    "step": _STEP,
    "job-name": f"""
SELECT DISTINCT q.name, '' FROM scns.queue q WHERE {_ACTIVE} AND {_MINE} ORDER BY 1 LIMIT %(most)s
""",
    "partition": """
SELECT p.name, concat_ws(', ', lower(p.state), CASE WHEN p.is_default THEN 'default' END,
                         'nodes: ' || cardinality(p.nodes))
  FROM scns.partition_list p ORDER BY p.position, p.name LIMIT %(most)s
""",
    "node": """
SELECT n.name,
       concat_ws(', ', n.cpus || ' CPUs', n.memory || ' MiB',
                 nullif(array_to_string(n.features, ','), ''))
  FROM scns.node_list n WHERE starts_with(n.name, %(partial)s)
 ORDER BY n.position, n.name LIMIT %(most)s
""",
    "feature": """
SELECT DISTINCT f.name, '' FROM scns.node_list n, unnest(n.features) AS f(name)
 ORDER BY 1 LIMIT %(most)s
""",
    "gres": """
SELECT DISTINCT v.name, '' FROM scns.node_list n, jsonb_object_keys(n.gres) AS g(key),
       LATERAL (VALUES (g.key), (split_part(g.key, ':', 1))) AS v(name)
 ORDER BY 1 LIMIT %(most)s
""",
    "license": """
SELECT split_part(l.item, ':', 1), split_part(l.item, ':', 2)
  FROM scns.setting_list v, unnest(string_to_array(nullif(v.value, '(null)'), ',')) AS l(item)
 WHERE v.name = 'Licenses' ORDER BY 1 LIMIT %(most)s
""",
    "account": """
SELECT a.name, a.description FROM scns.account_list a ORDER BY a.name LIMIT %(most)s
""",
    "qos": "SELECT q.name, q.description FROM scns.qos_list q ORDER BY q.name LIMIT %(most)s",
    "cluster": "SELECT v.value, '' FROM scns.setting_list v WHERE v.name = 'ClusterName'",
    "user": f"""
SELECT q.owner, '' FROM scns.queue q WHERE {_ACTIVE}
 UNION SELECT a.user_name, '' FROM scns.association_list a WHERE a.user_name <> ''
 ORDER BY 1 LIMIT %(most)s
""",
}


def fetch(kinds: tuple[str, ...], partial: str) -> list[Candidate]:
    """几种候选，照种类的次序；问不到时是空的。"""
    if not kinds:
        return []
    found: list[Candidate] = []
    ready = _thread.allocate_lock()
    ready.acquire()

    def ask() -> None:
        try:
            found.extend(_ask(kinds, partial))
        finally:
            ready.release()

    # 在 C 里等着的连接不能打断，所以在另一个线程里问，到时候就不等它了
    _thread.start_new_thread(ask, ())
    return list(found) if ready.acquire(timeout=PATIENCE) else []


def _ask(kinds: tuple[str, ...], partial: str) -> list[Candidate]:
    from scns.db import connect
    from scns.errors import ScnsError

    found: list[Candidate] = []
    try:
        connection: Any = connect.connect()
        # 不等它了以后，服务器也不必再算
        connect.call(connection, "SET statement_timeout = '1s'")
        parameters = {"partial": partial, "most": MOST}
        for kind in kinds:
            rows = connect.call(connection, STATEMENTS[kind], parameters)
            found += [(str(value), str(text or "")) for value, text in rows]
    except ScnsError:
        # 没有服务器，没有登记，或模式还没有升级
        return found
    return found
