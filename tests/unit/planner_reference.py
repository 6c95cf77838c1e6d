"""一个显然正确的规划器：什么都不缓存，什么都穷举，只用来与真的比较。

它把已知的事写成“预订”的列表（谁、从何时到何时、在哪个节点占多少），空闲量总是从头加一遍；
摆法枚举节点的所有子集；最早的机会逐个时刻去试。
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import inf

from scns.planner.features import matches
from scns.planner.snapshot import Node, Partition, Request, Snapshot, Waiting


@dataclass
class Booked:
    """一份预订；`node` 为 None 时是许可证。"""

    node: str | None
    start: float
    end: float
    amount: dict[str, int]


@dataclass
class Answer:
    """决定：启动（作业号、分区、各节点的任务与资源）与许诺（作业号到时刻与节点）。"""

    starts: list[tuple[int, str, dict[str, tuple[int, int, int]]]]
    promises: dict[int, tuple[float, tuple[str, ...]]]


class Reference:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snap = snapshot
        self.now = snapshot.now
        self.nodes = {node.name: node for node in snapshot.nodes}
        self.order = {node.name: at for at, node in enumerate(snapshot.nodes)}
        self.parts = {part.name: part for part in snapshot.partitions}
        self.booked: list[Booked] = []
        for job in snapshot.running:
            end = inf if job.end is None else max(job.end, self.now + 1)
            for use in job.uses:
                amount = {"cpu": use.cpus, "mem": use.memory, **use.gres}
                self.booked.append(Booked(use.node, self.now, end, amount))
            self.booked.append(Booked(None, self.now, end, dict(job.licenses)))

    # 空闲量

    def instants(self, start: float, end: float) -> list[float]:
        edges = {edge for item in self.booked for edge in (item.start, item.end)}
        edges |= {edge for wall in self.snap.reservations for edge in (wall.start, wall.end)}
        return [start, *sorted(edge for edge in edges if start < edge < end)]

    def free(self, name: str | None, kind: str, moment: float) -> int:
        if name is None:
            total = self.snap.licenses.get(kind, 0)
        else:
            node = self.nodes[name]
            total = {"cpu": node.cpus, "mem": node.memory, **node.gres}.get(kind, 0)
        taken = sum(
            item.amount.get(kind, 0)
            for item in self.booked
            if item.node == name and item.start <= moment < item.end
        )
        return total - taken

    def has(self, name: str | None, amount: dict[str, int], start: float, end: float) -> bool:
        return all(
            self.free(name, kind, moment) >= count
            for moment in self.instants(start, end)
            for kind, count in amount.items()
        )

    # 摆法

    def amount(self, ask: Request, part: Partition, node: Node, tasks: int) -> dict[str, int]:
        if ask.exclusive or part.exclusive:
            cpus = node.cpus
        elif ask.overcommit:
            cpus = ask.mincpus or 1
        else:
            cpus = max(tasks * ask.cpus_per_task, ask.mincpus or 1)
        memory = 0
        if ask.memory_per_cpu:
            memory = ask.memory_per_cpu * cpus
        elif ask.memory_per_node is not None:
            memory = ask.memory_per_node or node.memory
        return {"cpu": cpus, "mem": memory, **ask.gres}

    def most(self, ask: Request, part: Partition, name: str, start: float, end: float) -> int:
        node = self.nodes[name]
        for wall in self.snap.reservations:
            if name in wall.nodes and wall.start < end and start < wall.end:
                return 0
        top = max(ask.tasks, ask.nodes_min)
        for tasks in range(min(top, ask.tasks_per_node or top), 0, -1):
            if ask.exclusive or part.exclusive:
                # 独占的节点资源与任务数无关，任务数仍不能超过 CPU 数
                if tasks * ask.cpus_per_task > node.cpus and not ask.overcommit:
                    continue
            if self.has(name, self.amount(ask, part, node, tasks), start, end):
                return tasks
        return 0

    def place(
        self, ask: Request, part: Partition, start: float, end: float, up: bool = True
    ) -> dict[str, int] | None:
        usable = [
            name
            for name in part.nodes
            if (self.nodes[name].up or not up)
            and name not in ask.exclude
            and (
                ask.features is None
                or matches(ask.features.alternatives[0], self.nodes[name].features)
            )
        ]
        usable.sort(key=lambda name: (self.nodes[name].weight, self.order[name]))
        least = max(ask.nodes_min, part.min_nodes, len(ask.nodelist))
        tasks = max(ask.tasks, least)
        caps = {name: self.most(ask, part, name, start, end) for name in usable}
        sets = []
        for count in range(least, len(usable) + 1):
            if count > tasks or count > (ask.nodes_max or inf) or count > (part.max_nodes or inf):
                continue
            for chosen in combinations(usable, count):
                good = all(caps[name] > 0 for name in chosen) and ask.nodelist <= set(chosen)
                if good and sum(caps[name] for name in chosen) >= tasks:
                    sets.append(chosen)
        if not sets:
            return None
        spread = ask.nodes_max is not None and ask.nodes_max > ask.nodes_min
        best = min(
            sets,
            key=lambda names: (
                max(self.nodes[name].weight for name in names),
                -len(names) if spread else len(names),
                [usable.index(name) for name in names],
            ),
        )
        left = tasks - len(best)
        dealt = {}
        for name in best:
            extra = min(left, caps[name] - 1)
            dealt[name] = 1 + extra
            left -= extra
        return dealt

    # 决定

    def try_at(self, job: Waiting, part: Partition, start: float) -> dict[str, int] | None:
        ask = job.request
        end = start + (inf if ask.time_limit is None else ask.time_limit)
        if not self.has(None, dict(ask.licenses), start, end):
            return None
        return self.place(ask, part, start, end)

    def book(self, job: Waiting, part: Partition, start: float, dealt: dict[str, int]) -> None:
        ask = job.request
        end = start + (inf if ask.time_limit is None else ask.time_limit)
        for name, tasks in dealt.items():
            amount = self.amount(ask, part, self.nodes[name], tasks)
            self.booked.append(Booked(name, start, end, amount))
        self.booked.append(Booked(None, start, end, dict(ask.licenses)))

    def chance(self, job: Waiting, parts: list[Partition]):
        moments = [moment for moment in self.instants(self.now, inf) if moment > self.now]
        for moment in moments:
            for part in parts:
                dealt = self.try_at(job, part, moment)
                if dealt:
                    return moment, part, dealt
        return None

    def possible(self, job: Waiting, part: Partition) -> bool:
        """此分区里、可用的节点全部空闲时能否启动。"""
        ask = job.request
        if not part.up or (part.max_time and (ask.time_limit or inf) > part.max_time):
            return False
        if any(self.snap.licenses.get(name, 0) < n for name, n in ask.licenses.items()):
            return False
        mine, self.booked = self.booked, []
        walls, self.snap.reservations = self.snap.reservations, ()
        dealt = self.place(ask, part, self.now, inf)
        self.booked, self.snap.reservations = mine, walls
        return dealt is not None

    def run(self) -> Answer:
        kind = self.snap.policy.kind
        answer = Answer([], {})
        closed: set[str] = set()
        promised: set[str] = set()

        def tier(job: Waiting) -> int:
            return max(self.parts[name].tier for name in job.request.partitions)

        for job in sorted(
            self.snap.waiting, key=lambda job: (-tier(job), -job.priority, job.job_id)
        ):
            parts = sorted(
                (self.parts[name] for name in job.request.partitions), key=lambda p: -p.tier
            )
            parts = [part for part in parts if self.possible(job, part)]
            for _ in range(job.count):
                if not self.start(job, [p for p in parts if p.name not in closed], answer):
                    break
            else:
                continue
            if not parts:
                continue
            names = {part.name for part in parts}
            if kind == "fifo":
                nodes = {name for part in parts for name in part.nodes}
                closed |= {p.name for p in self.parts.values() if nodes & set(p.nodes)}
            elif kind == "conservative" or (kind == "easy" and not names & promised):
                found = self.chance(job, parts)
                if found:
                    moment, part, dealt = found
                    self.book(job, part, moment, dealt)
                    promised |= names
                    answer.promises[job.job_id] = (moment, tuple(sorted(dealt)))
        return answer

    def start(self, job: Waiting, parts: list[Partition], answer: Answer) -> bool:
        for part in parts:
            dealt = self.try_at(job, part, self.now)
            if dealt:
                self.book(job, part, self.now, dealt)
                shares = {}
                for name, tasks in dealt.items():
                    amount = self.amount(job.request, part, self.nodes[name], tasks)
                    shares[name] = (tasks, amount["cpu"], amount["mem"])
                answer.starts.append((job.job_id, part.name, shares))
                return True
        return False
