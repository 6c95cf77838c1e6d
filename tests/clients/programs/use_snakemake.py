"""Snakemake 与它的 Slurm 执行器：一个小流程，同一个流程用数组，一个失败的规则。"""

import json
import subprocess
import sys
from pathlib import Path

SNAKEFILE = """
rule all:
    input: "sum.txt"

rule part:
    output: "part_{n}.txt"
    shell: "echo {wildcards.n}0 > {output}; echo $SLURM_JOB_ID > id_{wildcards.n}"

rule sum:
    input: expand("part_{n}.txt", n=[1, 2])
    output: "sum.txt"
    threads: 2
    shell: "awk '{{s += $1}} END {{print s}}' {input} > {output}"

rule bad:
    output: "never.txt"
    shell: "exit 3"
"""


def snakemake(name, *options):
    """在子目录 NAME 里跑一遍；返回目录与结局。"""
    directory = Path(name)
    directory.mkdir()
    (directory / "Snakefile").write_text(SNAKEFILE)
    words = [sys.executable, "-m", "snakemake", "--executor", "slurm", "--jobs", "4"]
    words += ["--default-resources", "mem_mb=100", "runtime=5", "--latency-wait", "10"]
    words += ["--slurm-init-seconds-before-status-checks", "2", *options]
    return directory, subprocess.run(words, cwd=directory, capture_output=True, text=True)


def outcome(directory, done):
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    ids = {path.read_text().strip() for path in directory.glob("id_*")}
    return [(directory / "sum.txt").read_text().strip(), len(ids)]


def main():
    plain = snakemake("plain", "--slurm-efficiency-report", "--slurm-keep-successful-logs")
    facts = {"plain": outcome(*plain)}
    facts["report"] = len(list(plain[0].glob("efficiency_report_*")))
    facts["logs"] = len(list(plain[0].glob(".snakemake/slurm_logs/rule_part/*/*.log")))
    facts["array"] = outcome(*snakemake("array", "--slurm-array-jobs", "part"))
    _, failed = snakemake("failing", "bad")
    facts["failing"] = [failed.returncode, "FAILED" in failed.stdout + failed.stderr]
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
