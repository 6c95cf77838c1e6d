"""错误的最底层：每个错误类带着要说的句子、说法与退出码。"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    #: 句子在 stderr 上的说法。`error`：`CMD: error: …`；`fatal`：`CMD: fatal: …`；
    #: `named`：`CMD: …`；`bare`：不带任何前缀。
    Style = Literal["error", "fatal", "named", "bare"]


class ScnsError(Exception):
    """scns 一切可预见错误的基类；由 `__main__` 统一打印并换成退出码。

    参数：
        message：一行或多行英文；多行时每行各带前缀
        style：前缀的说法，见 `Style`
        exit_code：进程的退出码；None 时用类的默认值
        notes：随后原样打印的行，不带前缀（例如 `Try "sbatch --help" …`）
    """

    style: Style = "error"
    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        style: Style | None = None,
        exit_code: int | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.notes = notes
        if style is not None:
            self.style = style
        if exit_code is not None:
            self.exit_code = exit_code

    def lines(self, command: str) -> list[str]:
        """按说法排出 stderr 上的各行，不含换行符。"""
        prefix = {
            "error": f"{command}: error: ",
            "fatal": f"{command}: fatal: ",
            "named": f"{command}: ",
            "bare": "",
        }[self.style]
        return [prefix + line for line in self.message.split("\n")] + list(self.notes)


class InvalidInput(ScnsError):
    """输入的文本不合语法；各个词的解析器抛出它的子类。"""


class UsageError(ScnsError):
    """命令行用法错误。"""


class RequestRefused(ScnsError):
    """请求合法，但当前状态或策略不允许；句子与 Slurm 逐字相同。"""


class Unavailable(ScnsError):
    """需要的服务不在：数据库、scnsd 或 stepd 没有应答。"""
