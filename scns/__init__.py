"""scns：说 Slurm 语言、以 PostgreSQL 为唯一事实的批处理系统。"""

__version__ = "0.1.0"
