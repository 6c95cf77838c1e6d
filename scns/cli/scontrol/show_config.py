"""`scontrol show config` 与 `ping`：配置的键与值，控制者在不在。来源：scontrol(1) “config”。"""

from __future__ import annotations

import time

from scns import __version__
from scns.cli.scontrol.record import moment
from scns.cli.scontrol.session import Session
from scns.home import state_home

#: 带单位打印的键；其余的照原样。
_UNITS = {
    "BatchStartTimeout": "sec",
    "InactiveLimit": "sec",
    "KillWait": "sec",
    "MinJobAge": "sec",
    "OverTimeLimit": "min",
    "UnkillableStepTimeout": "sec",
}

#: 没有配置可言、现成的程序却会找的键：scns 里它们是什么。
_FIXED = {
    "AccountingStorageTRES": "cpu,mem,energy,node,billing,fs/disk,vmem,pages",
    "AccountingStorageType": "accounting_storage/slurmdbd",
    "AccountingStoreFlags": "job_comment,job_script",
    "AuthType": "auth/peer",
    "SelectType": "select/cons_tres",
    "SelectTypeParameters": "CR_CPU_MEMORY",
    "SLURM_VERSION": "22.05.8",
    "SlurmctldPort": "0",
}

_SETTINGS = "SELECT name, value FROM scns.setting_list"

#: 持有租约的节点；没有租约时是头一个节点。
_CONTROLLER = """
SELECT coalesce((SELECT split_part(c.owner, ':', 1) FROM scns.controller c LIMIT 1),
                (SELECT n.name FROM scns.node_list n ORDER BY n.position LIMIT 1), 'localhost'),
       coalesce((SELECT bool_or(c.alive) FROM scns.controller c), false)
"""


def show_config(session: Session, _: str | None) -> None:
    """打印全部键与值，按名字排，末尾是控制者在不在。"""
    own = {"SCNS_VERSION": __version__, "StateSaveLocation": state_home()}
    found = _FIXED | own | dict(session.rows(_SETTINGS))
    # 小写开头的是 scns 自己记的，不是配置
    names = sorted((name for name in found if name[:1].isupper()), key=str.lower)
    lines = [f"{name:<24}= {_value(name, found[name])}" for name in names]
    title = f"Configuration data as of {moment(time.time())}"
    session.say("\n".join([title, *lines, "", ""]))
    session.say("\n")
    ping(session)


def _value(name: str, value: str) -> str:
    unit = _UNITS.get(name)
    return f"{value} {unit}" if unit and value.isdigit() else value or "(null)"


def ping(session: Session) -> None:
    """说控制者在不在；不在时退出码是 1。"""
    import os

    [(host, alive)] = session.rows(_CONTROLLER)
    session.say(f"Slurmctld(primary) at {host} is {'UP' if alive else 'DOWN'}\n")
    if alive:
        return
    session.exit_code = 1
    if os.geteuid() == 0:
        stars = "*" * 41
        session.say(f"{stars}\n** RESTORE SLURMCTLD DAEMON TO SERVICE **\n{stars}\n")
