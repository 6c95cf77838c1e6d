"""队列：按形状成列，次序不变。"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.queue import Queue, Walk
from tests.unit.planner_cases import NOW, request, waiting


def order(queue):
    """走过全队，每个都当作启动了。"""
    walk = Walk(queue)
    seen = []
    for line, index in walk:
        seen.append(line.jobs[index].job_id)
        walk.go_on(line, index)
    return seen


steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "remove", "priority"]),
        st.integers(0, 30),
        st.integers(0, 3),
        st.integers(1, 5),
    ),
    max_size=60,
)


@given(steps)
@settings(max_examples=200, deadline=None)
def test_the_order_is_that_of_a_sorted_list_after_any_changes(changes):
    queue = Queue()
    model = {}
    for action, job_id, shape, priority in changes:
        if action == "add" and job_id not in model:
            model[job_id] = waiting(job_id, shape=shape, priority=priority)
            queue.add(model[job_id])
        elif action == "remove" and job_id in model:
            queue.remove(model.pop(job_id))
        elif action == "priority" and job_id in model:
            queue.set_priority(model[job_id], priority)
    expected = sorted(model.values(), key=lambda job: (-job.priority, job.job_id))
    assert order(queue) == [job.job_id for job in expected]
    assert len(queue) == len(model)
    assert {job.job_id for job in queue} == set(model)
    assert len(queue.heads) == len({job.shape for job in model.values()})
    assert queue.partitions["main"] == len(queue.heads)


def test_a_queue_built_at_once_equals_one_built_step_by_step():
    jobs = [waiting(at, shape=at % 3, priority=at * 7 % 5) for at in range(50)]
    built = Queue(jobs)
    added = Queue()
    for job in jobs:
        added.add(job)
    assert order(built) == order(added)


def test_a_walk_sees_only_heads_until_told_otherwise():
    queue = Queue(waiting(at, shape=at % 2) for at in range(10))
    assert [line.jobs[index].job_id for line, index in Walk(queue)] == [0, 1]


def test_tier_comes_before_priority():
    tiers = {"main": 1, "high": 2}
    high = request(partitions=("high",))
    queue = Queue(
        [waiting(1, priority=9), waiting(2, high, priority=1)],
        tier=lambda asked: max(tiers[name] for name in asked.partitions),
    )
    assert order(queue) == [2, 1]


def test_a_job_not_yet_eligible_waits_aside():
    queue = Queue()
    queue.add(waiting(1, eligible=NOW + 10), NOW)
    queue.add(waiting(2), NOW)
    assert order(queue) == [2]
    assert len(queue) == 2
    queue.advance(NOW + 9)
    assert order(queue) == [2]
    queue.advance(NOW + 10)
    assert order(queue) == [1, 2]


def test_a_job_put_aside_can_be_removed_and_changed():
    first, second = waiting(1, eligible=NOW + 10), waiting(2, eligible=NOW + 10, priority=5)
    queue = Queue([first, second], now=NOW)
    queue.set_priority(second, 500)
    queue.remove(first)
    queue.advance(NOW + 10)
    assert order(queue) == [2]
    assert second.priority == 500


def test_removing_what_is_not_there_changes_nothing():
    queue = Queue([waiting(1)])
    queue.remove(waiting(2))
    queue.remove(waiting(3, shape=1))
    assert order(queue) == [1]


def test_owners_split_a_shape():
    jobs = [waiting(1, shape=1, uid=1), waiting(2, shape=1, uid=2), waiting(3, shape=1, uid=1)]
    assert len(Queue(jobs).heads) == 1
    assert len(Queue(jobs, owners=True).heads) == 2


def test_a_line_drained_from_its_head_keeps_its_order():
    jobs = [waiting(at, shape=0) for at in range(1000)]
    queue = Queue(jobs)
    for job in jobs[:900]:
        queue.remove(job)
    assert order(queue) == list(range(900, 1000))
    assert len(queue.heads[0][1].jobs) < 300
