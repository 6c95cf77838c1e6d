"""连接数据库：客户端走精简装载，守护进程走同一个门。

psycopg2 的包代码要 25 毫秒，一次 sbatch 的全部预算只有这么多，所以这里：
挡住 `ssl`（C 模块容忍它不在，少 9 毫秒；libpq 自己的 TLS 不经过它），
以空包顶替 `psycopg2`，只装载 `psycopg2._psycopg`（再少 10 毫秒）。
"""

from __future__ import annotations

import os
import sys

from scns import home as home_
from scns.errors import RequestRefused, ScnsError, Unavailable

# typing 要 6 毫秒，类型检查器认得这个写法
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

#: 嵌入式服务器套接字的端口号，只是文件名的一部分。
PORT = 5432

#: 套接字文件名。
SOCKET = f".s.PGSQL.{PORT}"

#: 连接的名额满了时等它空出来的秒数，与等多久才说一声。Slurm 的客户端也这样：控制器忙不过来，
#: 睡一会儿再试。
PATIENCE, SILENCE = 60.0, 2.0

#: 名额满了时再试的间隔，秒；一次比一次久。
FIRST_RETRY, LONGEST_RETRY = 0.01, 0.5

#: 名额满了时服务器的话（SQLSTATE 53300；连不上时 libpq 只给得出句子）。
_CROWDED = (
    "too many connections for",
    "too many clients already",
    "remaining connection slots are reserved",
)


class NoServer(Unavailable):
    """数据库没有应答。"""


class Crowded(NoServer):
    """连接的名额用完了，等也没有等到。"""


class UnknownUser(Unavailable):
    """数据库里没有这个操作系统用户的角色。"""


def driver() -> Any:
    """返回 `psycopg2._psycopg`；包已完整导入时用已有的，否则精简装载。"""
    loaded = sys.modules.get("psycopg2._psycopg")
    if loaded is not None:
        return loaded
    if "psycopg2" in sys.modules:
        from psycopg2 import _psycopg

        return _psycopg
    from types import ModuleType

    bare = ModuleType("psycopg2")
    bare.__path__ = package_path("psycopg2")
    # 在装载期间顶替；之后撤下，别处要用完整的 psycopg2 时照常导入
    blocked = "ssl" not in sys.modules
    sys.modules["psycopg2"] = bare
    if blocked:
        sys.modules["ssl"] = None  # type: ignore[assignment]
    try:
        from psycopg2 import _psycopg
    finally:
        del sys.modules["psycopg2"]
        if blocked:
            del sys.modules["ssl"]
    return _psycopg


def package_path(name: str) -> list[str]:
    """一个包的 `__path__`，不装载它。

    异常：
        Unavailable：没有装
    """
    for directory in sys.path:
        candidate = os.path.join(directory, name)
        if os.path.isfile(os.path.join(candidate, "__init__.py")):
            return [candidate]
    raise Unavailable(f"the Python package {name} is not installed")


def dsn(home: str, user: str) -> tuple[str, int | None]:
    """给出 libpq 连接串与要保持打开到连上为止的描述符。

    `SCNS_DSN` 优先；其次是 `scns up` 按配置的 `Database=` 写下的 `run/dsn`；
    都没有就是状态目录里的嵌入式服务器。

    参数：
        user：数据库角色；外部连接串自己写了 user，或写成 URI 时，以它为准
    """
    outside = os.environ.get("SCNS_DSN") or _recorded_dsn(home)
    if outside:
        if "://" in outside or "user=" in outside:
            return outside, None
        return f"{outside} user={_quote(user)}", None
    path, fd = home_.socket_path(home_.run_dir(home), SOCKET)
    host = _quote(os.path.dirname(path))
    return f"host={host} port={PORT} dbname=scns user={_quote(user)} connect_timeout=10", fd


def _quote(value: str) -> str:
    """libpq 连接串里的值：总加引号，反斜杠与单引号前加反斜杠。"""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _recorded_dsn(home: str) -> str | None:
    try:
        with open(os.path.join(home_.run_dir(home), "dsn"), encoding="utf-8") as stream:
            return stream.read().strip() or None
    except OSError:
        return None


def user_role() -> str:
    """当前操作系统用户的数据库角色名。"""
    import pwd

    uid = os.geteuid()
    try:
        return "u:" + pwd.getpwuid(uid).pw_name
    except KeyError:
        raise UnknownUser(f"uid {uid} has no entry in the password database") from None


def connect(home: str | None = None, user: str | None = None, patience: float = PATIENCE) -> Any:
    """打开一个自动提交的连接。

    参数：
        home：状态目录；None 时按 `scns.home.state_home`
        user：数据库角色；None 时是当前操作系统用户的 `u:NAME`
        patience：名额满了时等它空出来的秒数

    异常：
        NoServer：服务器不在，句子说明怎样启动
        Crowded：名额满了，等了一阵也没有空出来
        UnknownUser：服务器不认识这个用户
    """
    if home is None:
        home = home_.state_home()
    psycopg = driver()
    try:
        text, fd = dsn(home, user or user_role())
    except OSError:
        raise NoServer(_not_running(home)) from None
    try:
        connection = _open(psycopg, text, patience)
    except psycopg.OperationalError as error:
        raise _explain(error, home) from None
    finally:
        if fd is not None:
            os.close(fd)
    connection.autocommit = True
    return connection


def _open(psycopg: Any, text: str, patience: float) -> Any:
    """连上；名额满了就等它空出来，隔一会儿再试。"""
    try:
        return psycopg._connect(text)
    except psycopg.OperationalError as error:
        if not is_crowded(error) or patience <= 0:
            raise
    import time

    began, pause, told = time.monotonic(), FIRST_RETRY, False
    while True:
        # 满了时多半有许多个在试：各隔各的
        time.sleep(pause * (0.5 + os.urandom(1)[0] / 256))
        pause = min(pause * 2, LONGEST_RETRY)
        try:
            return psycopg._connect(text)
        except psycopg.OperationalError as error:
            waited = time.monotonic() - began
            if not is_crowded(error) or waited > patience:
                raise
        if not told and waited > SILENCE:
            told = True
            sys.stderr.write("scns: all database connections are in use; waiting for one\n")
            sys.stderr.flush()


def is_crowded(error: Exception) -> bool:
    """没有连上是因为名额满了。"""
    said = str(error)
    return any(words in said for words in _CROWDED)


def _not_running(home: str) -> str:
    return f"cannot reach the database of {home}: it is not running; start it with 'scns up'"


def _explain(error: Exception, home: str) -> ScnsError:
    """把 libpq 的话换成用户能照着做的句子。"""
    said = str(error).strip()
    if ("role" in said and "does not exist" in said) or "pg_hba.conf" in said:
        return UnknownUser(
            f"this user is not known to the scns instance in {home}; "
            "its administrator has to let you in"
        )
    if is_crowded(error):
        return Crowded(f"all connections to the database of {home} are in use; try again later")
    if "No such file or directory" in said or "Connection refused" in said:
        return NoServer(_not_running(home))
    return NoServer(f"cannot reach the database of {home}: {said}")


def call(
    connection: Any, statement: str, parameters: Sequence[Any] | dict[str, Any] = ()
) -> list[tuple[Any, ...]]:
    """执行一条语句并取回全部行；没有结果集时返回空列表。

    异常：
        RequestRefused：数据库函数以 SC001 拒绝；句子是 Slurm 的原话，
            `DETAIL` 放在 `detail` 属性里
        Unavailable：服务器中途离开，或模式不符
    """
    psycopg = driver()
    try:
        with connection.cursor() as cursor:
            try:
                cursor.execute(statement, parameters)
            except ValueError:
                # 还没有发出：参数里有数据库存不下的字符，所以也没有什么与它相同
                cursor.execute(statement, storable(parameters))
            return cursor.fetchall() if cursor.description is not None else []
    except psycopg.Error as error:
        raise translate(error) from None


def join_one_by_one(connection: Any) -> None:
    """此后的语句一行一行地靠索引去找另一张表的行。

    列表由要印的行出发，这样做总与它们的个数成比例。由服务器自己选，十万个等待的作业就会使它
    读遍一百万个早已结束的作业的提交，慢一倍；没有旧作业时只慢百分之五。
    """
    call(connection, "SET enable_hashjoin = off; SET enable_mergejoin = off")


def storable(value: Any) -> Any:
    """把参数里数据库存不下的字符换成 U+FFFD。

    它们是 NUL 与孤立的代理码位；命令行里不成 UTF-8 的字节就成了后者。
    """
    if isinstance(value, str):
        return "".join(
            "\ufffd" if char == "\0" or "\ud800" <= char <= "\udfff" else char for char in value
        )
    if isinstance(value, dict):
        return {name: storable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(storable, value))
    return value


def poll(connection: Any) -> None:
    """收下已到的通知。

    异常：
        Unavailable：服务器离开了
    """
    psycopg = driver()
    try:
        connection.poll()
    except psycopg.Error as error:
        raise translate(error) from None


class Refused(RequestRefused):
    """数据库函数拒绝了请求。

    `detail` 是要先打印的一行；None 表示没有。
    """

    def __init__(self, message: str, detail: str | None) -> None:
        super().__init__(message)
        self.detail = detail


def translate(error: Any) -> ScnsError:
    """把驱动的错误换成 scns 的错误。"""
    code = error.pgcode
    if code == "SC001":
        return Refused(error.diag.message_primary, error.diag.message_detail)
    if code == "SC002":
        return ScnsError(error.diag.message_primary)
    if code in ("42P01", "42883", "42703", "3F000"):
        return Unavailable(
            "the database schema does not match this version of scns; run 'scns up' to upgrade it"
            f" ({error.diag.message_primary})"
        )
    if code == "42501":
        return UnknownUser(f"access to the scns database is denied: {error.diag.message_primary}")
    if code is None or code in ("57P01", "57P02", "57P03", "57P05"):
        # 57P01 等：服务器正在停止或启动，或管理员结束了会话
        return NoServer(f"the connection to the database was lost: {str(error).strip()}")
    if code == "53100":
        return Unavailable("the database's disk is full; nothing was stored")
    return Unavailable(f"database error {code}: {error.diag.message_primary}")


def each(
    connection: Any, statement: str, parameters: Sequence[Any], write: Callable[..., Any]
) -> None:
    """以 COPY 取回一列文本，原样交给 `write`；大表由服务器排版。

    参数：
        statement：恰好一列 text 的查询，参数以 `%s` 占位
        write：接受 bytes 的函数
    """
    psycopg = driver()
    try:
        with connection.cursor() as cursor:
            query = cursor.mogrify(statement, storable(parameters)).decode()
            cursor.copy_expert(f"COPY ({query}) TO STDOUT", _Sink(write), 1 << 16)
    except psycopg.Error as error:
        raise translate(error) from None


class _Sink:
    """copy_expert 只要求有 write；COPY 的转义在这里解开。"""

    def __init__(self, write: Callable[..., Any]) -> None:
        self._write = write

    def write(self, data: bytes) -> int:
        if b"\\" in data:
            data = _unescape(data)
        self._write(data)
        return len(data)


_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def _unescape(data: bytes) -> bytes:
    pieces = data.split(b"\\")
    result = [pieces[0]]
    index = 1
    while index < len(pieces):
        piece = pieces[index]
        if piece:
            result.append(_ESCAPES.get(piece[:1], piece[:1]) + piece[1:])
        elif index + 1 < len(pieces):
            # 两个反斜杠相连：后一段原样接上
            result.append(b"\\" + pieces[index + 1])
            index += 1
        index += 1
    return b"".join(result)
