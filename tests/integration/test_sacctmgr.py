"""sacctmgr、sshare、sprio、sdiag、sstat：改了什么看得见什么，数与排计划用的相同。"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from scns.cli.sacctmgr import change
from scns.config import Config
from scns.db import nodes
from scns.scheduler.ranking import Ranker
from tests.integration.answering import Shell, start, submit
from tests.integration.world import World

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def shell(database, monkeypatch):
    return Shell(database, monkeypatch)


@pytest.fixture
def phys(shell):
    """账户 phys 与其中的 alice、root。"""
    assert shell("sacctmgr", "-i", "add", "account", "phys", "Description=physics").code == 0
    assert shell("sacctmgr", "-i", "add", "user", "alice,root", "account=phys").code == 0


def _with_stdin(shell, stream, *words):
    """以一个真的描述符作标准输入。"""

    class Reader(io.StringIO):
        def fileno(self):
            return stream.fileno()

    shell.monkeypatch.setattr("tests.integration.answering.io.StringIO", Reader)
    return shell("sacctmgr", *words)


def listed(shell, *words, command="sacctmgr"):
    done = shell(command, *words)
    assert (done.code, done.err) == (0, "")
    return done.out


# ── sacctmgr ────────────────────────────────────────────────────────────────


def test_an_account_is_added_shown_changed_and_deleted(shell):
    added = shell("sacctmgr", "-i", "add", "account", "phys", "Organization=uni", "Fairshare=3")
    assert added.code == 0
    assert added.out == (
        " Adding Account(s)\n  phys\n Settings\n  Description     = Account Name\n"
        "  Organization    = uni\n Associations\n  A = phys       C = scns      \n"
        " Settings\n  Fairshare     = 3\n"
    )
    show = ("-n", "-P", "show", "account", "phys")
    assert listed(shell, *show) == "phys|phys|uni\n"
    changed = shell("sacctmgr", "-i", "modify", "account", "phys", "set", "Description=physics")
    assert changed.out.startswith(" Modified account associations...\n  C = scns")
    assert listed(shell, *show) == "phys|physics|uni\n"
    assert listed(shell, "-nP", "list", "assoc", "account=phys", "format=share") == "3\n"
    assert shell("sacctmgr", "-i", "delete", "account", "phys").code == 0
    assert listed(shell, *show) == ""


def test_a_user_belongs_to_accounts_and_has_a_default_one(shell, phys):
    shell("sacctmgr", "-i", "add", "account", "chem")
    assert shell("sacctmgr", "-i", "add", "user", "alice", "account=chem").code == 0
    show = ("-nP", "show", "user", "alice", "format=user,defaultaccount")
    assert listed(shell, *show) == "alice|phys\n"
    assert listed(shell, "-nPs", "list", "user", "alice", "format=account") == "chem\nphys\n"
    shell("sacctmgr", "-i", "modify", "user", "alice", "set", "DefaultAccount=chem")
    assert listed(shell, *show) == "alice|chem\n"
    shell("sacctmgr", "-i", "delete", "user", "alice", "account=chem")
    assert listed(shell, *show) == "alice|phys\n"


def test_the_question_of_snakemake_is_answered(shell, phys):
    out = listed(shell, "-n", "-s", "list", "user", '"alice"'.strip('"'), "format=account%256")
    assert out.split() == ["phys"]
    assert len(out) == 258


def test_the_default_account_is_used_by_sbatch(shell, database, cursor, phys):
    job = submit(database, "u:alice")
    cursor.execute("SELECT account FROM scns.queue WHERE id = %s", (job,))
    assert cursor.fetchone() == ("phys",)


def test_limits_are_set_shown_and_lifted(shell, phys):
    words = ("MaxJobs=2", "MaxSubmit=5", "GrpTRES=cpu=8,mem=2G", "MaxWall=1:00:00", "GrpCPUs=6")
    assert shell("sacctmgr", "-i", "modify", "user", "alice", "set", *words).code == 0
    fields = "format=user,maxjobs,maxsubmit,grptres,maxwall"
    show = ("-nP", "list", "association", "user=alice", fields)
    assert listed(shell, *show) == "alice|2|5|cpu=6,mem=2048M|01:00:00\n"
    lifted = ("MaxJobs=-1", "GrpTRES=mem=-1", "MaxWall=-1")
    assert shell("sacctmgr", "-i", "modify", "user", "alice", "set", *lifted).code == 0
    assert listed(shell, *show) == "alice||5|cpu=6|\n"


def test_a_condition_may_come_after_where(shell, phys):
    words = ("modify", "user", "where", "name=alice", "account=phys", "set", "maxjobs=1")
    done = shell("sacctmgr", "-i", *words)
    assert done.out.splitlines()[1].split() == "C = scns A = phys U = alice".split()
    nobody = ("modify", "user", "where", "name=alice", "account=chem", "set", "maxjobs=1")
    done = shell("sacctmgr", "-i", *nobody)
    assert (done.code, done.out) == (1, "  Nothing modified\n")


def test_associations_are_listed_from_the_root_down(shell, phys):
    shell("sacctmgr", "-i", "add", "account", "optics", "parent=phys")
    rows = listed(shell, "-nP", "show", "assoc", "format=account,user,parentname").splitlines()
    assert rows == ["root||", "phys||root", "phys|alice|", "phys|root|", "optics||phys"]


def test_a_qos_is_added_shown_changed_and_deleted(shell):
    shell("sacctmgr", "-i", "add", "qos", "debug", "Priority=10", "MaxJobsPU=1")
    show = ("-nP", "show", "qos", "debug", "format=name,priority,maxjobspu,maxtrespu")
    assert listed(shell, *show) == "debug|10|1|\n"
    shell("sacctmgr", "-i", "modify", "qos", "debug", "set", "MaxTRESPerUser=cpu=4")
    assert listed(shell, *show) == "debug|10|1|cpu=4\n"
    assert shell("sacctmgr", "-i", "delete", "qos", "debug").code == 0
    assert listed(shell, "-nP", "show", "qos", "format=name") == "normal\n"


def test_adding_a_user_says_what_slurm_says(shell, phys):
    shell("sacctmgr", "-i", "add", "account", "chem", "parent=phys")
    done = shell("sacctmgr", "-i", "add", "user", "bob", "account=chem", "MaxJobs=3")
    assert done.out == (
        " Adding User(s)\n  bob\n Settings =\n  Default Account = chem\n Associations =\n"
        "  U = bob       A = chem       C = scns      \n Non Default Settings\n"
        "  MaxJobs       = 3\n"
    )
    done = shell("sacctmgr", "-i", "add", "user", "bob", "account=phys", "DefaultAccount=phys")
    assert done.out.startswith(" Associations =\n  U = bob       A = phys ")
    assert listed(shell, "-nP", "show", "user", "bob", "format=defaultaccount") == "phys\n"


def test_deleting_says_whether_the_user_or_only_an_association_goes(shell, phys):
    shell("sacctmgr", "-i", "add", "account", "chem")
    shell("sacctmgr", "-i", "add", "user", "alice", "account=chem")
    done = shell("sacctmgr", "-i", "delete", "user", "alice", "account=chem")
    assert done.out.startswith(" Deleting user associations...\n  C = scns       A = chem")
    done = shell("sacctmgr", "-i", "remove", "user", "where", "name=alice")
    assert done.out == " Deleting users...\n  alice\n"
    done = shell("sacctmgr", "-i", "delete", "account", "chem")
    assert done.out == " Deleting accounts...\n  chem\n"


def test_a_condition_on_the_account_selects_all_its_users(shell, phys):
    shell("sacctmgr", "-i", "add", "account", "chem")
    shell("sacctmgr", "-i", "add", "user", "bob,alice", "account=chem")
    shell("sacctmgr", "-i", "modify", "user", "where", "account=chem", "set", "maxjobs=4")
    rows = listed(shell, "-nPs", "show", "user", "format=user,account,maxjobs").splitlines()
    assert rows == ["alice|chem|4", "alice|phys|", "bob|chem|4", "root|phys|"]
    done = shell("sacctmgr", "-i", "modify", "user", "cluster=other", "set", "maxjobs=5")
    assert done.code == 1
    assert shell("sacctmgr", "-i", "delete", "user", "where", "account=chem").code == 0
    assert listed(shell, "-nPs", "show", "user", "format=account") == "phys\nphys\n"


@pytest.mark.parametrize(("answer", "changed"), [("y\ny\n", True), ("n\n", False)])
def test_changing_everything_is_asked_first(shell, phys, answer, changed):
    done = shell("sacctmgr", "modify", "user", "set", "maxjobs=4", stdin=answer)
    assert done.code == 0
    assert done.out.startswith(
        "You didn't set any conditions with 'WHERE'.\nAre you sure you want to continue?"
        " (You have 30 seconds to decide)\n(N/y): "
    )
    assert ("Aborted\n" in done.out) is not changed
    rows = listed(shell, "-nPs", "show", "user", "format=maxjobs").split()
    assert rows == (["4", "4"] if changed else [])


def test_no_answer_in_time_discards_the_changes(shell, monkeypatch):
    reading, writing = os.pipe()
    with os.fdopen(reading) as silent, os.fdopen(writing, "w"):
        monkeypatch.setattr(change, "PATIENCE", 0)
        done = _with_stdin(shell, silent, "add", "account", "phys")
    assert done.out.endswith(" (You have 0 seconds to decide)\n(N/y):  Changes Discarded\n")


def test_every_limit_is_shown_as_it_was_set(shell, phys):
    words = "Priority=7 GrpTRESMins=cpu=60 GrpTRESRunMins=cpu=9 MaxTRESMins=cpu=5".split()
    assert shell("sacctmgr", "-i", "modify", "account", "phys", "set", *words).code == 0
    fields = "format=priority,grptresmins,grptresrunmins,maxtresmins"
    show = ("-nP", "show", "assoc", "where", "account=phys", "user=", fields)
    assert listed(shell, *show).splitlines()[0] == "7|cpu=60|cpu=9|cpu=5"
    words = "MaxJobsPA=1 MaxSubmitPA=2 MaxTRESPA=cpu=3 MinTRES=cpu=4 GrpTRESRunMins=mem=5"
    words = [*words.split(), "MaxTRESMinsPerJob=node=6", "Flags=DenyOnLimit"]
    assert shell("sacctmgr", "-i", "add", "qos", "debug", *words).code == 0
    fields = "format=maxjobspa,maxsubmitpa,maxtrespa,mintres,grptresrunmins,maxtresmins,flags"
    show = ("-nP", "show", "qos", "debug", fields)
    assert listed(shell, *show) == "1|2|cpu=3|cpu=4|mem=5M|node=6|DenyOnLimit\n"
    shell("sacctmgr", "-i", "modify", "qos", "debug", "set", "Flags-=DenyOnLimit", "MinTRES=cpu=-1")
    assert listed(shell, *show) == "1|2|cpu=3||mem=5M|node=6|\n"
    shell("sacctmgr", "-i", "modify", "qos", "debug", "set", "Flags+=denyonlimit")
    assert listed(shell, *show).endswith("|DenyOnLimit\n")


def test_the_columns_of_a_qos_are_slurms(shell):
    head = listed(shell, "show", "qos").splitlines()[0]
    assert head == (
        "      Name   Priority  GraceTime    Preempt   PreemptExemptTime PreemptMode "
        "                                   Flags UsageThres UsageFactor       GrpTRES "
        "  GrpTRESMins GrpTRESRunMin GrpJobs GrpSubmit     GrpWall       MaxTRES MaxTRESPerNode "
        "  MaxTRESMins     MaxWall     MaxTRESPU MaxJobsPU MaxSubmitPU     MaxTRESPA MaxJobsPA "
        "MaxSubmitPA       MinTRES "
    )


def test_the_tres_are_listed_with_their_ids(shell, cursor):
    cursor.execute("UPDATE scns.node SET gres = '{\"gpu:a100\": 2}'")
    cursor.execute("INSERT INTO scns.setting VALUES ('Licenses', 'sim:4')")
    out = listed(shell, "-nP", "show", "tres")
    assert out == "cpu||1\nmem||2\nnode||4\ngres|gpu:a100|1001\nlicense|sim|1002\n"
    assert listed(shell, "show", "tres").splitlines()[0] == "    Type            Name     ID "


def test_no_job_runs_away(shell):
    out = listed(shell, "show", "runawayjobs")
    assert out == "Runaway Jobs: No runaway jobs found on cluster scns\n"


def test_only_default_associations_can_be_asked_for(shell, phys):
    shell("sacctmgr", "-i", "add", "account", "chem")
    shell("sacctmgr", "-i", "add", "user", "alice", "account=chem")
    show = ("-nP", "show", "assoc", "where", "user=alice", "format=account")
    assert listed(shell, *show) == "chem\nphys\n"
    assert listed(shell, *show, "onlydefaults") == "phys\n"
    assert listed(shell, *show, "cluster=other") == ""


def test_the_cluster_is_listed(shell):
    assert listed(shell, "-nP", "show", "cluster", "format=cluster") == "scns\n"


def test_the_table_has_a_header_and_a_rule(shell, phys):
    lines = listed(shell, "show", "user", "alice").splitlines()
    assert lines[0] == "      User   Def Acct     Admin "
    assert lines[1] == "---------- ---------- --------- "
    assert lines[2] == "     alice       phys      None "


@pytest.mark.parametrize(("answer", "kept"), [("y\n", True), ("n\n", False), ("", False)])
def test_without_i_it_asks_and_keeps_only_what_is_confirmed(shell, answer, kept):
    done = shell("sacctmgr", "add", "account", "phys", stdin=answer)
    assert "(N/y): " in done.out
    assert ("Changes Discarded" in done.out) is not kept
    assert bool(listed(shell, "-nP", "show", "account", "phys")) is kept


def test_adding_twice_and_deleting_nothing_say_so(shell, phys):
    done = shell("sacctmgr", "-i", "add", "account", "phys")
    assert (done.code, done.out) == (1, " Nothing new added.\n")
    done = shell("sacctmgr", "-i", "delete", "user", "nobody")
    assert (done.code, done.out) == (1, "  Nothing deleted\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("frobnicate", "user"), "sacctmgr: error: invalid keyword: frobnicate\n"),
        (("add", "user", "bob", "account=none"), "This account 'none' doesn't exist."),
        (("modify", "user", "alice", "set", "MaxJobs=x"), " Bad value for MaxJobs: x\n"),
        (("modify", "user", "alice", "set", "Colour=red"), " Unknown option: Colour=red\n"),
        (("modify", "qos", "normal", "set", "parent=x"), " Unknown option: parent\n"),
        (("show", "user", "format=colour"), " Unknown field 'colour'\n"),
        (("modify", "account", "phys", "set", "parent=phys"), "Invalid parent account specified"),
        (("-r", "delete", "user", "alice"), "Can't run this command in readonly mode."),
        ((), "too few arguments"),
        (("show",), 'No valid entity in list command\nInput line must include "Account"'),
        (("show", "events"), "No valid entity in list command\n"),
        (("add", "cluster", "x"), "No valid entity in add command\n"),
        (("remove", "coordinator", "x"), "No valid entity in delete command\n"),
        (("modify", "user", "alice", "set", "GrpWall=5"), " Option not supported: GrpWall=5\n"),
        (("modify", "qos", "normal", "set", "GraceTime=5"), " Option not supported: GraceTime=5\n"),
        (("modify", "user", "alice", "set", "GrpTRESMins=mem=5"), "GrpTRESMins counts cpu only"),
        (("modify", "user", "alice", "set", "MaxJobs+=5"), " Unknown option: MaxJobs+=5\n"),
        (("modify", "qos", "normal", "set", "Flags=NoDecay"), " Flag not supported: NoDecay"),
        (("modify", "user", "alice", "set"), " You didn't give me anything to set\n"),
        (("delete", "user"), " No conditions given to remove, not executing.\n"),
        (("add", "user", "bob"), " Need name of account to add user to.\n"),
        (("add", "account"), " Need name of account to add.\n"),
    ],
)
def test_bad_words_are_one_sentence(shell, phys, words, said):
    done = shell("sacctmgr", "-i", *words)
    assert done.code == 1
    assert said in done.err


def test_only_administrators_may_change(shell, phys):
    done = shell("sacctmgr", "-i", "modify", "user", "alice", "set", "maxjobs=9", user="u:alice")
    assert (done.code, done.err) == (1, "sacctmgr: error: Access/permission denied\n")
    assert listed(shell, "-nP", "list", "user", "alice", "format=user") == "alice\n"


# ── sprio、sshare ───────────────────────────────────────────────────────────

WEIGHTS = {
    "priority_weight_age": 1000,
    "priority_weight_fairshare": 2000,
    "priority_weight_job_size": 500,
    "priority_weight_partition": 100,
    "priority_weight_qos": 300,
    "priority_max_age": 100_000,
}


@pytest.fixture
def world(database, cursor):
    """按因素排优先级；节点占满，提交的都在等。"""
    made = World(database, cursor)
    config = replace(Config(nodes=(), partitions=()), **WEIGHTS)
    made.scheduler.config = config
    made.scheduler.ranker = Ranker.of(config)
    cursor.execute(nodes.SET_SETTINGS, {"settings": json.dumps(config.settings())})
    made.submit(tasks=8)
    made.run()
    return made


def test_the_factors_of_sprio_add_up_to_the_stored_priority(world, shell):
    shell("sacctmgr", "-i", "add", "qos", "high", "priority=10")
    shell("sacctmgr", "-i", "add", "qos", "low", "priority=5")
    world.submit(tasks=8, qos="high")
    world.submit(tasks=2, qos="low", nice=7)
    world.run()
    world.pass_time(50_000)
    world.scheduler.ranker.next_time = 0
    world.run()
    codes = "%i %Y %S %A %F %J %P %Q %N"
    for line in listed(shell, "-h", "-o", codes, command="sprio").splitlines():
        job, total, *parts, nice = (int(word) for word in line.split())
        assert total == world.value(job, "priority")
        assert abs(sum(parts) - nice - total) <= len(parts)


def test_sprio_shows_only_the_columns_with_a_weight(world, shell, cursor):
    world.submit(tasks=8)
    world.run()
    head = listed(shell, command="sprio").splitlines()[0].split()
    assert head == "JOBID PARTITION PRIORITY SITE AGE FAIRSHARE JOBSIZE PARTITION QOS".split()
    cursor.execute(
        "UPDATE scns.setting SET value = '0'"
        " WHERE name LIKE 'PriorityWeight%' AND name <> 'PriorityWeightTRES'"
    )
    head = listed(shell, command="sprio").splitlines()[0].split()
    assert head == "JOBID PARTITION PRIORITY SITE".split()


def test_sprio_shows_weights_and_factors(world, shell):
    job = world.submit(tasks=4)
    world.run()
    [line] = listed(shell, "-hw", command="sprio").splitlines()
    assert line.split() == ["Weights", "1", "1000", "2000", "500", "100", "300"]
    line = listed(shell, "-hn", "-j", str(job), "-o", "%i %j %p", command="sprio")
    assert line.split() == [str(job), "0.7500000", "1.0000000"]


@pytest.fixture
def weighed(world):
    """另有关系与资源的权重。"""
    more = {"priority_weight_assoc": 40, "priority_weight_tres": {"cpu": 800, "mem": 80}}
    config = replace(Config(nodes=(), partitions=()), **WEIGHTS, **more)
    world.scheduler.ranker = Ranker.of(config)
    world.cursor.execute(nodes.SET_SETTINGS, {"settings": json.dumps(config.settings())})
    return world


def test_sprio_shows_associations_and_tres_when_they_weigh(weighed, shell, phys):
    shell("sacctmgr", "-i", "modify", "account", "phys", "set", "priority=20")
    shell("sacctmgr", "-i", "modify", "user", "root", "set", "priority=5")
    job = weighed.submit(tasks=4, account="phys", memory_per_cpu=64)
    weighed.submit(tasks=8)
    weighed.run()
    head, row, _ = listed(shell, command="sprio").splitlines()
    assert head.split()[3:] == "SITE AGE ASSOC FAIRSHARE JOBSIZE PARTITION QOS TRES".split()
    assert row.split()[5] == "10"
    assert row.endswith("  cpu=400.00,mem=2.56")
    out = listed(shell, "-h", "-j", str(job), "-o", "%b|%B|%t|%T|%c", command="sprio")
    assert out == "0.2500000|10|cpu=0.50,mem=0.03|cpu=400.00,mem=2.56|scns\n"
    weights = listed(shell, "-hw", command="sprio")
    assert weights.split() == "Weights 1 1000 40 2000 500 100 300 CPU=800,Mem=80".split()


def test_the_long_list_of_sprio_has_every_column(weighed, shell):
    weighed.submit(tasks=8)
    weighed.run()
    head = listed(shell, "-l", command="sprio").splitlines()[0]
    assert head == (
        "          JOBID PARTITION     USER   PRIORITY       SITE        AGE      ASSOC  FAIRSHARE"
        "    JOBSIZE  PARTITION        QOS        NICE                 TRES"
    )
    head = listed(shell, "-u", "root", command="sprio").splitlines()[0]
    assert head.split()[:4] == ["JOBID", "PARTITION", "USER", "PRIORITY"]
    normal = listed(shell, "-nl", command="sprio").splitlines()[0].split()
    assert normal[-2:] == ["QOS", "TRES"]


def test_sprio_says_when_the_jobs_named_do_not_wait(weighed, shell):
    out = listed(shell, "-j", "999", command="sprio")
    assert out == "Unable to find jobs matching user/id(s) specified\n"


def test_with_incr_only_sprio_shows_the_priority_that_was_kept(weighed, shell, cursor):
    job = weighed.submit(tasks=8)
    weighed.run()
    cursor.execute("UPDATE scns.job SET priority = 4000000 WHERE id = %s", (job,))
    cursor.execute("UPDATE scns.setting SET value = 'INCR_ONLY' WHERE name = 'PriorityFlags'")
    assert listed(shell, "-h", "-o", "%Y", command="sprio") == "4000000\n"


def test_sprio_selects_and_sorts(world, shell):
    small, big = world.submit(tasks=2), world.submit(tasks=8)
    world.submit(tasks=1, hold=True)
    world.run()
    by_priority = listed(shell, "-h", "-S", "-Y", "-o", "%i", command="sprio").split()
    assert by_priority == [str(big), str(small)]
    assert listed(shell, "-h", "-u", "alice", "-o", "%i", command="sprio") == ""
    assert listed(shell, "-h", "-j", str(small), "-o", "%i", command="sprio").split() == [
        str(small)
    ]
    assert listed(shell, "-h", "-p", "short", command="sprio") == ""


def test_sprio_without_multifactor_says_so(shell, cursor):
    cursor.execute("INSERT INTO scns.setting VALUES ('PriorityType', 'priority/basic')")
    done = shell("sprio")
    assert done.code == 1
    assert "Only 'priority/multifactor' is supported." in done.err


def test_sshare_shows_the_numbers_fair_share_is_made_of(world, shell):
    shell("sacctmgr", "-i", "add", "account", "rich", "fairshare=3")
    shell("sacctmgr", "-i", "add", "account", "poor", "fairshare=1")
    shell("sacctmgr", "-i", "add", "user", "alice", "account=rich,poor")
    world.cursor.execute("UPDATE scns.job SET end_time = now(), state = 'CANCELLED'")
    world.cursor.execute(
        "INSERT INTO scns.usage VALUES ('rich', 60001, 500, now()), ('poor', 60001, 500, now())"
    )
    out = listed(shell, "-anP", "-o", "account,user,rawshares,norm,raw,eff,fair", command="sshare")
    rows = [line.split("|") for line in out.splitlines()]
    assert rows[0][:4] == ["root", "", "", "0.000000"]
    numbers = {(row[0].strip(), row[1]): row[3:] for row in rows}
    # 根下面还有跑过作业的 root 自己的那一份
    assert numbers["rich", ""][0] == "0.600000"
    assert float(numbers["rich", "alice"][-1]) > float(numbers["poor", "alice"][-1])


def test_a_newcomer_has_a_share_but_no_association(shell):
    # Snakemake 问这两句；都没有话说时，任何账户名它都照用
    assert listed(shell, "-n", "-s", "list", "user", "root", "format=account%256") == ""
    assert listed(shell, "-U", "--format", "Account%256", "--noheader", command="sshare") == ""
    rows = listed(shell, "-nP", "-o", "account,user", command="sshare").splitlines()
    assert rows == ["root|", " root|root"]


def test_sshare_shows_the_classic_numbers_without_fair_tree(world, shell, cursor):
    shell("sacctmgr", "-i", "add", "account", "rich", "fairshare=3")
    shell("sacctmgr", "-i", "add", "user", "alice", "account=rich")
    world.cursor.execute("UPDATE scns.job SET end_time = now(), state = 'CANCELLED'")
    cursor.execute("INSERT INTO scns.usage VALUES ('rich', 60001, 500, now())")
    long = listed(shell, "-alP", command="sshare").splitlines()
    assert long[0].endswith("|FairShare|LevelFS|GrpTRESMins|TRESRunMins")
    cursor.execute("UPDATE scns.setting SET value = 'NO_FAIR_TREE' WHERE name = 'PriorityFlags'")
    out = listed(shell, "-alP", command="sshare").splitlines()
    assert out[0].endswith("|FairShare|GrpTRESMins|TRESRunMins")
    assert out[1].startswith("root|||1.000000|")
    rich = next(line for line in out if line.startswith(" rich|"))
    # 份数占四分之三，用了全部
    assert rich.split("|")[3] == "0.750000"
    assert rich.split("|")[7] == f"{2 ** -(1 / 0.75):.6f}"


def test_sshare_shows_what_running_jobs_may_still_use(world, shell, cursor, phys):
    shell("sacctmgr", "-i", "modify", "account", "phys", "set", "GrpTRESMins=cpu=900")
    cursor.execute("UPDATE scns.job SET end_time = now(), state = 'CANCELLED'")
    cursor.execute("UPDATE scns.node SET idle_cpus = '{[0,8)}', cpus_alloc = 0, memory_alloc = 0")
    cursor.execute("DELETE FROM scns.allocation")
    world.submit(tasks=2, account="phys", time_limit=6000, memory_per_node=10)
    world.run()
    fields = ("-o", "account,user,cluster,GrpTRESMins,TRESRunMins")
    rows = [line.split("|") for line in listed(shell, "-nP", *fields, command="sshare").split("\n")]
    amounts = {row[0].strip(): row[2:] for row in rows if len(row) > 1 and not row[1]}
    assert amounts["phys"][:2] == ["scns", "cpu=900"]
    minutes = dict(item.split("=") for item in amounts["phys"][2].split(","))
    assert 198 <= int(minutes["cpu"]) <= 200
    assert 990 <= int(minutes["mem"]) <= 1000
    assert amounts["root"][2] == amounts["phys"][2]


def test_sshare_lists_only_accounts_and_oneself(shell, phys):
    out = listed(shell, "-nP", "-o", "account,user", command="sshare")
    assert out.splitlines() == ["root|", " phys|", "  phys|root"]
    out = listed(shell, "-nPU", "-u", "alice", "-o", "account", command="sshare")
    assert out.strip() == "phys"


# ── sdiag、sstat ────────────────────────────────────────────────────────────


def test_sdiag_counts_what_the_database_knows(shell, database, cursor):
    assert "Jobs pending:   0" in listed(shell, command="sdiag")
    start(cursor, submit(database))
    submit(database, array_indices="{[0,5)}")
    figures = json.loads(listed(shell, "--json", command="sdiag"))["statistics"]
    assert (figures["jobs_running"], figures["jobs_pending"]) == (1, 5)
    assert figures["jobs_submitted"] == 6
    assert "  jobs_running: 1\n" in listed(shell, "--yaml", command="sdiag")


def test_sdiag_counts_anew_after_a_reset(shell, database, cursor):
    start(cursor, submit(database))
    assert "Jobs submitted: 1\n" in listed(shell, command="sdiag")
    refused = shell("sdiag", "-r", user="u:alice")
    assert (refused.code, refused.err) == (1, "sdiag: error: Access/permission denied\n")
    assert listed(shell, "-r", command="sdiag") == "Reset scheduling statistics\n"
    lines = listed(shell, command="sdiag").splitlines()
    assert "Jobs submitted: 0" in lines
    # 此刻的数不受影响
    at = next(place for place, line in enumerate(lines) if line.startswith("Job states ts:"))
    assert lines[at - 1] == ""
    assert lines[at + 1 : at + 3] == ["Jobs pending:   0", "Jobs running:   1"]
    submit(database)
    assert "Jobs submitted: 1\n" in listed(shell, command="sdiag")


def test_sstat_lists_running_steps(shell, database, cursor):
    job = submit(database)
    assert shell("sstat", "-j", str(job)).code == 1
    start(cursor, job)
    cursor.execute(
        "INSERT INTO scns.step (job_id, attempt, step_id, name, state, node_list, start_time)"
        " VALUES (%s, 1, 0, 'hostname', 'RUNNING', 'n1', now())",
        (job,),
    )
    fields = ("-nP", "-o", "jobid,ntasks")
    assert listed(shell, *fields, "-j", str(job), command="sstat") == f"{job}.0|1\n"
    assert listed(shell, *fields, "-a", "-j", str(job), command="sstat").splitlines() == [
        f"{job}.batch|1",
        f"{job}.0|1",
    ]
    assert listed(shell, *fields, "-j", f"{job}.batch", command="sstat") == f"{job}.batch|1\n"


def test_sstat_reads_job_ids_as_squeue_prints_them(shell, database, cursor):
    array = submit(database, array_indices="{[1,5)}")
    running = submit(database)
    start(cursor, running)
    cursor.execute(
        "UPDATE scns.job SET array_job_id = %s, array_task_id = 1 WHERE id = %s", (array, running)
    )
    for tasks, found in (("1", True), ("[1-2]", True), ("[2-4%1]", False)):
        outcome = shell("sstat", "-nP", "-a", "-o", "jobid", "-j", f"{array}_{tasks}")
        if found:
            assert (outcome.code, outcome.out) == (0, f"{array}_1.batch\n")
        else:
            assert outcome.err == f"sstat: error: no steps running for job {array}\n"


def test_sstat_lists_the_processes_of_a_step(shell, database, cursor):
    # 别的实例在这台机器上的作业也有 SLURM_JOB_ID：取一个不会撞上的
    cursor.execute("SELECT setval('scns.job_id_seq', %s)", (60_000_000 + os.getpid(),))
    job = submit(database)
    start(cursor, job)
    environment = {**os.environ, "SLURM_JOB_ID": str(job)}
    environment.pop("SLURM_STEP_ID", None)
    process = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        process.stdout.readline()
        out = listed(shell, "-nPi", "-j", str(job), command="sstat")
        assert out == f"{job}.batch|n1|{process.pid}\n"
        head = listed(shell, "-i", "-j", str(job), command="sstat").splitlines()[0]
        assert head.split() == ["JobID", "Nodelist", "Pids"]
    finally:
        process.communicate(b"\n")


@pytest.mark.parametrize("words", [(), ("-j", "x"), ("-o", "colour", "-j", "1"), ("-j", "99")])
def test_sstat_refuses_bad_words_and_jobs_that_do_not_run(shell, words):
    done = shell("sstat", *words)
    assert done.code == 1
    assert done.err.startswith("sstat: error: ")
