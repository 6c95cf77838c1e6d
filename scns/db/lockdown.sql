-- 数据库 scns 里一次：收回 PUBLIC 缺省的权利。以超级用户执行；可以重复执行，升级之后要再执行。
-- 只碰这一个数据库：权利表（pg_proc、pg_language）是各库自己的。
REVOKE ALL ON DATABASE scns FROM PUBLIC;
GRANT CONNECT ON DATABASE scns TO scns_user;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- 没有语言的使用权就没有函数与 DO
REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC;
GRANT USAGE ON LANGUAGE plpgsql, sql TO scns;

-- 咨询锁、大对象、pg_notify、导出的快照：占得住共享资源的函数只留给 scns。
-- 不收 pg_logical_emit_message 之类签名随版本变的函数，否则 pg_upgrade 会失败
DO $$
DECLARE
  item regprocedure;
BEGIN
  FOR item IN
    SELECT p.oid::regprocedure
      FROM pg_proc p
     WHERE p.pronamespace = 'pg_catalog'::regnamespace
       AND (p.proname ~ '^pg_(try_)?advisory_' OR p.proname ~ '^lo(_|read|write)'
            OR p.proname IN ('pg_notify', 'pg_export_snapshot'))
       AND has_function_privilege('public', p.oid, 'EXECUTE')
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', item);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO scns', item);
  END LOOP;
END $$;

-- scns 建立的函数要明说给谁用，忘了的时候不是人人可用
ALTER DEFAULT PRIVILEGES FOR ROLE scns REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- 排他约束要用的算符类；缺省算符类按类型查找，不看 search_path
CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public;
ALTER EXTENSION btree_gist UPDATE;
GRANT USAGE ON SCHEMA public TO scns;

CREATE SCHEMA IF NOT EXISTS scns AUTHORIZATION scns;
GRANT USAGE ON SCHEMA scns TO scns_user;
