-- 整个集群一次：角色。以超级用户执行；可以重复执行。
--   scns        表的主人，scnsd 与迁移用它；不是超级用户
--   scns_user   每个提交作业的人都属于它；不能登录
--   scns_admin  操作员；不能登录
DO $$
BEGIN
  IF to_regrole('scns') IS NULL THEN
    CREATE ROLE scns LOGIN CREATEROLE;
  END IF;
  IF to_regrole('scns_user') IS NULL THEN
    CREATE ROLE scns_user NOLOGIN;
  END IF;
  IF to_regrole('scns_admin') IS NULL THEN
    CREATE ROLE scns_admin NOLOGIN;
  END IF;
END $$;

GRANT scns_user, scns_admin TO scns WITH ADMIN OPTION;

-- 看得到并能结束拖得太久的用户会话
GRANT pg_signal_backend, pg_monitor TO scns;

-- 用户占满了连接，scnsd 照样连得上：reserved_connections 留给它；PostgreSQL 16 起才有
DO $$ BEGIN
  IF current_setting('server_version_num')::int >= 160000 THEN
    GRANT pg_use_reserved_connections TO scns;
  END IF;
END $$;
