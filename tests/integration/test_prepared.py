"""准备好的语句：只分析一次，结果与照常执行的相同；大批的、别的语句照常。"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from scns.db import accounts, control, jobs, nodes, prepared
from scns.db.prepared import FEW, FORGET_PLANS, STATEMENTS, PreparedCursor


@pytest.fixture
def quick(cursor) -> Iterator[PreparedCursor]:
    with cursor.connection.cursor(cursor_factory=PreparedCursor) as made:
        yield made
        made.execute("DEALLOCATE ALL")


def made_ready(cursor: Any) -> int:
    """服务器上准备好了几条语句。"""
    cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'scns%%'", ())
    (number,) = cursor.fetchone()
    return int(number)


@pytest.mark.parametrize("statement", sorted(STATEMENTS), ids=lambda text: text.split()[1])
def test_every_statement_can_be_prepared(cursor, statement):
    preparation, _ = prepared.prepare("checked", statement)
    cursor.execute(preparation)
    cursor.execute("DEALLOCATE checked")


def test_a_statement_is_prepared_once(quick):
    for _ in range(10):
        quick.execute(nodes.NODES, {"names": None})
    assert made_ready(quick) == 1


def test_a_prepared_statement_answers_like_a_plain_one(cursor, quick, site):
    values = {"node": "n1", "ids": None, "known": []}
    for statement, given in (
        (nodes.NODES, {"names": ["n1"]}),
        (jobs.LAUNCHES, values),
        (jobs.RUNNING_OF, {"ids": [1, 2]}),
        (jobs.KEEP_TIME, {"grace": None}),
        (jobs.NEXT_DUE, {"grace": 60, "node": "n1"}),
        (control.ORDERS, {"node": "n1"}),
    ):
        cursor.execute(statement, given)
        expected = cursor.fetchall()
        # 头五次照参数作计划，之后的计划不看参数
        for _ in range(7):
            quick.execute(statement, given)
            assert quick.fetchall() == expected


def test_a_prepared_change_tells_how_many_rows_it_changed(quick):
    for ids in ([], [1]):
        quick.execute(accounts.CHARGE, {"ids": ids, "half_life": None})
        assert quick.rowcount == 0


def test_a_large_batch_is_planned_for_its_size(quick):
    quick.execute(jobs.RUNNING_OF, {"ids": list(range(FEW + 1))})
    assert made_ready(quick) == 0
    quick.execute(jobs.RUNNING_OF, {"ids": list(range(FEW))})
    assert made_ready(quick) == 1


def test_other_statements_are_not_prepared(quick):
    quick.execute("SELECT 1 WHERE 'a%%' LIKE %(like)s", {"like": "a_"})
    assert quick.fetchall() == [(1,)]
    assert made_ready(quick) == 0


def test_two_cursors_of_a_connection_do_not_get_in_each_others_way(cursor, quick):
    with cursor.connection.cursor(cursor_factory=PreparedCursor) as other:
        for one in (quick, other, quick):
            one.execute(nodes.NODES, {"names": None})
    assert made_ready(quick) == 2


def test_a_failed_transaction_leaves_what_was_prepared_usable(quick):
    quick.execute("BEGIN")
    quick.execute(nodes.NODES, {"names": None})
    with pytest.raises(psycopg2.Error):
        quick.execute("SELECT 1 / 0")
    quick.execute("ROLLBACK")
    quick.execute(nodes.NODES, {"names": None})


def test_forgetting_the_plans_keeps_the_statements(quick):
    quick.execute(nodes.NODES, {"names": None})
    quick.execute(FORGET_PLANS)
    quick.execute(nodes.NODES, {"names": None})
    assert made_ready(quick) == 1


def test_plans_are_made_anew_as_tables_grow(cursor, monkeypatch):
    statement = "SELECT id FROM grown WHERE id = ANY (%(ids)s::bigint[])"
    monkeypatch.setattr(prepared, "STATEMENTS", {statement})
    monkeypatch.setattr(prepared, "RENEWAL", 8)
    given = {"ids": [1]}
    with cursor.connection.cursor(cursor_factory=PreparedCursor) as quick:
        quick.execute("CREATE TEMP TABLE grown (id bigint PRIMARY KEY)")
        quick.execute("INSERT INTO grown VALUES (1); ANALYZE grown")
        for _ in range(7):
            quick.execute(statement, given)
        quick.execute("INSERT INTO grown SELECT generate_series(2, 50000)")
        assert "Seq Scan" in plan_of(quick, statement, given)
        quick.execute(statement, given)
        assert "Index" in plan_of(quick, statement, given)
        quick.execute("DROP TABLE grown; DEALLOCATE ALL")


def plan_of(quick: PreparedCursor, statement: str, given: dict[str, Any]) -> str:
    """服务器此刻会照哪个计划执行准备好的语句。"""
    quick.execute("EXPLAIN " + quick._prepared[statement], given)
    return str(quick.fetchall())


def test_the_types_written_in_a_statement_are_declared():
    statement = "SELECT 1 WHERE a = ANY (%(a)s) AND %(a)s::int[] IS NULL AND b LIKE '%%' || %(b)s"
    preparation, execution = prepared.prepare("s", statement)
    assert preparation == (
        "PREPARE s (int[], unknown) AS "
        "SELECT 1 WHERE a = ANY ($1) AND $1::int[] IS NULL AND b LIKE '%' || $2"
    )
    assert execution == "EXECUTE s (%(a)s::int[], %(b)s)"


def test_a_statement_without_parameters_needs_no_list():
    assert prepared.prepare("s", "SELECT 1") == ("PREPARE s AS SELECT 1", "EXECUTE s")
