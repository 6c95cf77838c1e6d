"""到了上限的等待原因：哪一条上限、哪一种资源，Slurm 怎么说。

来源：squeue(1) “JOB REASON CODES”，22.05 版的 job_reason_string；各词的拼法本来就不整齐。
"""

from __future__ import annotations

# 资源种类到原因里的词，依 _ORDER 的次序；`Max…PerAccount` 没有前缀
_ORDER = (
    "GrpTRES", "MaxTRESPerJob", "MaxTRESPerUser", "MaxTRESPerAccount", "MinTRESPerJob",
    "GrpTRESMins", "GrpTRESRunMins", "MaxTRESMinsPerJob",
)  # fmt: skip

_ASSOC = {
    "cpu": "GrpCpuLimit MaxCpuPerJobLimit - - - GrpCPUMinutesLimit GrpCPURunMinutesLimit"
    " MaxCpuMinutesPerJobLimit",
    "mem": "GrpMemLimit MaxMemPerJob - - - GrpMemMinutes GrpMemRunMinutes MaxMemMinutesPerJob",
    "node": "GrpNodeLimit MaxNodePerJobLimit - - - GrpNodeMinutes GrpNodeRunMinutes"
    " MaxNodeMinutesPerJob",
    "gres": "GrpGRES MaxGRESPerJob - - - GrpGRESMinutes GrpGRESRunMinutes MaxGRESMinutesPerJob",
    "license": "GrpLicense MaxLicensePerJob - - - GrpLicenseMinutes GrpLicenseRunMinutes"
    " MaxLicenseMinutesPerJob",
}
_QOS = {
    "cpu": "GrpCpuLimit MaxCpuPerJobLimit MaxCpuPerUserLimit MaxCpuPerAccount MinCpuNotSatisfied"
    " GrpCPUMinutesLimit GrpCPURunMinutesLimit MaxCpuMinutesPerJobLimit",
    "mem": "GrpMemLimit MaxMemoryPerJob MaxMemoryPerUser MaxMemoryPerAccount MinMemory"
    " GrpMemoryMinutes GrpMemoryRunMinutes MaxMemoryMinutesPerJob",
    "node": "GrpNodeLimit MaxNodePerJobLimit MaxNodePerUserLimit MaxNodePerAccount MinNode"
    " GrpNodeMinutes GrpNodeRunMinutes MaxNodeMinutesPerJob",
    "gres": "GrpGRES MaxGRESPerJob MaxGRESPerUser MaxGRESPerAccount MinGRES GrpGRESMinutes"
    " GrpGRESRunMinutes MaxGRESMinutesPerJob",
    "license": "GrpLicense MaxLicensePerJob MaxLicensePerUser MaxLicensePerAccount MinLicense"
    " GrpLicenseMinutes GrpLicenseRunMinutes MaxLicenseMinutesPerJob",
}


def reason_of(prefix: str, limit: str, kind: str) -> str:
    """等待原因。

    参数：
        prefix：`Assoc` 或 `QOS`
        limit：哪一条，sacctmgr(1) 的词，例如 `GrpTRES`
        kind：`cpu`、`mem`、`node`、`gres/NAME` 或 `license/NAME`
    """
    words = (_QOS if prefix == "QOS" else _ASSOC)[kind.partition("/")[0]]
    word = words.split()[_ORDER.index(limit)]
    return word if limit == "MaxTRESPerAccount" else prefix + word
