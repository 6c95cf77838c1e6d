"""alembic 的入口：在调用者给的连接上迁移，不自己连库。"""

from alembic import context

from scns.db.models import SCHEMA, metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=lambda name, kind, _: kind != "schema" or name == SCHEMA,
    # 事件表的月分区由 functions.sql 建立，不属于模型
    include_object=lambda _, name, kind, __, ___: (
        not (kind in ("table", "index") and name is not None and name.startswith("event_2"))
    ),
)
with context.begin_transaction():
    context.run_migrations()
