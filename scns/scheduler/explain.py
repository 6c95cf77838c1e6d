"""`scns why` 的回答：一个作业为什么还没有启动，何时会，怎样改会早些。

只给事实，句子由命令去说。事实都来自排计划用的同一种快照与同一个规划器；什么也不写。
时刻是 epoch 秒，内存是 MiB，None 是没有或算不出。
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import psycopg2

from scns import arrays
from scns.db import inquiries
from scns.planner.forecast import Throttle, forecast
from scns.planner.plan import plan
from scns.planner.shortage import holders, shortages
from scns.planner.variants import changes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scns.planner.decision import Blocked
    from scns.planner.limits import Excess
    from scns.planner.plan import Plan
    from scns.planner.snapshot import Partition, Running, Waiting
    from scns.scheduler.reader import Head, Reader
    from scns.scheduler.requests import Asked

log = logging.getLogger(__name__)

#: 每个形状看多少个排在前面的作业；更多时只说至少这么多，也不预测。
DEPTH = 200

#: 一轮里回答用去这么多秒以后，余下的改问。
BUDGET_SECONDS = 0.2

#: 改问时说的话；`scns why` 看见它就再问一遍。
LATER = "Too many questions at once, ask again"

#: 一张名单里至多列几个作业。
LISTED = 5

Facts = dict[str, Any]


def explain(cursor: Any, reader: Reader, target: Mapping[str, Any]) -> Facts:
    """回答一个目标：`{"job": 42}` 或 `{"job": 42, "tasks": "{[7,8)}"}`。

    返回：
        `scns.db.inquiries.find` 的各项；排队的另有 `_Inquiry.facts` 的。没有这个作业时是
        `{"error": …}`
    """
    now = time.time()
    tasks = target.get("tasks")
    found = inquiries.find(cursor, int(target["job"]), tasks)
    if found is None:
        return {"error": "Invalid job id specified"}
    own = reader.read_job(cursor, found["id"], now)
    if own is not None:
        found |= _Inquiry(cursor, reader, found, own, now).facts(tasks)
        asked = arrays.from_multirange(tasks) if tasks else []
        if own[1].waiting is not None and arrays.count(asked) == 1:
            found["job"] = f"{found['id']}_{asked[0][0]}"
    return {"now": now, **found}


class Answerer:
    """一轮里的 `why` 请求；问得再多也不耽误排计划，回答出了错也不连累别的。"""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._spent = 0.0

    def __call__(self, cursor: Any, asked: Asked) -> list[Any]:
        """逐个目标回答。"""
        return [self._answer(cursor, target) for target in asked.target]

    def _answer(self, cursor: Any, target: Mapping[str, Any]) -> Facts:
        if self._spent > BUDGET_SECONDS:
            return {"error": LATER}
        began = time.monotonic()
        try:
            return self._explain(cursor, target)
        finally:
            self._spent += time.monotonic() - began

    def _explain(self, cursor: Any, target: Mapping[str, Any]) -> Facts:
        try:
            return explain(cursor, self._reader, target)
        except psycopg2.Error:
            raise
        except Exception:
            # 只是一问：规划里的差错记下即可，不能让 scnsd 一再为它倒下
            log.exception("why %s failed", target)
            return {"error": "Unspecified error"}


class _Inquiry:
    """一次询问：被问的作业，快照，与快照里的别的作业。"""

    def __init__(
        self, cursor: Any, reader: Reader, row: Facts, own: tuple[Waiting, Head], now: float
    ) -> None:
        self._cursor = cursor
        self._row = row
        self._now = now
        self._job, self._head = own
        snapshot, heads = reader.read(cursor, now, DEPTH)
        others = [job for job in snapshot.waiting if job.job_id != self._job.job_id]
        # 快照里没有被问的作业
        self._snapshot = replace(snapshot, waiting=others)
        self._heads = heads | {self._job.job_id: self._head}
        tiers = {partition.name: partition.tier for partition in snapshot.partitions}
        self._ahead = [job for job in others if _before(job, self._job, tiers)]
        self._ahead.sort(key=lambda job: _rank(job, tiers))
        # 这一轮的决定与排在它后面的无关
        self._before = replace(snapshot, waiting=self._ahead)
        self._many = _truncated(self._ahead)

    def facts(self, tasks: str | None) -> Facts:
        """排队的作业的事实。

        `hold`、`dependencies`、`begin` 是还不让它排队的；都没有时另有 `_competing` 的各项。
        `expected` 是预计何时启动；被扣住的，是假如现在放开。
        """
        dependencies = []
        if self._row["dependency"] != "MET":
            dependencies = inquiries.dependencies(self._cursor, self._job.job_id)
            self._name_parents(dependencies)
        begin = self._row["begin"]
        later = begin is not None and begin > self._now
        found: Facts = {"dependencies": dependencies, "begin": begin if later else None}
        nth = self._nth(tasks)
        if self._row["hold"] is None and not dependencies and not later:
            return found | self._competing(nth)
        eligible = self._eligible(dependencies, begin if later else None)
        if eligible is not None:
            found["expected"] = self._forecast(eligible, nth)
        return found

    def _eligible(self, dependencies: list[Facts], begin: float | None) -> float | None:
        """依赖与开始时刻何时不再挡着；说不准时为 None。"""
        moments = [begin or self._now]
        for edge in dependencies:
            if edge["state"] == "NEVER":
                return None
            if edge["state"] == "WAITING":
                met = self._met(edge)
                if met is None:
                    return None
                moments.append(met)
        return max(moments)

    def _met(self, edge: Facts) -> float | None:
        """一条依赖何时满足，假定等的作业都用满时限；说不准时为 None。"""
        moments = [self._now]
        for parent in edge["open"]:
            start, end = parent["start"], parent["end"]
            if parent["state"] == "PENDING":
                start, end = self._forecast_parent(parent["id"])
            moment = end
            if edge["kind"] == "after":
                moment = None if start is None else start + edge["delay"] * 60
            if moment is None:
                return None
            moments.append(moment)
        return max(moments)

    def _competing(self, nth: int) -> Facts:
        """正在排队的：缺什么，谁占着，谁在前面，哪条上限挡着，何时轮到，怎样改会早些。

        键：
            reason：squeue 的原因；`starts` 为真时没有什么挡着，这一轮就启动
            short、held_by：缺的与占着它们的，后者先结束的在前，至多 `LISTED` 个；`holders` 是总数
            promised：资源够，但已许给前面的这些作业
            ahead：排在前面的，`count` 个，列出头几个；`more` 为真时不止这么多
            excess、unavailable、partitions、throttle：挡着它的上限、节点、分区的规矩、`%N`
            policy：排程的策略，见 `Policy`
        """
        alone = plan(replace(self._snapshot, waiting=[self._job]))
        decided = plan(replace(self._snapshot, waiting=[*self._ahead, self._job]))
        blocked = decided.blocked_of(self._job)
        starts = any(start.job_id == self._job.job_id for start in decided.starts)
        lacking = [] if starts else shortages(self._snapshot, self._job)
        held_by = holders(self._snapshot, lacking, alone.blocked_of(self._job).blockers)
        throttled = blocked.reason == "JobArrayTaskLimit"
        if throttled:
            lacking = []
            own = self._job.job_id
            held_by = [job for job in self._snapshot.running if job.array_id == own]
        found: Facts = {
            "reason": blocked.text,
            "starts": starts,
            "short": [asdict(one) for one in lacking],
            "holders": len(held_by),
            "held_by": self._describe_running(held_by[:LISTED]),
            "promised": [] if starts or lacking else self._promised(decided),
            "ahead": self._describe_ahead(decided),
            "excess": blocked.excess and self._describe_excess(blocked.excess),
            "unavailable": inquiries.nodes(self._cursor, blocked.unavailable),
            "partitions": self._partitions(),
            "throttle": {"limit": self._head.throttle, "active": self._head.active},
            "policy": self._snapshot.policy.kind,
            "expected": self._expected(blocked, starts, nth),
        }
        if not starts and not throttled:
            found["changes"] = [_given(asdict(one)) for one in changes(self._before, self._job)]
        return found

    def _expected(self, blocked: Blocked, starts: bool, nth: int) -> float | None:
        if starts and nth == 1:
            return self._now
        if blocked.expected_start is not None and nth == 1:
            return blocked.expected_start
        return self._forecast(self._now, nth)

    def _forecast(self, eligible: float, nth: int) -> float | None:
        """从 `eligible` 起参与排队的话，预计何时启动。"""
        if self._many:
            return None
        job = replace(self._job, eligible=eligible)
        snapshot = replace(self._snapshot, waiting=[*self._snapshot.waiting, job])
        return forecast(snapshot, job.job_id, nth=nth, arrays=self._throttles())

    def _forecast_parent(self, job_id: int) -> tuple[float | None, float | None]:
        """等着的作业自己还在排队时，预计何时启动、何时结束；数组看它最后一个元素。"""
        throttles = self._throttles()
        nth = throttles[job_id].left if job_id in throttles else 1
        start = forecast(self._snapshot, job_id, nth=nth, arrays=throttles)
        limits = [job.request.time_limit for job in self._snapshot.waiting if job.job_id == job_id]
        if start is None or limits[0] is None:
            return start, None
        return start, start + limits[0]

    def _throttles(self) -> dict[int, Throttle]:
        return {
            job_id: Throttle(arrays.count(head.waiting), head.active, head.throttle)
            for job_id, head in self._heads.items()
            if head.waiting is not None
        }

    def _nth(self, tasks: str | None) -> int:
        """问的是数组里第几个启动的元素。"""
        if tasks is None or self._head.waiting is None:
            return 1
        asked = arrays.intersect(self._head.waiting, arrays.from_multirange(tasks))
        first = asked[0][0]
        return 1 + sum(
            min(stop, first) - start for start, stop in self._head.waiting if start < first
        )

    def _promised(self, decided: Plan) -> list[Facts]:
        """资源够用却不能用：许给了谁，从何时起，哪些节点。"""
        ahead = {job.job_id for job in self._ahead}
        promises = [
            one
            for one in decided.blocked.values()
            if one.job_id in ahead and one.nodes and one.reason != "BeginTime"
        ][:LISTED]
        named = inquiries.mentioned(self._cursor, [one.job_id for one in promises])
        return [
            named[one.job_id] | {"start": one.expected_start, "on": list(one.nodes)}
            for one in promises
            if one.job_id in named
        ]

    def _describe_running(self, running: Sequence[Running]) -> list[Facts]:
        named = inquiries.mentioned(self._cursor, [job.job_id for job in running])
        return [
            named[job.job_id]
            | {
                "licenses": dict(job.licenses),
                "gres": {name: count for use in job.uses for name, count in use.gres.items()},
            }
            for job in running
            if job.job_id in named
        ]

    def _describe_ahead(self, decided: Plan) -> Facts:
        shared = set(self._job.request.partitions)
        ahead = [job for job in self._ahead if shared & set(job.request.partitions)]
        first = [job.job_id for job in ahead[:LISTED]]
        named = inquiries.mentioned(self._cursor, first)
        for job_id, facts in named.items():
            # 库里写着的是上一轮的
            blocked = decided.blocked.get(job_id)
            facts["expected"] = blocked.expected_start if blocked else None
        count = sum(
            max(arrays.count(self._heads[job.job_id].waiting or [(0, 1)]), 1) for job in ahead
        )
        return {
            "count": count,
            "more": self._many,
            "jobs": [named[job_id] for job_id in first if job_id in named],
        }

    def _describe_excess(self, excess: Excess) -> Facts:
        own = f"user {self._job.uid}"
        owner = f"user {self._row['owner']}" if excess.owner == own else excess.owner
        return asdict(excess) | {"owner": owner}

    def _partitions(self) -> list[Facts]:
        """请求的各分区的规矩。"""
        wanted = self._job.request.partitions
        known = {partition.name: partition for partition in self._snapshot.partitions}
        return [_rules(known[name]) for name in wanted if name in known]

    def _name_parents(self, dependencies: list[Facts]) -> None:
        """依赖边上还没结束的作业，各是谁的。"""
        ids = [parent["id"] for edge in dependencies for parent in edge["open"]]
        named = inquiries.mentioned(self._cursor, ids)
        for edge in dependencies:
            edge["open"] = [parent | named.get(parent["id"], {}) for parent in edge["open"]]


def _rank(job: Waiting, tiers: Mapping[str, int]) -> tuple[int, int, int]:
    tier = max((tiers.get(name, 1) for name in job.request.partitions), default=1)
    return (-tier, -job.priority, job.job_id)


def _before(one: Waiting, other: Waiting, tiers: Mapping[str, int]) -> bool:
    return _rank(one, tiers) < _rank(other, tiers)


def _truncated(ahead: Sequence[Waiting]) -> bool:
    """有没有一个形状，排在前面的没有读全。"""
    counts: dict[int, int] = {}
    for job in ahead:
        counts[job.shape] = counts.get(job.shape, 0) + 1
    return max(counts.values(), default=0) >= DEPTH


def _rules(partition: Partition) -> Facts:
    return {
        "name": partition.name,
        "up": partition.up,
        "inactive": partition.inactive,
        "max_time": partition.max_time,
        "min_nodes": partition.min_nodes,
        "max_nodes": partition.max_nodes,
        "nodes": len(partition.nodes),
    }


def _given(facts: Facts) -> Facts:
    """`start` 之外，没有说的项不列出。"""
    return {key: value for key, value in facts.items() if value is not None or key == "start"}
