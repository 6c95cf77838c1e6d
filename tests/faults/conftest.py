"""故障测试借用验收测试的实例。"""

from tests.acceptance.conftest import own_instance

__all__ = ["own_instance"]
