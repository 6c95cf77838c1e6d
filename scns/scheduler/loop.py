"""scnsd 的一轮，与把各轮串起来的循环。

一轮的次序有讲究：先执行请求与收尾，再排计划，这一轮腾出的资源这一轮就能用上。
每一步都从数据库的行出发，重做一遍不会有第二次效果，所以在任何一句之后死掉都可以重来。
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg2

from scns.db import jobs, lease, nodes
from scns.db import requests as request_sql
from scns.db.prepared import FORGET_PLANS
from scns.errors import ScnsError
from scns.planner.decision import Blocked
from scns.planner.plan import Planner
from scns.scheduler import (
    endings,
    estimate,
    explain,
    machine,
    recover,
    requests,
    starter,
    steps,
)
from scns.scheduler.allocator import LostLeaseError, allocate
from scns.scheduler.mail import LOOK_AGAIN, Mailer
from scns.scheduler.mirror import UNTOLD, Mirror
from scns.scheduler.orders import Orders
from scns.scheduler.ranking import Ranker
from scns.scheduler.reader import Reader
from scns.scheduler.verbs import VERBS
from scns.scheduler.verbs.suspension import resume_waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from scns.config import Config
    from scns.planner.plan import Plan
    from scns.scheduler.link import StepdLink

log = logging.getLogger(__name__)

#: 没有任何动静时多久看一眼；通知丢了也不过晚这么久。
SLOW_SECONDS = 30.0

#: 没有 stepd 可用时多久再试。
RETRY_SECONDS = 0.5


@dataclass(slots=True)
class Scheduler:
    """一个节点上的 scnsd；持有租约时也替全体节点排计划。

    参数：
        node：本节点的名字
        cursor：以角色 `scns` 打开的游标，自动提交
        reload：重读配置文件，返回新的配置
        epoch：手里的租约；None 是别的节点在排计划
        planner：留着的规划器；形状编译过一次就不再编译
        mirror：留着的快照；每轮只重读变了的
        configured：配置已经写进数据库
        orders：已经要求过 stepd 的
        resuming：有挂起的作业在等它的 CPU 空出来
    """

    node: str
    cursor: Any
    link: StepdLink
    config: Config
    conf_path: str | None
    reload: Callable[[], Config]
    reader: Reader
    epoch: int | None = None
    stopping: bool = False
    configured: bool = False
    planner: Planner = field(default_factory=Planner)
    orders: Orders = field(default_factory=Orders)
    mirror: Mirror = field(init=False)
    mailer: Mailer = field(init=False)
    ranker: Ranker = field(init=False)
    resuming: bool = True
    touched: list[int] = field(default_factory=list)
    next_slow: float = 0.0
    due: float | None = None
    stepd_up: bool | None = None

    def __post_init__(self) -> None:
        self.mirror = Mirror(self.reader)
        self.mailer = Mailer(self.config.mail_prog, self.config.mail_domain)
        self.ranker = Ranker.of(self.config)

    def begin(self) -> None:
        """连上数据库之后：听通知，报到，争租约，核对 stepd 的名单。"""
        self.cursor.execute("LISTEN scns; LISTEN scns_event")
        self.cursor.execute("SELECT scns.ensure_event_partitions(now())")
        self.epoch = lease.acquire(self.cursor, self.node)
        if self.epoch is not None:
            self.configure()
        else:
            # 分配由别的节点写下；排计划的自己知道，不必再被自己叫醒
            self.cursor.execute("LISTEN scns_node")
        facts = machine.facts(self.node)
        self.cursor.execute(nodes.REGISTER_NODE, facts)
        self.mirror.forget()
        self.orders.forget()
        self.next_slow = 0.0
        if self.link.connect():
            self.link.ask_again()

    def configure(self) -> None:
        """把配置写进数据库；断线重连不再写，免得盖掉管理员用 scontrol 改的。"""
        if not self.configured:
            nodes.apply_config(self.cursor, self.config)
            self.configured = True

    def run_once(self, now: float) -> bool:
        """走完一轮；还有没做完的、应当立刻再来一轮时返回 True。

        参数：
            now：epoch 秒
        """
        slow = now >= self.next_slow
        if slow:
            self.next_slow = now + SLOW_SECONDS
            self.keep_house()
        self.hear_stepd()
        more = self.apply_requests() if self.epoch is not None else False
        self.record_ended()
        if self.epoch is not None:
            self.settle(everything=slow)
            self.ranker.rank(self.cursor, now)
            self.plan_and_allocate(now, slow=slow)
        self.start_assigned()
        if self.link.client is not None:
            self.orders.give(self.cursor, self.node, self.link, float(self.config.kill_wait))
        self.look_ahead(now)
        return more

    def look_ahead(self, now: float) -> None:
        """寄信，并看好下一件有时刻的事；排计划的才管全体的。"""
        values = {"node": self.node, "grace": self.grace}
        self.cursor.execute(jobs.NEXT_DUE, values)
        due, warning, mail = self.cursor.fetchone()
        if self.epoch is None:
            self.due = warning
            return
        moments = (due, warning, self.ranker.due())
        self.due = min((one for one in moments if one is not None), default=None)
        if (mail and self.mailer.deliver(self.cursor)) or self.mailer.busy():
            self.due = min(self.due or now + LOOK_AGAIN, now + LOOK_AGAIN)

    @property
    def grace(self) -> int | None:
        """OverTimeLimit 的秒数；None 是超时也不结束。"""
        minutes = self.config.over_time_limit
        return None if minutes is None else minutes * 60

    def wait_seconds(self, now: float) -> float:
        """到下一件有时刻的事还有多久，秒；`now` 是 epoch 秒。"""
        due = min(self.next_slow, self.due if self.due is not None else self.next_slow)
        if self.link.client is None:
            due = min(due, now + RETRY_SECONDS)
        return max(0.0, due - now)

    def keep_house(self) -> None:
        """慢定时器：心跳、租约、清理，重作计划。"""
        if self.epoch is not None and not lease.renew(self.cursor, self.node, self.epoch):
            log.warning("lost the scheduling lease")
            self.epoch = None
        if self.epoch is None:
            self.epoch = lease.acquire(self.cursor, self.node)
        self.cursor.execute(FORGET_PLANS)
        self.cursor.execute(nodes.TOUCH_NODE, machine.load(self.node))
        if self.epoch is not None:
            self.cursor.execute(request_sql.FORGET_REQUESTS)
            self.cursor.execute(request_sql.END_LINGERING_SESSIONS)
            self.cursor.execute("SELECT scns.ensure_event_partitions(now())")

    def hear_stepd(self) -> None:
        """收下 stepd 的报告；刚连上时先与数据库核对。"""
        self.link.connect()
        self.link.receive()
        self.note_stepd(up=self.link.client is not None and self.link.boot_id is not None)
        if self.link.welcomed:
            self.link.welcomed = False
            recover.reconcile(self.cursor, self.node, self.link, self.start)
            self.orders.forget()
        self.link.resend_missing(self.load_script, self.load_environment)

    def note_stepd(self, *, up: bool) -> None:
        """让计划者与 `scns up` 知道本节点能不能启动作业；没有变就不写。"""
        if up != self.stepd_up:
            self.cursor.execute(nodes.SET_STEPD, {"node": self.node, "up": up})
            self.stepd_up = up

    def apply_requests(self) -> bool:
        """执行用户的请求，再把要送给 stepd 的送去；还有剩下的返回 True。"""
        effects = requests.apply_requests(
            self.cursor,
            VERBS | {"estimate": self.answer_estimate, "why": explain.Answerer(self.reader)},
        )
        self.touched += effects.touched
        for job_id, attempt, number, scope in effects.signals:
            self.link.signal((job_id, attempt), number, scope)
        for key in effects.lost:
            self.link.ended[key] = endings.lost(time.time())
        self.resuming = self.resuming or effects.resuming
        if effects.reconfigure:
            self.reload_config()
        self.stopping = self.stopping or effects.shutdown
        return effects.count >= requests.BATCH

    def answer_estimate(self, cursor: Any, asked: requests.Asked) -> list[Any]:
        """`--test-only` 的回答。"""
        submission = asked.argument["submission"]
        priority = self.ranker.estimate(cursor, submission, time.time())
        return [estimate.estimate(cursor, self.reader, submission, priority)]

    def reload_config(self) -> None:
        """重读配置文件；有错就记下并沿用旧的，不因为一个笔误停掉服务。"""
        try:
            self.config = self.reload()
        except ScnsError as error:
            log.error("configuration not reloaded: %s", error)
            return
        if self.epoch is not None:
            nodes.apply_config(self.cursor, self.config)
        self.reader = Reader.of(self.config)
        self.mirror = Mirror(self.reader)
        self.ranker = Ranker.of(self.config)
        self.mailer.program = self.config.mail_prog
        self.mailer.domain = self.config.mail_domain

    def record_ended(self) -> None:
        """记下作业步与结束的作业，提交之后才向 stepd 确认。"""
        if self.link.steps:
            self.link.acknowledge_steps(steps.record(self.cursor, self.node, self.link.steps))
        if not (self.link.ended or self.link.refused):
            return
        endings.drain(self.cursor, self.node, self.link)
        done, touched = endings.record(self.cursor, self.link, self.config, self.ranker.half_life)
        self.touched += touched
        self.orders.killing.difference_update(done)
        self.link.acknowledge(done)

    def settle(self, *, everything: bool) -> None:
        """做掉到了时刻的事，放行依赖已满足的，让等着 CPU 的挂起作业继续。"""
        self.cursor.execute(jobs.KEEP_TIME, {"grace": self.grace})
        self.touched += [job_id for (job_id,) in self.cursor.fetchall()]
        if self.resuming:
            self.resuming = resume_waiting(self.cursor)
        touched, self.touched = self.touched, []
        jobs.settle_dependencies(self.cursor, None if everything else touched)
        self.cursor.execute(jobs.CANCEL_INVALID_DEPENDENCY)
        self.touched += [job_id for (job_id,) in self.cursor.fetchall()]

    def plan_and_allocate(self, now: float, *, slow: bool) -> None:
        """跟上数据库；有变化，或到了慢定时器，就排计划，写下启动与其余各自的原因。"""
        if self.epoch is None:
            return
        mirror = self.mirror
        if not mirror.refresh(self.cursor, self.node, self.epoch, now, slow=slow):
            return
        decided = self.decide(now) if mirror.heads else None
        mirror.stale = False
        if decided is None:
            return
        if decided.starts and not self.allocate(decided):
            return
        self.write_reasons(decided, now)

    def decide(self, now: float) -> Plan | None:
        """排一次计划；规划出了差错为 None，记下来，别的照做。"""
        try:
            snapshot = self.mirror.snapshot(self.cursor, now)
            decided = self.planner.plan(snapshot, self.mirror.queue)
            while self.mirror.deepen(self.cursor, decided.ended, now):
                decided = self.planner.plan(snapshot, self.mirror.queue)
        except psycopg2.Error:
            raise
        except Exception:
            log.exception("planning failed")
            self.mirror.forget()
            self.planner = Planner()
            return None
        return decided

    def allocate(self, decided: Plan) -> bool:
        """写下启动；租约已不在手里时返回 False。"""
        assert self.epoch is not None
        starts, heads = decided.starts, self.mirror.heads
        try:
            started = allocate(self.cursor, self.node, self.epoch, starts, heads)
        except LostLeaseError:
            log.warning("lost the scheduling lease while planning")
            self.epoch = None
            return False
        # 有的作业行当时被别人锁着：什么也没有变，下一轮仍要再试
        self.mirror.stale = len(started) < len(starts)
        self.touched += [job_id for job_id, _ in started]
        return True

    def write_reasons(self, decided: Plan, now: float) -> None:
        """写下没有启动的各自的原因与预计；与库里相同的不写。"""
        heads = self.mirror.heads
        started = {start.job_id for start in decided.starts if heads[start.job_id].waiting is None}
        blocked = [
            decided.blocked_of(job)
            for job in self.mirror.unsettled(decided)
            if job.job_id not in started
        ]
        moved = {
            one.job_id
            for one in blocked
            if estimate.moved(heads[one.job_id].expected, one.expected_start, now)
        }
        changed = [
            one
            for one in blocked
            if one.job_id in moved or not _same(one.text, heads[one.job_id].reason)
        ]
        overtaken = self.mirror.overtaken()
        moved.update(overtaken)
        changed += [Blocked(job_id, "Priority") for job_id in overtaken]
        if changed:
            self.cursor.execute(
                jobs.SET_REASONS,
                {
                    "job_ids": [one.job_id for one in changed],
                    "reasons": [one.text for one in changed],
                    "expected": [one.expected_start for one in changed],
                    "moved": [one.job_id in moved for one in changed],
                },
            )
            self.mirror.tell(changed)
        self.mirror.settled(decided)

    def start_assigned(self) -> None:
        """启动分配到本节点、stepd 还不知道的作业。"""
        if self.link.client is None:
            return
        known = [job for job, _ in (*self.link.running, *self.link.starting, *self.link.ended)]
        self.start(starter.launches(self.cursor, self.node, None, known))

    def start(self, launches: list[dict[str, Any]]) -> None:
        """核对属主之后送给 stepd；属主已经换了人的作业拒绝启动。"""
        messages = []
        place = starter.Place(
            self.node,
            self.config.cluster_name,
            self.node,
            self.conf_path,
            os.path.dirname(self.link.run_dir),
            float(self.config.kill_wait),
            self.config.task_prolog,
            self.config.task_epilog,
        )
        for launch in launches:
            if launch["state"] != "RUNNING":
                continue
            key = (launch["job_id"], launch["attempt"])
            refusal = machine.owner_refusal(launch["owner"], launch["uid"])
            if refusal is not None:
                log.error("job %s: %s", starter.label(launch), refusal)
                self.link.refused[key] = refusal
                continue
            say = starter.start_message if launch["batch"] else starter.allocate_message
            messages.append(say(launch, place))
        if messages:
            self.link.start(messages, self.load_script, self.load_environment)

    def load_script(self, key: str) -> bytes | None:
        """按摘要取脚本正文。"""
        return self._body(jobs.SCRIPT, key)

    def load_environment(self, key: str) -> bytes | None:
        """按摘要取环境正文。"""
        return self._body(jobs.ENVIRONMENT, key)

    def _body(self, statement: str, key: str) -> bytes | None:
        self.cursor.execute(statement, {"key": key})
        row = self.cursor.fetchone()
        return None if row is None else bytes(row[0])


def _same(text: str, written: str) -> bool:
    """库里写着的原因显示出来是否已经一样。"""
    return text == written or (text in UNTOLD and written in UNTOLD)
