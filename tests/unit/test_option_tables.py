"""选项表：照 Slurm 22.05 的手册，一个选项也不少，待遇与文档一致。"""

from __future__ import annotations

from pathlib import Path

import pytest

from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, OPTIONAL, STOP, VALUE
from scns.cli.options_doc import COMMANDS, document, table_of
from scns.cli.tables.scontrol import KEYWORDS

#: 每个命令手册里的选项：长名、单字母（`-` 是没有）、种类、待遇、环境变量。
MANUAL = {
    "sbatch": """
        account A value implemented SBATCH_ACCOUNT
        acctg-freq - value accepted SBATCH_ACCTG_FREQ
        array a value implemented SBATCH_ARRAY_INX
        batch - value accepted SBATCH_BATCH
        bb - value accepted
        bbf - value accepted
        begin b value implemented
        chdir D value implemented
        cluster-constraint - value refused
        clusters M value implemented SBATCH_CLUSTERS SLURM_CLUSTERS
        comment - value implemented
        constraint C value implemented SBATCH_CONSTRAINT
        container - value refused SBATCH_CONTAINER
        contiguous - flag accepted
        core-spec S value accepted SBATCH_CORE_SPEC
        cores-per-socket - value accepted
        cpu-freq - value accepted SLURM_CPU_FREQ_REQ
        cpus-per-gpu - value implemented SBATCH_CPUS_PER_GPU
        cpus-per-task c value implemented
        deadline - value implemented
        delay-boot - value accepted SBATCH_DELAY_BOOT
        dependency d value implemented
        distribution m value accepted SBATCH_DISTRIBUTION
        error e value implemented SBATCH_ERROR
        exclude x value implemented
        exclusive - optional implemented SBATCH_EXCLUSIVE
        export - value implemented SBATCH_EXPORT
        export-file - value implemented
        extra-node-info B value accepted
        get-user-env - optional implemented SBATCH_GET_USER_ENV
        gid - value implemented
        gpu-bind - value accepted SBATCH_GPU_BIND
        gpu-freq - value accepted SBATCH_GPU_FREQ
        gpus G value implemented SBATCH_GPUS
        gpus-per-node - value implemented SBATCH_GPUS_PER_NODE
        gpus-per-socket - value accepted
        gpus-per-task - value implemented SBATCH_GPUS_PER_TASK
        gres - value implemented SBATCH_GRES
        gres-flags - value accepted SBATCH_GRES_FLAGS
        help h flag implemented
        hint - value accepted SBATCH_HINT
        hold H flag implemented
        ignore-pbs - flag implemented SBATCH_IGNORE_PBS
        input i value implemented SBATCH_INPUT
        job-name J value implemented SBATCH_JOB_NAME
        kill-on-invalid-dep - value implemented
        licenses L value implemented
        mail-type - value implemented
        mail-user - value implemented
        mcs-label - value accepted
        mem - value implemented SBATCH_MEM_PER_NODE
        mem-bind - value accepted SBATCH_MEM_BIND
        mem-per-cpu - value implemented SBATCH_MEM_PER_CPU
        mem-per-gpu - value implemented SBATCH_MEM_PER_GPU
        mincpus - value implemented
        network - value accepted SBATCH_NETWORK
        nice - optional implemented
        no-kill k optional accepted SBATCH_NO_KILL
        no-requeue - flag implemented SBATCH_NO_REQUEUE
        nodefile F value implemented
        nodelist w value implemented
        nodes N value implemented
        ntasks n value implemented
        ntasks-per-core - value accepted
        ntasks-per-gpu - value implemented
        ntasks-per-node - value implemented
        ntasks-per-socket - value accepted
        open-mode - value implemented SBATCH_OPEN_MODE
        output o value implemented SBATCH_OUTPUT
        overcommit O flag implemented SBATCH_OVERCOMMIT
        oversubscribe s flag accepted
        parsable - flag implemented
        partition p value implemented SBATCH_PARTITION
        power - value accepted SBATCH_POWER
        prefer - value accepted
        priority - value implemented
        profile - value accepted SBATCH_PROFILE
        propagate - optional implemented
        qos q value implemented SBATCH_QOS
        quiet Q flag implemented
        reboot - flag refused
        requeue - flag implemented SBATCH_REQUEUE
        reservation - value implemented SBATCH_RESERVATION
        signal - value implemented SBATCH_SIGNAL
        sockets-per-node - value accepted
        spread-job - flag accepted SBATCH_SPREAD_JOB
        switches - value accepted SBATCH_REQ_SWITCH
        test-only - flag implemented
        thread-spec - value accepted SBATCH_THREAD_SPEC
        threads-per-core - value accepted SBATCH_THREADS_PER_CORE
        time t value implemented SBATCH_TIMELIMIT
        time-min - value implemented
        tmp - value accepted
        uid - value implemented
        usage - flag implemented
        use-min-nodes - flag accepted SBATCH_USE_MIN_NODES
        verbose v flag implemented SBATCH_DEBUG
        version V flag implemented
        wait W flag implemented SBATCH_WAIT
        wait-all-nodes - value accepted SBATCH_WAIT_ALL_NODES
        wckey - value accepted SBATCH_WCKEY
        wrap - value implemented
    """,
    "srun": """
        bcast - optional accepted SLURM_BCAST
        compress - optional accepted SLURM_COMPRESS
        cpu-bind - value accepted SLURM_CPU_BIND
        disable-status X flag implemented SLURM_DISABLE_STATUS
        epilog - value implemented SLURM_EPILOG
        prolog - value implemented SLURM_PROLOG
        error e value implemented SLURM_STDERRMODE
        output o value implemented SLURM_STDOUTMODE
        exact - flag implemented SLURM_EXACT
        exclusive - optional implemented SLURM_EXCLUSIVE
        export - value implemented SLURM_EXPORT_ENV
        het-group - value refused
        immediate I optional implemented SLURM_IMMEDIATE
        input i value implemented SLURM_STDINMODE
        jobid - value implemented SLURM_JOB_ID
        kill-on-bad-exit K optional implemented SLURM_KILL_BAD_EXIT
        label l flag implemented SLURM_LABELIO
        mpi - value accepted SLURM_MPI_TYPE
        msg-timeout - value accepted
        multi-prog - flag implemented
        no-allocate Z flag refused
        overlap - optional implemented SLURM_OVERLAP
        preserve-env E flag accepted
        pty - flag implemented
        quit-on-interrupt - flag implemented
        relative r value accepted
        resv-ports - optional accepted SLURM_RESV_PORTS
        send-libs - optional accepted SLURM_SEND_LIBS
        slurmd-debug - value accepted
        task-epilog - value implemented SLURM_TASK_EPILOG
        task-prolog - value implemented SLURM_TASK_PROLOG
        threads T value accepted SLURM_THREADS
        unbuffered u flag implemented SLURM_UNBUFFEREDIO
        wait W value implemented SLURM_WAIT
        x11 - optional refused
    """,
    "salloc": """
        bell - flag accepted SALLOC_BELL
        no-bell - flag accepted SALLOC_NO_BELL
        immediate I optional implemented SALLOC_IMMEDIATE
        kill-command K optional implemented SALLOC_KILL_CMD
        no-shell - flag implemented SALLOC_NO_SHELL
    """,
    "squeue": """
        account A value implemented SQUEUE_ACCOUNT
        all a flag accepted SQUEUE_ALL
        array r flag implemented SQUEUE_ARRAY
        array-unique - flag implemented
        clusters M value implemented SLURM_CLUSTERS
        federation - flag accepted SQUEUE_FEDERATION
        local - flag accepted SQUEUE_LOCAL
        sibling - flag accepted SQUEUE_SIBLING
        format o value implemented SQUEUE_FORMAT
        Format O value implemented SQUEUE_FORMAT2
        help - flag implemented
        hide - flag accepted
        iterate i value implemented
        jobs j optional implemented
        json - flag implemented
        yaml - flag implemented
        licenses L value implemented SQUEUE_LICENSES
        long l flag implemented
        me - flag implemented
        name n value implemented SQUEUE_NAMES
        noconvert - flag implemented
        nodelist w value implemented
        noheader h flag implemented
        partition p value implemented SQUEUE_PARTITION
        priority P flag implemented SQUEUE_PRIORITY
        qos q value implemented SQUEUE_QOS
        reservation R value implemented
        sort S value implemented SQUEUE_SORT
        start - flag implemented
        states t value implemented SQUEUE_STATES
        steps s optional implemented
        usage - flag implemented
        user u value implemented SQUEUE_USERS
        verbose v flag implemented
        version V flag implemented
    """,
    "scancel": """
        account A value implemented SCANCEL_ACCOUNT
        batch b flag implemented SCANCEL_BATCH
        clusters M value implemented SLURM_CLUSTERS
        ctld - flag accepted SCANCEL_CTLD
        full f flag implemented SCANCEL_FULL
        hurry H flag accepted SCANCEL_HURRY
        interactive i flag implemented SCANCEL_INTERACTIVE
        name n value implemented SCANCEL_NAME
        jobname n value implemented SCANCEL_NAME
        me - flag implemented
        nodelist w value implemented
        partition p value implemented SCANCEL_PARTITION
        qos q value implemented SCANCEL_QOS
        quiet Q flag implemented
        reservation R value implemented
        sibling - value refused
        signal s value implemented
        state t value implemented SCANCEL_STATE
        user u value implemented SCANCEL_USER
        verbose v flag implemented SCANCEL_VERBOSE
        wckey - value implemented SCANCEL_WCKEY
    """,
    "sinfo": """
        all a flag implemented SINFO_ALL
        clusters M value implemented SLURM_CLUSTERS
        dead d flag implemented
        exact e flag implemented
        format o value implemented SINFO_FORMAT
        Format O value implemented
        iterate i value implemented
        json - flag implemented
        yaml - flag implemented
        list-reasons R flag implemented
        long l flag implemented
        noconvert - flag implemented
        Node N flag implemented
        nodes n value implemented
        noheader h flag implemented
        partition p value implemented SINFO_PARTITION
        reservation T flag implemented
        responding r flag implemented
        sort S value implemented SINFO_SORT
        states t value implemented
        summarize s flag implemented
    """,
    "sacct": """
        accounts A value implemented
        allclusters L flag accepted
        allocations X flag implemented
        allusers a flag implemented
        batch-script B flag implemented
        brief b flag implemented
        completion c flag refused
        delimiter - value implemented
        duplicates D flag implemented
        endtime E value implemented
        env-vars - flag implemented
        format o value implemented SACCT_FORMAT
        group g value implemented
        gid g value implemented
        helpformat e flag implemented
        jobs j value implemented
        json - flag implemented
        yaml - flag implemented
        long l flag implemented
        name - value implemented
        nnodes i value implemented
        ncpus I value implemented
        noconvert - flag implemented
        nodelist N value implemented
        noheader n flag implemented
        parsable p flag implemented
        parsable2 P flag implemented
        partition r value implemented
        qos q value implemented
        starttime S value implemented
        state s value implemented
        timelimit-min k value implemented
        timelimit-max K value implemented
        truncate T flag implemented
        units - value implemented
        user u value implemented
        uid u value implemented
        wckeys W value implemented
    """,
    "scontrol": """
        all a flag accepted
        details d flag implemented
        future F flag accepted
        oneliner o flag implemented
        quiet Q flag implemented
        uid u value accepted
        verbose v flag implemented
    """,
}

KINDS = {"flag": (FLAG, STOP), "value": (VALUE,), "optional": (OPTIONAL,)}


def manual() -> list[tuple[str, str]]:
    return [
        (command, line)
        for command, text in MANUAL.items()
        for line in text.split("\n")
        if line.strip()
    ]


@pytest.mark.parametrize(("command", "line"), manual())
def test_every_option_of_the_manual_is_in_the_table(command, line):
    name, letter, kind, treatment, *variables = line.split()
    table = table_of(command)
    row = table.names[name]
    assert row[2] in KINDS[kind]
    assert (row[5] if row[5] in (IMPLEMENTED, ACCEPTED) else "refused") == treatment
    if letter != "-":
        assert table.letters[letter] is row
    for variable in variables:
        assert (variable, row[0]) in table.environ


@pytest.mark.parametrize("command", ["srun", "salloc"])
def test_allocation_commands_share_the_options_of_sbatch(command):
    shared = table_of("sbatch")
    own = {"array", "batch", "error", "export", "export-file", "get-user-env", "ignore-pbs"}
    own |= {"input", "kill-on-invalid-dep", "no-requeue", "open-mode", "output", "parsable"}
    own |= {"propagate", "requeue", "test-only", "wait", "wait-all-nodes", "wrap"}
    for name, row in shared.names.items():
        if name not in own:
            assert table_of(command).names[name] == row


@pytest.mark.parametrize("command", COMMANDS)
def test_table_is_sound(command):
    table = table_of(command)
    assert table.command == command
    spelled = [row[0] for row in table.rows]
    letters = [row[1] for row in table.rows if row[1]]
    assert len(set(spelled)) == len(spelled)
    assert len(set(letters)) == len(letters)
    for name, letter, kind, metavar, text, treatment in table.rows:
        assert name
        assert not name.startswith("-")
        assert len(letter) <= 1
        if kind == ALIAS:
            assert metavar in table.names
            assert (text, treatment) == ("", "")
            continue
        assert kind in (FLAG, VALUE, OPTIONAL, STOP)
        assert bool(metavar) == (kind in (VALUE, OPTIONAL))
        assert text
        assert text.isascii()
        assert len(text) <= 46
        assert treatment in (IMPLEMENTED, ACCEPTED) or treatment.startswith(f"--{name} ")


@pytest.mark.parametrize("command", COMMANDS)
def test_environment_variables_and_groups_name_options_that_exist(command):
    table = table_of(command)
    named = [name for _, name in table.environ]
    named += [name for name, others in table.shadows.items() for name in (name, *others)]
    named += table.adopts
    assert set(named) <= set(table.names)
    variables = [variable for variable, _ in table.environ]
    assert len(set(variables)) == len(variables)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_version(command):
    table = table_of(command)
    assert table.names["help"][2] == STOP
    assert table.names["usage"][2] == STOP
    assert table.letters["V"] is table.names["version"]


def test_options_of_other_commands_are_unknown():
    sbatch, srun, salloc = (table_of(name) for name in ("sbatch", "srun", "salloc"))
    assert "immediate" not in sbatch.names
    assert "label" not in sbatch.names
    assert "l" not in sbatch.letters
    assert "array" not in srun.names
    assert "wrap" not in srun.names
    assert "output" not in salloc.names
    assert "array" not in table_of("sacct").names


def test_slurm_lists_options_in_its_own_order():
    names = list(table_of("sbatch").names)
    for earlier, later in (
        ("begin", "bb"),
        ("bbf", "cluster-constraint"),
        ("cluster-constraint", "chdir"),
        ("contiguous", "constraint"),
        ("no-requeue", "nodefile"),
        ("version", "usage"),
    ):
        assert names.index(earlier) < names.index(later)


def test_scontrol_knows_the_keywords_of_the_manual():
    known = {keyword for keyword, *_ in KEYWORDS}
    assert known >= set(
        "show update hold uhold release requeue requeuehold suspend resume top wait_job write "
        "listpids ping version help exit quit reconfigure shutdown takeover setdebug create "
        "delete".split()
    )


def test_document_is_what_the_tables_say():
    written = Path(__file__).parents[2] / "docs" / "options.md"
    assert written.read_text(encoding="utf-8") == document()


def test_document_says_what_is_refused_and_why():
    text = document()
    assert "拒绝：--container is not supported: jobs do not run in OCI containers" in text
    assert "| `--ntasks` | `-n` | N | count of tasks |  | 实现 |" in text
    assert "| `--nodelist`, `--node`, `--nodes` | `-w` |" in text
    for command in COMMANDS:
        assert f"## {command}\n" in text
