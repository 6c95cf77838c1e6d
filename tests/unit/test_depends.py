"""依赖的写法、印法与判定；各例都照着真的 Slurm 22.05 核对过。"""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scns.depends import (
    ALL,
    KINDS,
    MAX_TERMS,
    MET,
    NEVER,
    SINGLETON,
    WAITING,
    Dependency,
    InvalidDependency,
    Parent,
    Term,
    evaluate,
    judge,
    parse,
    settle,
    target,
)

PROPERTY = settings(max_examples=150, deadline=None)

PROBLEM = "Job dependency problem"

#: Slurm 拒绝的，以及它读成别的作业号、这里也拒绝的（`afterok:-1`、`afterok:75_` 等）。
MALFORMED = """
afterok afterok: afterok:abc afterok:0 afterok:-1 afterok:+5 afterok:0x10 afterok:73.0
afterok:73, afterok:73? ,afterok:73 afterok:73,,afterok:74 afterok:73::74 afterok:73:
afterokay:73 aft:73 afterbogus:73 before:73 :73 , ? none 00 0,73 73,0 73: 73, 73:74 75_[1-2]
73?74 73+5
73,afterok:74 afterok:73;afterok:74 afterok:73singleton singletonafterok:73 singleton:
singleton:73 singletonx expand afterok:75_ afterok:75_x afterok:75_1-2 afterok:75_-1
afterok:75_[1 afterok:75_1] afterok:75_[] afterok:75_[a] afterok:75_** afterok:75_[1-4%2]
afterok:75_[99999999] afterok:75_4294967296 afterok:75_1_2 after:73+0 after:73+x after:73+
after:73+-1 after:73+1.5 after:73+71582789 after:73+5+6 afterok:99999999999999999999 afterok:７３
afterok:²
""".split()


# 读与印


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("after:73", "after:73(unfulfilled)"),
        ("afterany:73", "afterany:73(unfulfilled)"),
        ("afternotok:73", "afternotok:73(unfulfilled)"),
        ("aftercorr:73", "aftercorr:73(unfulfilled)"),
        ("afterburstbuffer:73", "afterburstbuffer:73(unfulfilled)"),
        ("AFTEROK:73", "afterok:73(unfulfilled)"),
        ("afterok:73:74", "afterok:73(unfulfilled),afterok:74(unfulfilled)"),
        ("afterok:73,afterok:74", "afterok:73(unfulfilled),afterok:74(unfulfilled)"),
        ("afterok:73?afterany:74", "afterok:73(unfulfilled)?afterany:74(unfulfilled)"),
        ("singleton", "singleton(unfulfilled)"),
        ("SingleTon", "singleton(unfulfilled)"),
        ("singleton,afterok:73", "singleton(unfulfilled),afterok:73(unfulfilled)"),
        ("afterok:73?singleton", "afterok:73(unfulfilled)?singleton(unfulfilled)"),
        ("", ""),
        ("0", ""),
    ],
)
def test_every_kind_prints_as_squeue_prints_it(text, printed):
    assert parse(text).shown() == printed


@pytest.mark.parametrize(
    "text",
    ["afterok:1?afterany:2,after:1", "afterok:1,afterany:2?after:1", "after:1,after:2?after:3"],
)
def test_one_question_mark_makes_all_of_them_alternatives(text):
    found = parse(text)
    assert found.any
    assert "," not in found.shown()
    assert found.shown().count("?") == len(found.terms) - 1


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("73", "afterany:73"),
        ("73,74", "afterany:73,afterany:74"),
        ("73_1", "afterany:73_1"),
        ("73_*", "afterany:73_*"),
        ("afterok:73,74", "afterok:73,afterany:74"),
        ("after:73+5,74", "after:73+5,afterany:74"),
        ("afterok:73?74", "afterok:73?afterany:74"),
    ],
)
def test_a_job_without_a_kind_is_afterany(text, canonical):
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("after:73+5", "after:73+5"),
        ("after:73+05", "after:73+5"),
        ("after:73+71582788", "after:73+71582788"),
        ("afterok:73+5", "afterok:73+5"),
        ("after:75_2+5", "after:75_2+5"),
        ("after:73:74+5", "after:73,after:74+5"),
        ("after:73+5:74+6", "after:73+5,after:74+6"),
        ("after:73+5:74", "after:73+5,after:74+5"),
        ("after:73+5,afterany:74", "after:73+5,afterany:74"),
    ],
)
def test_a_delay_in_minutes_follows_the_job(text, canonical):
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("afterok:75_2", "afterok:75_2"),
        ("afterok:75_*", "afterok:75_*"),
        ("afterok:75_0", "afterok:75_0"),
        ("afterok:75_[1-2]", "afterok:75_1,afterok:75_2"),
        ("afterok:75_[1-3,5]", "afterok:75_1,afterok:75_2,afterok:75_3,afterok:75_5"),
        ("afterok:75_[1-4:2]", "afterok:75_1,afterok:75_3"),
        ("afterok:75_[3,1,2,1]", "afterok:75_1,afterok:75_2,afterok:75_3"),
        ("afterok:75_[1-2]:73", "afterok:75_1,afterok:75_2,afterok:73"),
        ("afterok:75_[1-2],after:73", "afterok:75_1,afterok:75_2,after:73"),
        ("afterok: 75", "afterok:75"),
    ],
)
def test_elements_of_arrays_are_named_one_by_one(text, canonical):
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("afterok:73:73", "afterok:73"),
        ("afterok:73,afterok:73", "afterok:73"),
        ("afterok:73,afterany:73", "afterok:73,afterany:73"),
        ("after:73+5,after:73+6", "after:73+5"),
        ("after:73:74,after:73+6:74", "after:73,after:74"),
        ("afterok:73+3:75:73+3?afterok:73", "afterok:73+3?afterok:75+3"),
        ("singleton,singleton", "singleton"),
        ("afterok:73?singleton?singleton", "afterok:73?singleton"),
        ("afterok:73?afterok:73", "afterok:73"),
        ("afterok:75,afterok:75_1", "afterok:75,afterok:75_1"),
    ],
)
def test_the_same_job_of_the_same_kind_counts_once(text, canonical):
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *MALFORMED,
        " ",
        "0 ",
        " afterok:73",
        "afterok :73",
        "afterok:73 ",
        "afterok:73, afterok:74",
        "73 74",
        "afterok:73\n",
    ],
)
def test_anything_else_is_a_dependency_problem(text):
    with pytest.raises(InvalidDependency) as caught:
        parse(text)
    assert caught.value.message == PROBLEM


@pytest.mark.parametrize("text", ["expand:73", "expand:73:74", "afterok:1,EXPAND:2"])
def test_expanding_another_job_is_not_supported(text):
    with pytest.raises(InvalidDependency) as caught:
        parse(text)
    assert caught.value.message == "Requested operation not supported on this system"


def test_a_range_of_elements_cannot_exhaust_memory():
    assert len(parse(f"afterok:1_[1-{MAX_TERMS}]").terms) == MAX_TERMS
    for text in (
        f"afterok:1_[0-{MAX_TERMS}]",
        "afterok:1_[0-4000000]",
        "afterok:1_[1-9000]:2_[1-9000]",
    ):
        with pytest.raises(InvalidDependency):
            parse(text)


def test_a_whole_array_is_printed_with_a_star():
    arrays = {75}
    found = parse("afterok:75:73,afterany:75_1,singleton").resolved(arrays.__contains__)
    assert str(found) == "afterok:75_*,afterok:73,afterany:75_1,singleton"


def test_an_array_and_its_star_are_the_same_once_resolved():
    found = parse("afterok:75,afterok:75_*").resolved(lambda job: True)
    assert str(found) == "afterok:75_*"


def test_edges_are_what_the_database_stores():
    assert parse("after:73+5,afterok:75_2:75_*,singleton").edges() == [
        {"kind": "after", "job": 73, "task": None, "delay": 5},
        {"kind": "afterok", "job": 75, "task": 2, "delay": 0},
        {"kind": "afterok", "job": 75, "task": None, "delay": 0},
        {"kind": "singleton", "job": None, "task": None, "delay": 0},
    ]


def test_the_parents_are_the_jobs_named():
    assert parse("after:73+5,afterok:75_2:73,singleton").parents() == {73, 75}
    assert parse("0").parents() == set()


def test_no_dependency_is_false_and_prints_nothing():
    assert not parse("")
    assert parse("").edges() == []
    assert parse("afterok:1")


def test_settled_terms_print_failed_or_vanish():
    terms = [
        Term("afterok", 1, state=MET),
        Term("afterok", 2, state=NEVER),
        Term("afterany", 3, ALL),
    ]
    assert Dependency(terms).shown() == "afterok:2(failed),afterany:3_*(unfulfilled)"
    assert Dependency(terms[:1]).shown() == ""


TERMS = st.one_of(
    st.builds(
        Term,
        st.sampled_from(sorted(KINDS)),
        st.integers(1, 10**9),
        st.none() | st.just(ALL) | st.integers(0, 2**31 - 1),
        st.integers(0, 100_000),
    ),
    st.just(Term(SINGLETON)),
)


@given(st.lists(TERMS, max_size=6), st.booleans())
@PROPERTY
def test_what_is_printed_reads_back(terms, any_):
    written = Dependency(terms, any_)
    # 延迟对同一种类后面的作业号继续有效，所以各项分开写
    assert parse(str(written)) == written
    assert hash(parse(str(written))) == hash(written)


@given(
    st.one_of(
        st.text(max_size=30),
        st.text("afterok:anysingle,?_*[]+-0123456789 ", max_size=30),
        st.lists(
            st.sampled_from(["afterok", "after", ":", "1", "42", "_", "*", "[1-3]", "+", ",", "?"]),
            max_size=12,
        ).map("".join),
    )
)
@PROPERTY
@example("afterok:1_[[1]]")
@example("afterok:1],afterok:2")
def test_any_text_is_a_dependency_or_refused_with_a_sentence(text):
    try:
        found = parse(text)
    except InvalidDependency as error:
        assert error.message == PROBLEM
    else:
        assert parse(str(found)) == found


# 判定


HELD = Parent(started=False)
RUNNING = Parent(started=True, since=1000.0)
DONE = Parent(started=True, ended=True, ok=True, since=1000.0)
FAILED = Parent(started=True, ended=True, since=1000.0)
CANCELLED = Parent(started=True, ended=True, since=1000.0)


@pytest.mark.parametrize(
    ("kind", "held", "running", "done", "failed", "unknown"),
    [
        ("after", WAITING, MET, MET, MET, MET),
        ("afterany", WAITING, WAITING, MET, MET, MET),
        ("afterok", WAITING, WAITING, MET, NEVER, MET),
        ("afternotok", WAITING, WAITING, NEVER, MET, MET),
        ("aftercorr", WAITING, WAITING, MET, NEVER, MET),
        ("afterburstbuffer", WAITING, WAITING, MET, MET, MET),
    ],
)
def test_each_kind_waits_for_its_event(kind, held, running, done, failed, unknown):
    verdicts = [judge(Term(kind, 1), parent, 2000.0) for parent in (HELD, RUNNING, DONE, FAILED)]
    assert verdicts == [held, running, done, failed]
    assert judge(Term(kind, 1), CANCELLED, 2000.0) == failed
    assert judge(Term(kind, 1), None, 2000.0) == unknown


def test_singleton_waits_for_the_others_of_its_name():
    assert judge(Term(SINGLETON), RUNNING, 0.0) == WAITING
    assert judge(Term(SINGLETON), DONE, 0.0) == MET
    assert judge(Term(SINGLETON), None, 0.0) == MET


@pytest.mark.parametrize(
    ("now", "verdict"), [(1000.0, WAITING), (1299.9, WAITING), (1300.0, MET), (9999.0, MET)]
)
def test_a_delay_counts_from_the_start_of_the_parent(now, verdict):
    assert judge(Term("after", 1, delay=5), RUNNING, now) == verdict
    assert judge(Term("after", 1, delay=5), FAILED, now) == verdict


def test_a_delay_means_nothing_without_a_parent_or_for_other_kinds():
    assert judge(Term("after", 1, delay=5), None, 0.0) == MET
    assert judge(Term("after", 1, delay=5), HELD, 1e9) == WAITING
    assert judge(Term("afterok", 1, delay=5), DONE, 0.0) == MET


@pytest.mark.parametrize("state", [MET, NEVER])
@pytest.mark.parametrize("parent", [HELD, RUNNING, DONE, FAILED, None])
def test_a_settled_term_is_never_judged_again(state, parent):
    assert judge(Term("afterok", 1, state=state), parent, 0.0) == state


@pytest.mark.parametrize(
    ("term", "own", "expected"),
    [
        (Term("aftercorr", 75), 3, (75, 3)),
        (Term("aftercorr", 75, ALL), 3, (75, 3)),
        (Term("aftercorr", 75, 1), 3, (75, 1)),
        (Term("aftercorr", 75), None, (75, None)),
        (Term("afterok", 75), 3, (75, None)),
        (Term("afterok", 75, ALL), 3, (75, None)),
        (Term("afterok", 75, 2), 3, (75, 2)),
        (Term(SINGLETON), 3, (None, None)),
    ],
)
def test_aftercorr_pairs_the_elements_of_two_arrays(term, own, expected):
    assert target(term, own) == expected


#: 父作业：1 成功，2 失败，3 还没有启动，4 不存在。
FACTS = {1: DONE, 2: FAILED, 3: HELD}


def facts(term: Term) -> Parent | None:
    return HELD if term.job_id is None else FACTS.get(term.job_id)


@pytest.mark.parametrize(
    ("text", "verdict", "printed"),
    [
        ("afterok:1,afterok:3", WAITING, "afterok:3(unfulfilled)"),
        ("afterok:2,afterok:3", NEVER, "afterok:2(failed),afterok:3(unfulfilled)"),
        ("afterok:3,afterok:2", NEVER, "afterok:3(unfulfilled),afterok:2(failed)"),
        ("afterok:1,afterany:2", MET, ""),
        ("afterok:4,afterok:3", WAITING, "afterok:3(unfulfilled)"),
        ("afterok:2,afterok:4", NEVER, "afterok:2(failed)"),
        ("afterok:2?afterok:3", WAITING, "afterok:2(failed)?afterok:3(unfulfilled)"),
        ("afterok:3?afterok:2", WAITING, "afterok:3(unfulfilled)?afterok:2(failed)"),
        ("afterok:2?afternotok:1", NEVER, "afterok:2(failed)?afternotok:1(failed)"),
        ("afterok:1?afterok:3", MET, "afterok:3(unfulfilled)"),
        ("afterok:4?afterok:3", MET, "afterok:3(unfulfilled)"),
        ("afterok:1?afternotok:1", MET, "afternotok:1(failed)"),
        ("afterok:3,singleton", WAITING, "afterok:3(unfulfilled),singleton(unfulfilled)"),
        ("afterok:2,singleton", NEVER, "afterok:2(failed),singleton(unfulfilled)"),
        ("", MET, ""),
    ],
)
def test_the_terms_combine(text, verdict, printed):
    found, judged = settle(parse(text), facts, 2000.0)
    assert (found, judged.shown()) == (verdict, printed)
    assert evaluate(parse(text), facts, 2000.0) == verdict


def test_a_failed_dependency_stays_failed_when_the_parent_runs_again():
    _, judged = settle(parse("afterok:2"), facts, 0.0)
    assert evaluate(judged, lambda term: DONE, 0.0) == NEVER


PARENTS = st.none() | st.sampled_from([HELD, RUNNING, DONE, FAILED])


@given(
    st.lists(TERMS, min_size=1, max_size=5),
    st.booleans(),
    st.lists(PARENTS, min_size=5, max_size=5),
)
@PROPERTY
def test_settling_twice_changes_nothing(terms, any_, parents):
    dependency = Dependency(terms, any_)
    chosen = dict(zip((term.subject for term in dependency.terms), parents, strict=False))

    def known(term: Term) -> Parent | None:
        return chosen[term.subject]

    verdict, judged = settle(dependency, known, 2000.0)
    assert settle(judged, known, 2000.0) == (verdict, judged)
    assert judged.any == dependency.any and len(judged.terms) == len(dependency.terms)


@given(st.lists(TERMS, min_size=1, max_size=5), st.lists(PARENTS, min_size=5, max_size=5))
@PROPERTY
def test_all_is_never_easier_than_any(terms, parents):
    chosen = dict(zip((term.subject for term in Dependency(terms).terms), parents, strict=False))

    def known(term: Term) -> Parent | None:
        return chosen[term.subject]

    rank = {NEVER: 0, WAITING: 1, MET: 2}
    every = evaluate(Dependency(terms), known, 2000.0)
    some = evaluate(Dependency(terms, any=True), known, 2000.0)
    assert rank[every] <= rank[some]
