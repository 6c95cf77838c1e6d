"""一轮的测试用的设施；见 `tests.integration.rounds`。"""

from tests.integration.rounds import ask, scheduler, stepd, submit

__all__ = ["ask", "scheduler", "stepd", "submit"]
