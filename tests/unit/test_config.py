"""配置文件；文法与取舍照 slurm.conf(5)，拿真的 Slurm 22.05 核对过。"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scns.conf_grammar import read
from scns.conf_model import NODE_KEYS, PARTITION_KEYS
from scns.config import KEYS, Config, ConfigError, NodeConfig, PartitionConfig, load

PROPERTY = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

Loader = Callable[..., Config]
Failer = Callable[..., str]


@pytest.fixture
def loaded(tmp_path: Path) -> Loader:
    """把这些行写成配置文件再读；本机叫 n1，实测 4 个 CPU、2000 MiB。"""

    def load_lines(*lines: str) -> Config:
        path = tmp_path / "scns.conf"
        path.write_text("\n".join(lines) + "\n")
        return load(str(path), "n1", 4, 2000)

    return load_lines


@pytest.fixture
def refused(loaded: Loader, tmp_path: Path) -> Failer:
    """读这些行时说的那句话，目录略去。"""

    def fail(*lines: str) -> str:
        with pytest.raises(ConfigError) as caught:
            loaded(*lines)
        return caught.value.message.replace(f"{tmp_path}/", "")

    return fail


def one_node(config: Config) -> NodeConfig:
    [node] = config.nodes
    return node


def one_partition(config: Config) -> PartitionConfig:
    [partition] = config.partitions
    return partition


# 没有文件，或文件里没有写


def test_without_a_file_there_is_this_machine_and_one_partition_without_limits():
    config = load(None, "n1", 4, 2000)
    assert config.nodes == (NodeConfig(name="n1", address="n1", cpus=4, sockets=4, memory=2000),)
    assert config.partitions == (PartitionConfig(name="main", nodes=("n1",), is_default=True),)
    partition = one_partition(config)
    assert (partition.max_time, partition.default_time, partition.state) == (None, None, "UP")
    assert config.database is None and config.ignored == ()


def test_an_empty_file_is_like_no_file(loaded):
    assert loaded("", "# nothing", "   ") == load(None, "n1", 4, 2000)


def test_the_defaults_are_slurms(loaded):
    config = loaded("KillWait=30")
    assert (config.max_array_size, config.max_job_count, config.min_job_age) == (1001, 10000, 300)
    assert (config.inactive_limit, config.over_time_limit, config.job_requeue) == (0, 0, True)
    assert (config.scheduler_type, config.priority_type) == (
        "sched/backfill",
        "priority/multifactor",
    )
    assert (config.priority_decay_half_life, config.priority_max_age) == (604800, 604800)
    assert config.default_memory_per_cpu is None and config.enforce_part_limits == "NO"
    assert (config.batch_start_timeout, config.unkillable_step_timeout) == (10, 60)


def test_nodes_without_partitions_get_the_partition_main(loaded):
    config = loaded("NodeName=a,b CPUs=2 RealMemory=100")
    assert config.partitions == (PartitionConfig(name="main", nodes=("a", "b"), is_default=True),)


def test_partitions_without_nodes_get_this_machine(loaded):
    config = loaded("PartitionName=all Nodes=ALL Default=YES")
    assert one_node(config).name == "n1"
    assert one_partition(config).nodes == ("n1",)


# 文法


TRES_WEIGHTS = "TYPE=WEIGHT,... with the types CPU, Mem, Node, GRES/name, License/name"
PRIORITY_FLAGS = (
    "a list of ACCRUE_ALWAYS, CALCULATE_RUNNING, DEPTH_OBLIVIOUS, FAIR_TREE, INCR_ONLY, MAX_TRES,"
    " NO_FAIR_TREE, NO_NORMAL_ALL, NO_NORMAL_ASSOC, NO_NORMAL_PART, NO_NORMAL_QOS,"
    " NO_NORMAL_TRES, SMALL_RELATIVE_TO_TIME"
)


@pytest.mark.parametrize(
    "lines",
    [
        ["KillWait=5"],
        ["killwait=5"],
        ["KILLWAIT=5"],
        ["  KillWait = 5  "],
        ["KillWait=5 # soon"],
        ["KillWait=5#soon"],
        ['KillWait="5"'],
        ["Kill\\", "Wait=5"],
        ["KillWait=\\", "5"],
        ["KillWait=5 \\", ""],
        ["KillWait=1", "KillWait=5"],
        ["KillWait=5\r"],
        ["# KillWait=7 \\", "KillWait=5"],
    ],
)
def test_the_ways_to_write_a_parameter(loaded, lines):
    assert loaded(*lines).kill_wait == 5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"/bin/a b"', "/bin/a b"),
        ('"/bin/a#b"', "/bin/a#b"),
        ("/bin/a\\#b", "/bin/a#b"),
        ('""', ""),
        ("a=b", "a=b"),
        ("'a'", "'a'"),
        ('a"b', 'a"b'),
    ],
)
def test_double_quotes_hold_blanks_and_hashes(loaded, text, value):
    assert loaded(f"MailProg={text}").mail_prog == value


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["MailProg=/bin/a b"], 'scns.conf:1: expected key=value, found "b"'),
        (["MailProg='a b'"], 'scns.conf:1: expected key=value, found "b\'"'),
        (['MailProg="abc'], 'scns.conf:1: expected key=value, found "MailProg="abc"'),
        (['MailProg="a"b'], 'scns.conf:1: expected key=value, found "MailProg="a"b"'),
        (["", "KillWait"], 'scns.conf:2: expected key=value, found "KillWait"'),
        (["KillWait="], 'scns.conf:1: expected key=value, found "KillWait="'),
        (["=5"], 'scns.conf:1: expected key=value, found "=5"'),
        (["KillWait+=5"], 'scns.conf:1: expected key=value, found "KillWait+=5"'),
        (
            ["KillWait=5 MinJobAge=7"],
            'scns.conf:1: one parameter a line, found "MinJobAge=7" too; quote a value with blanks',
        ),
        (["#", "Kill\\", "Wait", "x=1"], 'scns.conf:2: expected key=value, found "KillWait"'),
    ],
)
def test_what_is_no_parameter_is_told_with_its_line(refused, lines, message):
    assert refused(*lines) == message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Kilwait=5", 'unknown key "Kilwait"; did you mean "KillWait"?'),
        ("MaxArraySze=5", 'unknown key "MaxArraySze"; did you mean "MaxArraySize"?'),
        ("Databse=x", 'unknown key "Databse"; did you mean "Database"?'),
        ("Bogus=1", 'unknown key "Bogus"'),
        ("NodeName=x CPU=1", 'unknown key "CPU"; did you mean "CPUs"?'),
        ("NodeName=x Bogus=1", 'unknown key "Bogus"'),
        ("PartitionName=q Node=x", 'unknown key "Node"; did you mean "Nodes"?'),
        ("PartitionName=q KillWait=1", 'unknown key "KillWait"'),
    ],
)
def test_an_unknown_key_is_refused_with_a_suggestion(refused, line, message):
    assert refused("#", line) == f"scns.conf:2: {message}"


def test_the_error_names_file_and_line(loaded, tmp_path):
    with pytest.raises(ConfigError) as caught:
        loaded("", "Bogus=1")
    error = caught.value
    assert (error.path, error.number) == (str(tmp_path / "scns.conf"), 2)
    assert error.lines("scnsd") == [f'scnsd: error: {tmp_path}/scns.conf:2: unknown key "Bogus"']


def test_a_missing_file_is_told(tmp_path):
    path = tmp_path / "nosuch.conf"
    with pytest.raises(ConfigError) as caught:
        load(str(path), "n1", 1, 1)
    assert caught.value.message == f"{path}: No such file or directory"
    assert caught.value.number is None


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(str(tmp_path), "n1", 1, 1)
    assert caught.value.message == f"{tmp_path}: Is a directory"


def test_a_file_that_is_not_utf8_is_told_with_its_line(tmp_path):
    path = tmp_path / "scns.conf"
    path.write_bytes(b"# ok\nMailProg=\xff\n")
    with pytest.raises(ConfigError) as caught:
        load(str(path), "n1", 1, 1)
    assert caught.value.message == f"{path}:2: not valid UTF-8"


# Include


def test_include_is_relative_to_the_file_that_says_it(loaded, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "one.conf").write_text('KillWait=5\ninclude "two.conf"\n')
    (tmp_path / "d" / "two.conf").write_text("MinJobAge=7\n")
    config = loaded("Include d/one.conf", "InactiveLimit=9")
    assert (config.kill_wait, config.min_job_age, config.inactive_limit) == (5, 7, 9)


def test_include_takes_an_absolute_path_and_may_repeat(loaded, tmp_path):
    other = tmp_path / "x y.conf"
    other.write_text("KillWait=5\n")
    assert loaded(f"INCLUDE {other}", "KillWait=1", f'Include "{other}"').kill_wait == 5


@pytest.mark.parametrize("chain", [["scns.conf"], ["a.conf", "scns.conf"], ["a.conf", "a.conf"]])
def test_a_file_that_includes_itself_is_refused(refused, tmp_path, chain):
    inner = tmp_path / chain[0]
    if len(chain) > 1:
        inner.write_text(f"# x\nInclude {chain[1]}\n")
    message = refused("", f"Include {chain[0]}")
    where = "scns.conf:2" if len(chain) == 1 else "a.conf:2"
    assert message == f"{where}: {chain[-1]} includes itself"


def test_a_missing_include_is_told_where_it_stands(refused):
    assert refused("", "Include nosuch.conf") == (
        "scns.conf:2: cannot read nosuch.conf: No such file or directory"
    )


def test_errors_in_an_included_file_name_that_file(refused, tmp_path):
    (tmp_path / "nodes.conf").write_text("\n\nNodeName=x CPUs=abc\n")
    assert refused("Include nodes.conf") == (
        "nodes.conf:3: CPUs=abc: expected a whole number, 1 or more"
    )


# 值


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("ClusterName=Bench", "cluster_name", "bench"),
        ("Database=postgresql://db/scns", "database", "postgresql://db/scns"),
        ('Database="host=/run/x dbname=y"', "database", "host=/run/x dbname=y"),
        ("SlurmctldHost=h(127.0.0.1)", "slurmctld_host", ("h(127.0.0.1)",)),
        ("DefMemPerCPU=64", "default_memory_per_cpu", 64),
        ("DefMemPerNode=0", "default_memory_per_node", None),
        ("MaxMemPerNode=UNLIMITED", "max_memory_per_node", None),
        ("MaxArraySize=110001", "max_array_size", 110001),
        ("EnforcePartLimits=yes", "enforce_part_limits", "ALL"),
        ("EnforcePartLimits=any", "enforce_part_limits", "ANY"),
        ("SchedulerType=sched/builtin", "scheduler_type", "sched/builtin"),
        ("SchedulerType=sched/firstfit", "scheduler_type", "sched/firstfit"),
        (
            "SchedulerParameters=batch_sched_delay=0,defer",
            "scheduler_parameters",
            {"batch_sched_delay": "0", "defer": ""},
        ),
        ("PriorityType=priority/basic", "priority_type", "priority/basic"),
        ("PriorityDecayHalfLife=14-0", "priority_decay_half_life", 14 * 86400),
        ("PriorityDecayHalfLife=0", "priority_decay_half_life", None),
        ("PriorityCalcPeriod=5", "priority_calc_period", 300),
        ("PriorityWeightAge=1000", "priority_weight_age", 1000),
        ("PriorityWeightFairShare=10", "priority_weight_fairshare", 10),
        (
            "PriorityWeightTRES=CPU=1000,Mem=2000",
            "priority_weight_tres",
            {"cpu": 1000, "mem": 2000},
        ),
        (
            "PriorityWeightTRES=GRES/gpu=2.5,license/matlab=7",
            "priority_weight_tres",
            {"gres/gpu": 2.5, "license/matlab": 7},
        ),
        ("PriorityFlags=MAX_TRES,NO_FAIR_TREE", "priority_flags", ("MAX_TRES", "NO_FAIR_TREE")),
        ("PriorityFlags=incr_only", "priority_flags", ("INCR_ONLY",)),
        ("AccountingStorageEnforce=none", "accounting_storage_enforce", ()),
        (
            "AccountingStorageEnforce=associations,nojobs",
            "accounting_storage_enforce",
            ("associations",),
        ),
        (
            "AccountingStorageEnforce=safe",
            "accounting_storage_enforce",
            ("associations", "limits", "safe"),
        ),
        (
            "AccountingStorageEnforce=ALL",
            "accounting_storage_enforce",
            ("associations", "limits", "qos", "safe"),
        ),
        ("PriorityUsageResetPeriod=weekly", "priority_usage_reset_period", "WEEKLY"),
        ("Licenses=matlab:4,fluent", "licenses", {"matlab": 4, "fluent": 1}),
        ("GresTypes=gpu,mps", "gres_types", ("gpu", "mps")),
        ("JobRequeue=0", "job_requeue", False),
        ("OverTimeLimit=UNLIMITED", "over_time_limit", None),
        ("OverTimeLimit=5", "over_time_limit", 5),
        ("PrologEpilogTimeout=60", "prolog_epilog_timeout", 60),
        ("Prolog=/etc/scns/prolog.sh", "prolog", "/etc/scns/prolog.sh"),
        ("TmpFS=/scratch", "tmp_fs", "/scratch"),
    ],
)
def test_values_are_typed(loaded, line, field, value):
    assert getattr(loaded(line), field) == value


def test_a_dsn_with_blanks_must_be_quoted(refused):
    assert refused("Database=host=/run/x dbname=y") == (
        'scns.conf:1: one parameter a line, found "dbname=y" too; quote a value with blanks'
    )


def test_a_record_starts_with_its_name(refused):
    assert refused("CPUs=4 NodeName=x") == (
        'scns.conf:1: one parameter a line, found "NodeName=x" too; quote a value with blanks'
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("KillWait=abc", "a whole number, 0 or more"),
        ("KillWait=-1", "a whole number, 0 or more"),
        ("KillWait=1.5", "a whole number, 0 or more"),
        ("KillWait=1K", "a whole number, 0 or more"),
        ("KillWait=5;MinJobAge=4", "a whole number, 0 or more"),
        ("MaxArraySize=99999999999", "a whole number, 0 or more"),
        ("MaxJobCount=0", "a whole number, 1 or more"),
        ("OverTimeLimit=-1", "a whole number, 0 or more, or UNLIMITED"),
        ("DefMemPerCPU=1G", "MiB as a whole number, 0 or more, or UNLIMITED"),
        ("JobRequeue=maybe", "YES or NO"),
        ("SchedulerType=sched/wiki", "one of sched/backfill, sched/builtin, sched/firstfit"),
        ("PriorityType=fifo", "one of priority/multifactor, priority/basic"),
        ("EnforcePartLimits=2", "one of NO, ANY, ALL"),
        ("PriorityMaxAge=1h", "a time such as 30, 12:00:00, 7-0 or UNLIMITED"),
        ("PriorityWeightTRES=CPU", TRES_WEIGHTS),
        ("PriorityWeightTRES=CPU=x", TRES_WEIGHTS),
        ("PriorityWeightTRES=Energy=1", TRES_WEIGHTS),
        ("PriorityWeightTRES=GRES=1", TRES_WEIGHTS),
        ("PriorityFlags=FAIR", PRIORITY_FLAGS),
        (
            "AccountingStorageEnforce=everything",
            "a list of associations, limits, nojobs, nosteps, qos, safe, wckeys, all, none",
        ),
        ("FairShareDampeningFactor=0", "a whole number, 1 or more"),
        ("Licenses=matlab:x", "NAME[:COUNT],..."),
        ("Licenses=:4", "NAME[:COUNT],..."),
    ],
)
def test_a_bad_value_says_what_was_expected(refused, line, expected):
    assert refused("", line) == f"scns.conf:2: {line}: expected {expected}"


def test_several_controllers_add_up(loaded):
    assert loaded("SlurmctldHost=a", "SlurmctldHost=b(1.2.3.4)").slurmctld_host == (
        "a",
        "b(1.2.3.4)",
    )


def test_two_default_memories_exclude_each_other(refused):
    assert refused("DefMemPerCPU=1", "DefMemPerNode=2") == (
        "scns.conf:2: DefMemPerCPU and DefMemPerNode are mutually exclusive"
    )


# 认得但不用的键

SLURM_CONF = """
ClusterName=bench
SlurmctldHost=n1(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=/var/spool/ctld
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
AccountingStoragePass=secret
DefMemPerCPU=64
MaxArraySize=110001
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
NodeName=n1 NodeAddr=127.0.0.1 Port=6818 CPUs=8 RealMemory=3900 State=UNKNOWN
PartitionName=main Nodes=n1 Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=n1 MaxTime=10 DefaultTime=5 State=UP LLN=NO
PartitionName=closed Nodes=n1 MaxTime=INFINITE State=DOWN
"""


def test_a_file_of_slurm_is_read_as_it_is(loaded, tmp_path):
    config = loaded(*SLURM_CONF.splitlines())
    path = str(tmp_path / "scns.conf")
    assert [(key, number) for key, file, number in config.ignored if file == path] == [
        ("SlurmUser", 4),
        ("AuthType", 5),
        ("StateSaveLocation", 6),
        ("SelectType", 7),
        ("SelectTypeParameters", 8),
        ("AccountingStoragePass", 9),
        ("Port", 13),
        ("LLN", 15),
    ]
    assert config.others["SelectType"] == "select/cons_tres"
    assert [partition.name for partition in config.partitions] == ["main", "short", "closed"]
    assert [partition.max_time for partition in config.partitions] == [None, 600, None]
    assert config.partitions[1].default_time == 300
    assert config.partitions[2].state == "DOWN"


def test_records_scns_has_no_use_for_are_ignored_whole(loaded):
    config = loaded("FrontendName=f State=UP", "PowerAction=x Program=/y")
    assert [key for key, _, _ in config.ignored] == ["FrontendName", "PowerAction"]
    assert config.nodes == load(None, "n1", 4, 2000).nodes


@pytest.mark.parametrize(
    "key",
    """
    AccountingStorageType AuthType CommunicationParameters CompleteWait CredType DebugFlags
    EpilogSlurmctld FirstJobId HealthCheckProgram JobAcctGatherType JobCompType LaunchParameters
    MpiDefault PluginDir PreemptMode PrivateData ProctrackType PropagateResourceLimits
    ReturnToService SelectType SlurmctldDebug SlurmctldLogFile SlurmctldParameters
    SlurmctldTimeout SlurmdSpoolDir SlurmUser StateSaveLocation SuspendTime SwitchType TaskPlugin
    TopologyPlugin TreeWidth UsePAM WaitTime X11Parameters
    """.split(),
)
def test_the_usual_keys_of_slurm_are_known(key):
    assert KEYS[key.lower()].name == key


def test_the_table_says_type_default_and_use_of_every_key():
    assert KEYS["killwait"].used and KEYS["killwait"].default == 30
    assert KEYS["killwait"].kind is not None and KEYS["killwait"].kind.name == "seconds"
    assert KEYS["licenses"].default == {}
    assert not KEYS["slurmuser"].used and KEYS["slurmuser"].kind is None
    assert len(KEYS) > 250
    assert all(name == key.name.lower() for name, key in KEYS.items())


@pytest.mark.parametrize("keys", [KEYS, NODE_KEYS, PARTITION_KEYS])
def test_every_printed_default_reads_back(keys):
    for key in keys.values():
        if key.field is None or key.default in (None, "", (), {}):
            continue
        words = key.kind.show(key.default).split()
        assert key.kind.parse(words[0]) == key.default, key


def test_settings_print_as_show_config_prints_them(loaded):
    shown = loaded(*SLURM_CONF.splitlines()).settings()
    assert shown["ClusterName"] == "bench"
    assert shown["DefMemPerCPU"] == "64"
    assert shown["DefMemPerNode"] == "UNLIMITED"
    assert shown["InactiveLimit"] == "0 sec"
    assert shown["KillWait"] == "30 sec"
    assert shown["MaxArraySize"] == "110001"
    assert shown["MinJobAge"] == "300 sec"
    assert shown["OverTimeLimit"] == "0 min"
    assert shown["Licenses"] == "(null)"
    assert shown["JobRequeue"] == "1"
    assert shown["DisableRootJobs"] == "No"
    assert shown["PriorityMaxAge"] == "7-00:00:00"
    assert shown["SchedulerParameters"] == "batch_sched_delay=0,sched_interval=2,bf_interval=2"
    assert shown["SelectType"] == "select/cons_tres"


def test_settings_show_no_secret(loaded):
    shown = loaded(*SLURM_CONF.splitlines(), 'Database="password=hunter2"').settings()
    assert not {"Database", "AccountingStoragePass"} & shown.keys()
    assert "hunter2" not in str(shown) and "secret" not in str(shown)


# 节点


def test_host_lists_are_expanded_in_order(loaded):
    config = loaded("NodeName=n[08-10],x CPUs=2 RealMemory=100 NodeAddr=10.0.0.[1-4] Weight=3")
    assert [node.name for node in config.nodes] == ["n08", "n09", "n10", "x"]
    assert [node.address for node in config.nodes] == [f"10.0.0.{part}" for part in "1234"]
    assert {(node.cpus, node.memory, node.weight) for node in config.nodes} == {(2, 100, 3)}


def test_a_node_has_its_own_facts(loaded):
    node = one_node(
        loaded(
            "NodeName=g CPUs=8 RealMemory=900 TmpDisk=50 Features=a100,ib \\",
            "Gres=gpu:a100:4,tmp:2K \\",
            'Weight=5 State=drain Reason="bad fan #3"',
        )
    )
    assert (node.features, node.gres) == (("a100", "ib"), {"gpu:a100": 4, "tmp": 2048})
    assert (node.tmp_disk, node.weight, node.state) == (50, 5, "DRAIN")
    assert (node.reason, node.address) == ("bad fan #3", "g")


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("gpu", {"gpu": 1}),
        ("gpu:4", {"gpu": 4}),
        ("gpu:a100", {"gpu:a100": 1}),
        ("gpu:a100:4", {"gpu:a100": 4}),
        ("gpu:a100:4,gpu:h100:2", {"gpu:a100": 4, "gpu:h100": 2}),
        ("gpu:a100:2(S:0-1)", {"gpu:a100": 2}),
        ("gpu:1,gpu:2", {"gpu": 3}),
        ("bandwidth:lustre:no_consume:4G", {"bandwidth:lustre": 4 * 1024**3}),
        ("gpu:0", {"gpu": 0}),
    ],
)
def test_gres_of_a_node(loaded, text, counts):
    assert one_node(loaded(f"NodeName=g CPUs=1 Gres={text}")).gres == counts


@pytest.mark.parametrize("text", ["gpu:", ":4", "gpu:a:b:c", "gpu::4", "4:4:4:4"])
def test_bad_gres_are_refused(refused, text):
    assert refused(f"NodeName=g Gres={text}") == (
        f"scns.conf:1: Gres={text}: expected NAME[:TYPE][:COUNT],..."
    )


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("UNKNOWN", "UNKNOWN"),
        ("idle", "UNKNOWN"),
        ("Down", "DOWN"),
        ("DRAIN", "DRAIN"),
        ("FAIL", "DRAIN"),
        ("FAILING", "DRAIN"),
    ],
)
def test_states_of_a_node(loaded, text, state):
    assert one_node(loaded(f"NodeName=x CPUs=1 State={text}")).state == state


@pytest.mark.parametrize("state", ["CLOUD", "FUTURE", "UP"])
def test_nodes_that_scns_cannot_run_are_refused(refused, state):
    assert refused(f"NodeName=x State={state}") == (
        f"scns.conf:1: State={state}: expected one of UNKNOWN, DOWN, DRAIN"
    )


@pytest.mark.parametrize(
    ("text", "cpus", "shape"),
    [
        ("CPUs=8", 8, (8, 1, 1)),
        ("Procs=8", 8, (8, 1, 1)),
        ("Sockets=2 CoresPerSocket=4 ThreadsPerCore=2", 16, (2, 4, 2)),
        ("CPUs=16 Sockets=2 CoresPerSocket=4 ThreadsPerCore=2", 16, (2, 4, 2)),
        ("CPUs=8 Sockets=2 CoresPerSocket=4 ThreadsPerCore=2", 8, (2, 4, 2)),
        ("CPUs=16 CoresPerSocket=4 ThreadsPerCore=2", 16, (2, 4, 2)),
        ("CPUs=8 ThreadsPerCore=2", 8, (4, 1, 2)),
        ("Boards=2 SocketsPerBoard=1 CoresPerSocket=8", 16, (2, 8, 1)),
        ("ThreadsPerCore=2", 2, (1, 1, 2)),
        ("", 1, (1, 1, 1)),
    ],
)
def test_cpus_and_topology_complete_each_other(loaded, text, cpus, shape):
    node = one_node(loaded(f"NodeName=x {text}"))
    assert node.cpus == cpus
    assert (node.sockets, node.cores_per_socket, node.threads_per_core) == shape


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("CPUs=7 Sockets=2 CoresPerSocket=4", 8),
        ("CPUs=3 ThreadsPerCore=2", 2),
        ("CPUs=1 CoresPerSocket=4", 4),
    ],
)
def test_cpus_that_do_not_match_the_topology_are_refused(refused, text, total):
    cpus = text.split()[0]
    assert refused(f"NodeName=x {text}") == (
        f"scns.conf:1: {cpus} does not match {total} = Sockets * Cores * Threads"
    )


def test_default_lines_apply_to_the_lines_after_them(loaded):
    config = loaded(
        "NodeName=a",
        "NodeName=DEFAULT CPUs=4 RealMemory=100",
        "NodeName=b",
        "NodeName=default RealMemory=200",
        "NodeName=c CPUs=2",
    )
    assert [(node.name, node.cpus, node.memory) for node in config.nodes] == [
        ("a", 1, 1),
        ("b", 4, 100),
        ("c", 2, 200),
    ]


def test_what_the_only_node_does_not_say_is_measured_on_this_machine(loaded):
    measured = one_node(loaded("NodeName=n1 Weight=2"))
    assert (measured.cpus, measured.sockets, measured.memory, measured.weight) == (4, 4, 2000, 2)
    said = one_node(loaded("NodeName=n1 CPUs=8 RealMemory=100"))
    assert (said.cpus, said.sockets, said.memory) == (8, 8, 100)
    shaped = one_node(loaded("NodeName=n1 Sockets=2 CoresPerSocket=8"))
    assert (shaped.cpus, shaped.sockets, shaped.memory) == (16, 2, 2000)


def test_several_machines_read_the_same_file_alike(tmp_path):
    path = tmp_path / "scns.conf"
    path.write_text("NodeName=n[1-2] CPUs=2\n")
    assert load(str(path), "n1", 4, 2000) == load(str(path), "n2", 8, 4000)


def test_down_nodes_are_down_with_a_reason(loaded):
    config = loaded(
        "NodeName=a,b,c,d CPUs=1",
        "DownNodes=b,c State=DRAIN Reason=repair",
        "DownNodes=d",
    )
    assert [node.state for node in config.nodes] == ["UNKNOWN", "DRAIN", "DRAIN", "DOWN"]
    assert [node.reason for node in config.nodes] == [None, "repair", "repair", None]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("NodeName=a", 'node "a" is defined twice'),
        ("NodeName=x[1-2],x1", 'node "x1" is defined twice'),
        ("NodeName=ALL", '"ALL" cannot be the name of a node'),
        ("NodeName=x[1-", None),
        ('NodeName=""', "no node names"),
        ("NodeName=x[1-3] NodeAddr=y[1-2]", "3 nodes but 2 addresses"),
        ("NodeName=DEFAULT NodeAddr=y", "NodeAddr is not allowed with NodeName=DEFAULT"),
        ("NodeName=x CPUs=1 Procs=2", '"Procs" is given twice'),
        ("NodeName=x CPUs=0", "CPUs=0: expected a whole number, 1 or more"),
        ("NodeName=x RealMemory=-5", "RealMemory=-5: expected a whole number, 1 or more"),
        ("NodeName=x RealMemory=1G", "RealMemory=1G: expected a whole number, 1 or more"),
        ("DownNodes=zz", 'DownNodes names unknown node "zz"'),
    ],
)
def test_senseless_nodes_are_refused(refused, line, message):
    told = refused("NodeName=a CPUs=1", line)
    assert told.startswith("scns.conf:2: ")
    if message is not None:
        assert told == f"scns.conf:2: {message}"


# 分区


def test_a_partition_has_its_own_rules(loaded):
    partition = one_partition(
        loaded(
            "NodeName=a,b,c CPUs=1",
            "PartitionName=q Nodes=a,c Default=yes State=drain MaxTime=2-0 DefaultTime=1:00:00 \\",
            "MinNodes=1 MaxNodes=2 MaxCPUsPerNode=8 DefMemPerCPU=10 MaxMemPerCPU=20 \\",
            "PriorityTier=3 PriorityJobFactor=7",
        )
    )
    assert (partition.name, partition.nodes) == ("q", ("a", "c"))
    assert (partition.is_default, partition.state) == (True, "DRAIN")
    assert (partition.max_time, partition.default_time) == (172800, 3600)
    assert (partition.min_nodes, partition.max_nodes, partition.max_cpus_per_node) == (1, 2, 8)
    assert (partition.default_memory_per_cpu, partition.max_memory_per_cpu) == (10, 20)
    assert (partition.priority_tier, partition.priority_job_factor) == (3, 7)
    assert partition.options == {}


def test_rules_without_a_column_are_kept_as_options(loaded):
    partition = one_partition(
        loaded(
            "PartitionName=q Nodes=ALL AllowGroups=a,b AllowAccounts=x \\",
            "AllowUsers=ann DenyUsers=bob \\",
            "DenyAccounts=y Shared=EXCLUSIVE Hidden=YES RootOnly=YES OverTimeLimit=5 \\",
            "DisableRootJobs=YES ExclusiveUser=YES",
        )
    )
    assert partition.options == {
        "allow_accounts": ["x"],
        "allow_groups": ["a", "b"],
        "allow_users": ["ann"],
        "deny_accounts": ["y"],
        "deny_users": ["bob"],
        "oversubscribe": "EXCLUSIVE",
        "over_time_limit": 5,
        "hidden": True,
        "root_only": True,
        "disable_root_jobs": True,
        "exclusive_user": True,
    }


def test_all_among_the_members_is_everybody(loaded):
    partition = one_partition(loaded("PartitionName=q Nodes=ALL AllowGroups=ALL AllowAccounts=all"))
    assert partition.allow_groups is None and partition.allow_accounts is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("exclusive", "EXCLUSIVE"),
        ("YES", "YES:4"),
        ("yes:2", "YES:2"),
        ("FORCE", "FORCE:4"),
        ("FORCE:1", "FORCE:1"),
    ],
)
def test_oversubscription(loaded, text, value):
    config = loaded(f"PartitionName=q Nodes=ALL OverSubscribe={text}")
    assert one_partition(config).oversubscribe == value


@pytest.mark.parametrize("text", ["MAYBE", "NO:2", "EXCLUSIVE:1", "FORCE:", "YES:x"])
def test_bad_oversubscription_is_refused(refused, text):
    assert refused(f"PartitionName=q Nodes=ALL OverSubscribe={text}") == (
        f"scns.conf:1: OverSubscribe={text}: expected NO, EXCLUSIVE, YES[:COUNT] or FORCE[:COUNT]"
    )


@pytest.mark.parametrize(
    ("text", "tier", "factor"),
    [
        ("", 1, 1),
        ("Priority=5", 5, 5),
        ("Priority=5 PriorityTier=2", 2, 5),
        ("PriorityJobFactor=3", 1, 3),
    ],
)
def test_priority_sets_what_is_not_set_apart(loaded, text, tier, factor):
    partition = one_partition(loaded(f"PartitionName=q Nodes=ALL {text}"))
    assert (partition.priority_tier, partition.priority_job_factor) == (tier, factor)


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("ALL", ("n1", "n2", "g1")),
        ("all", ("n1", "n2", "g1")),
        ("g1,n[1-2]", ("g1", "n1", "n2")),
        ("n2,n2,n2", ("n2",)),
        ("fast", ("g1",)),
        ("listed,n2", ("n1", "n2")),
        ("g1,ALL", ("g1", "n1", "n2")),
    ],
)
def test_members_of_a_partition(loaded, text, nodes):
    config = loaded(
        "PartitionName=q Nodes=" + text,
        "NodeSet=fast Feature=gpu,ib",
        "NodeSet=listed Nodes=n1",
        "NodeName=n[1-2] CPUs=1",
        "NodeName=g1 CPUs=1 Features=gpu",
    )
    assert one_partition(config).nodes == nodes


def test_partition_defaults_apply_to_the_lines_after_them(loaded):
    config = loaded(
        "PartitionName=DEFAULT Nodes=ALL MaxTime=10",
        "PartitionName=a",
        "PartitionName=DEFAULT MaxTime=20 State=DOWN",
        "PartitionName=b State=UP",
    )
    assert [(part.name, part.max_time, part.state) for part in config.partitions] == [
        ("a", 600, "UP"),
        ("b", 1200, "UP"),
    ]


def test_no_default_time_may_be_written_none(loaded):
    partition = one_partition(loaded("PartitionName=q Nodes=ALL DefaultTime=NONE MaxTime=5"))
    assert (partition.default_time, partition.max_time) == (None, 300)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("PartitionName=main Nodes=a", 'partition "main" is defined twice'),
        ("PartitionName=q Nodes=a Default=YES", 'partitions "main" and "q" are both the default'),
        ("PartitionName=q Nodes=zz", 'partition "q" names unknown node "zz"'),
        ("PartitionName=q Nodes=a[1-2]", 'partition "q" names unknown node "a1"'),
        ("PartitionName=q", 'partition "q" has no nodes'),
        ('PartitionName=q Nodes=""', 'partition "q" has no nodes'),
        ("PartitionName=q,r Nodes=a", '"q,r" cannot be the name of a partition'),
        ('PartitionName="q r" Nodes=a', '"q r" cannot be the name of a partition'),
        ('PartitionName="" Nodes=a', '"" cannot be the name of a partition'),
        (
            "PartitionName=q Nodes=a DefaultTime=11 MaxTime=10",
            'partition "q": DefaultTime is above MaxTime',
        ),
        (
            "PartitionName=q Nodes=a MinNodes=3 MaxNodes=2",
            'partition "q": MinNodes is above MaxNodes',
        ),
        (
            "PartitionName=q Nodes=a DefMemPerNode=3 MaxMemPerNode=2",
            'partition "q": DefMemPerNode is above MaxMemPerNode',
        ),
        (
            "PartitionName=q Nodes=a DefMemPerCPU=3 DefMemPerNode=2",
            'partition "q": DefMemPerCPU and DefMemPerNode are mutually exclusive',
        ),
        ("PartitionName=q Nodes=a MaxNodes=-1", None),
        ("PartitionName=q Nodes=a MaxTime=-5x", None),
        ("PartitionName=q Nodes=a State=BOGUS", None),
    ],
)
def test_senseless_partitions_are_refused(refused, line, message):
    told = refused("NodeName=a CPUs=1", "PartitionName=main Nodes=ALL Default=YES", line)
    assert told.startswith("scns.conf:3: ")
    if message is not None:
        assert told == f"scns.conf:3: {message}"


def test_a_node_set_with_an_unknown_node_is_told_at_its_own_line(refused):
    assert refused("NodeSet=s Nodes=zz", "PartitionName=q Nodes=s") == (
        'scns.conf:1: node set "s" names unknown node "zz"'
    )


def test_an_empty_node_set_leaves_the_partition_without_nodes(refused):
    assert refused("NodeSet=s Feature=none", "PartitionName=q Nodes=s") == (
        'scns.conf:2: partition "q" has no nodes'
    )


# 性质

VALUE = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_characters='"\\#'), min_size=1
).filter(lambda text: not any(letter.isspace() for letter in text))


@given(st.lists(st.tuples(st.sampled_from(["A", "b1", "C_d"]), VALUE), min_size=1, max_size=4))
@PROPERTY
def test_written_pairs_read_back(tmp_path, pairs):
    path = tmp_path / "x.conf"
    path.write_text(" ".join(f'{key}="{value}"' for key, value in pairs) + "\n")
    [line] = read(str(path))
    assert list(line.pairs) == pairs


@given(st.lists(st.sampled_from(
    ["NodeName=", "PartitionName=", "n[1-3]", "Nodes=", "ALL", "CPUs=", "4", "MaxTime=", " ", "\n",
     "#", "\\", '"', "=", "KillWait=", "DEFAULT", "Include ", "DownNodes=", "NodeSet=", "Gres=gpu:"]
), max_size=14).map("".join))  # fmt: skip
@PROPERTY
@example("NodeName=\nNodeName=")
@example("\\")
def test_any_file_is_read_or_refused_with_a_sentence(tmp_path, text):
    path = tmp_path / "x.conf"
    path.write_text(text)
    try:
        config = load(str(path), "n1", 4, 2000)
    except ConfigError as error:
        assert error.message.startswith(f"{path}:")
    else:
        names = {node.name for node in config.nodes}
        assert all(names.issuperset(partition.nodes) for partition in config.partitions)
        assert sum(partition.is_default for partition in config.partitions) <= 1


@given(st.binary(max_size=60))
@PROPERTY
def test_any_bytes_are_read_or_refused_with_a_sentence(tmp_path, content):
    path = tmp_path / "x.conf"
    path.write_bytes(content)
    try:
        load(str(path), "n1", 4, 2000)
    except ConfigError as error:
        assert error.message.startswith(f"{path}:")


def test_a_configuration_cannot_be_changed():
    config = load(None, "n1", 4, 2000)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.kill_wait = 1  # type: ignore[misc]
