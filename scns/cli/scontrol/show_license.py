"""`scontrol show licenses`：许可证的总数与占用。来源：scontrol(1) “LICENSES”。"""

from __future__ import annotations

from scns.cli.scontrol.session import Session

_TOTAL = "SELECT value FROM scns.setting_list WHERE name = 'Licenses'"

_USED = """
SELECT q.licenses FROM scns.queue q
 WHERE q.licenses IS NOT NULL AND q.state IN ('RUNNING', 'SUSPENDED', 'COMPLETING')
"""


def show_licenses(session: Session, wanted: str | None) -> None:
    """打印一种或全部许可证。"""
    totals = _counts("".join(value for (value,) in session.rows(_TOTAL)))
    if not totals:
        session.say("No licenses configured in Slurm.\n")
        return
    used = dict.fromkeys(totals, 0)
    for (text,) in session.rows(_USED):
        for name, count in _counts(text).items():
            used[name] = used.get(name, 0) + count
    separator = " " if session.one_line else "\n    "
    found = [name for name in totals if wanted in (None, name)]
    for name in found:
        total, taken = totals[name], used[name]
        session.say(
            f"LicenseName={name}{separator}Total={total} Used={taken}"
            f" Free={max(total - taken, 0)} Reserved=0 Remote=no\n"
        )
    if not found:
        session.exit_code = 1
        if not session.quiet:
            session.say(f"License name {wanted} not found\n")


def _counts(text: str) -> dict[str, int]:
    """`NAME[:N],..` 的个数；没有写是 1。"""
    counts: dict[str, int] = {}
    for item in text.replace(";", ",").split(","):
        name, _, number = item.replace("=", ":").partition(":")
        if name and name != "(null)":
            counts[name] = counts.get(name, 0) + (int(number) if number.isdecimal() else 1)
    return counts
