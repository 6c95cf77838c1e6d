"""作业里看得到哪些变量：问造出它们的函数，不另抄一份。"""

from __future__ import annotations

from scns.variables import BatchFacts, batch_variables

#: 只有名字要紧，值随便。
_FACTS = BatchFacts(
    job_id=1,
    name="",
    user="",
    uid=0,
    gid=0,
    account="",
    qos="",
    partition="",
    cluster="",
    controller="",
    node="n",
    node_list="n",
    nodes=(("n", 1, 1),),
    submit_directory="",
    submit_host="",
)


def job_variables() -> list[str]:
    """名字，照字母；只有某些作业才有的也在内。"""
    return sorted({*batch_variables(_FACTS), "SLURM_TASK_PID"})
