-- 视图、函数与触发器：整份替换，由 scns.db.migrate 在一个事务里执行。
-- 用户只有这里授予的权利；每个名字都带模式，函数都固定 search_path。
-- 拒绝时的 MESSAGE 与 Slurm 逐字相同；SQLSTATE：
--   SC001 请求被拒（客户端按自己的格式打印 MESSAGE，DETAIL 是先打印的一行）
--   SC002 只打印 MESSAGE，不套“提交失败”的格式
--   42501 没有登记的用户，或没有权限

-- 先拆掉旧的一份；表与数据不动
DO $$
DECLARE item record;
BEGIN
  FOR item IN SELECT c.relname FROM pg_class c
               WHERE c.relnamespace = 'scns'::regnamespace AND c.relkind = 'v' LOOP
    EXECUTE format('DROP VIEW IF EXISTS scns.%I CASCADE', item.relname);
  END LOOP;
  FOR item IN SELECT p.oid::regprocedure AS signature FROM pg_proc p
               WHERE p.pronamespace = 'scns'::regnamespace AND p.prokind = 'f' LOOP
    EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', item.signature);
  END LOOP;
END $$;

-- ── 是谁 ────────────────────────────────────────────────────────────────────

-- 服务器认证过的角色，不是 SET ROLE 的，也不是定义者
CREATE FUNCTION scns.me() RETURNS scns.os_user
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT u FROM scns.os_user u WHERE u.role = session_user $$;

CREATE FUNCTION scns.is_operator() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_has_role(session_user, 'scns_admin', 'MEMBER') $$;

-- 连接的名额用掉了四分之三，自己的或全部的：等着的客户端看过就该还，留着给别的命令
CREATE FUNCTION scns.crowded() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT count(*) * 4 > current_setting('max_connections')::int * 3
         OR r.rolconnlimit >= 0
            AND count(*) FILTER (WHERE a.usesysid = r.oid) * 4 > r.rolconnlimit * 3
    FROM pg_roles r LEFT JOIN pg_stat_get_activity(NULL) a ON a.datid IS NOT NULL
   WHERE r.rolname = session_user
   GROUP BY r.oid, r.rolconnlimit
$$;

-- ── 历史 ────────────────────────────────────────────────────────────────────

-- 当月与下月的分区；已有的不动。默认分区兜底，时钟乱跳也不会丢事件
CREATE FUNCTION scns.ensure_event_partitions(at timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE month timestamptz; name text;
BEGIN
  CREATE TABLE IF NOT EXISTS scns.event_default PARTITION OF scns.event DEFAULT;
  FOR month IN SELECT generate_series(date_trunc('month', at, 'UTC'),
                                      date_trunc('month', at, 'UTC') + interval '1 month',
                                      interval '1 month') LOOP
    name := to_char(month AT TIME ZONE 'UTC', '"event_"YYYY_MM');
    IF to_regclass(format('scns.%I', name)) IS NULL AND NOT EXISTS (
         SELECT FROM scns.event_default e
          WHERE e.time >= month AND e.time < month + interval '1 month') THEN
      EXECUTE format('CREATE TABLE scns.%I PARTITION OF scns.event FOR VALUES FROM (%L) TO (%L)',
                     name, month, month + interval '1 month');
    END IF;
  END LOOP;
END $$;

-- 每次状态改变记一行；谁要求的由请求那一行说明
CREATE FUNCTION scns.record_job_event() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO scns.event (job_id, kind, before, after, detail)
  VALUES (NEW.id, 'state', CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state,
          jsonb_strip_nulls(jsonb_build_object(
            'reason', NEW.reason, 'attempt', NEW.attempt, 'uid', NEW.outcome_uid,
            'exit_code', NEW.exit_code, 'exit_signal', NEW.exit_signal,
            'nodes', NEW.node_list, 'array_job_id', NEW.array_job_id,
            'array_task_id', NEW.array_task_id)));
  RETURN NULL;
END $$;

-- 铃声：内容是作业与它的数组的铃，见 scns/bells.py；scnsd 收到就替等着的客户端拉响。
-- 一个事务里同一个铃响许多次也只送一次
CREATE FUNCTION scns.ring_event() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_notify('scns_event', (NEW.job_id % 64)::text);
  IF NEW.detail ? 'array_job_id' THEN
    PERFORM pg_notify('scns_event', ((NEW.detail ->> 'array_job_id')::bigint % 64)::text);
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER event_appended AFTER INSERT ON scns.event
  FOR EACH ROW EXECUTE FUNCTION scns.ring_event();
CREATE TRIGGER job_inserted AFTER INSERT ON scns.job
  FOR EACH ROW EXECUTE FUNCTION scns.record_job_event();
CREATE TRIGGER job_state_changed AFTER UPDATE OF state ON scns.job
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
  EXECUTE FUNCTION scns.record_job_event();

-- ── 变化 ────────────────────────────────────────────────────────────────────

-- 排计划读的每一张表都有触发器：改了与计划有关的列，同一个事务里记下要重读什么。因此不论谁改、
-- 从哪里改、多晚提交，都不会漏；多记无妨。列与 scns.db.jobs、scns.db.nodes 里排计划的语句一致
CREATE FUNCTION scns.note_job() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO scns.change (job_id) VALUES (coalesce(NEW.id, OLD.id));
  RETURN NULL;
END $$;

CREATE FUNCTION scns.note_allocation() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO scns.change (job_id, node)
  VALUES (coalesce(NEW.job_id, OLD.job_id), coalesce(NEW.node, OLD.node));
  RETURN NULL;
END $$;

CREATE FUNCTION scns.note_node() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO scns.change (node) VALUES (coalesce(NEW.name, OLD.name));
  RETURN NULL;
END $$;

-- 一次提交改了，用着它的作业都要重读
CREATE FUNCTION scns.note_submission() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO scns.change (job_id)
  SELECT j.id FROM scns.job j WHERE j.submission_id = NEW.id AND j.end_time IS NULL;
  RETURN NULL;
END $$;

CREATE FUNCTION scns.note_rules() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO scns.change DEFAULT VALUES;
  RETURN NULL;
END $$;

CREATE TRIGGER job_added AFTER INSERT OR DELETE ON scns.job
  FOR EACH ROW EXECUTE FUNCTION scns.note_job();
-- reason 与 expected_start 由排计划的写，不必告诉它；别人只会把 reason 写回 None
CREATE TRIGGER job_changed AFTER UPDATE ON scns.job
  FOR EACH ROW WHEN (
    ROW(OLD.state, OLD.eligible, OLD.shape, OLD.priority, OLD.eligible_time, OLD.waiting,
        OLD.array_job_id, OLD.submission_id, OLD.limit_time, OLD.kill_time, OLD.resuming)
    IS DISTINCT FROM
    ROW(NEW.state, NEW.eligible, NEW.shape, NEW.priority, NEW.eligible_time, NEW.waiting,
        NEW.array_job_id, NEW.submission_id, NEW.limit_time, NEW.kill_time, NEW.resuming)
    OR NEW.reason = 'None' AND OLD.reason <> 'None')
  EXECUTE FUNCTION scns.note_job();
CREATE TRIGGER submission_changed AFTER UPDATE ON scns.submission
  FOR EACH ROW EXECUTE FUNCTION scns.note_submission();
CREATE TRIGGER allocation_changed AFTER INSERT OR UPDATE OR DELETE ON scns.allocation
  FOR EACH ROW EXECUTE FUNCTION scns.note_allocation();
CREATE TRIGGER node_added AFTER INSERT OR DELETE ON scns.node
  FOR EACH ROW EXECUTE FUNCTION scns.note_node();
CREATE TRIGGER node_changed AFTER UPDATE ON scns.node
  FOR EACH ROW WHEN (
    ROW(OLD.cpus, OLD.idle_cpus, OLD.memory, OLD.memory_alloc, OLD.features, OLD.gres, OLD.weight,
        OLD.position, OLD.configured, OLD.stepd, OLD.drain, OLD.down)
    IS DISTINCT FROM
    ROW(NEW.cpus, NEW.idle_cpus, NEW.memory, NEW.memory_alloc, NEW.features, NEW.gres, NEW.weight,
        NEW.position, NEW.configured, NEW.stepd, NEW.drain, NEW.down))
  EXECUTE FUNCTION scns.note_node();
CREATE TRIGGER partition_changed AFTER INSERT OR UPDATE OR DELETE ON scns.partition
  FOR EACH STATEMENT EXECUTE FUNCTION scns.note_rules();
CREATE TRIGGER account_changed AFTER INSERT OR UPDATE OR DELETE ON scns.account
  FOR EACH STATEMENT EXECUTE FUNCTION scns.note_rules();
CREATE TRIGGER association_changed AFTER INSERT OR UPDATE OR DELETE ON scns.association
  FOR EACH STATEMENT EXECUTE FUNCTION scns.note_rules();
CREATE TRIGGER qos_changed AFTER INSERT OR UPDATE OR DELETE ON scns.qos
  FOR EACH STATEMENT EXECUTE FUNCTION scns.note_rules();
CREATE TRIGGER setting_changed AFTER INSERT OR UPDATE OR DELETE ON scns.setting
  FOR EACH STATEMENT EXECUTE FUNCTION scns.note_rules();
CREATE TRIGGER user_changed AFTER INSERT OR UPDATE OR DELETE ON scns.os_user
  FOR EACH STATEMENT EXECUTE FUNCTION scns.note_rules();

-- ── 信 ──────────────────────────────────────────────────────────────────────

-- 写下一封信要说的事实。没有要求 ARRAY_TASKS 的数组只在头一个启动、最后一个结束时各写一封
CREATE FUNCTION scns.write_mail(j scns.job, kind text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE s scns.submission; lowest int; highest int;
        summary boolean := j.array_job_id IS NOT NULL AND NOT 'ARRAY_TASKS' = ANY (j.mail);
BEGIN
  IF summary AND (
       EXISTS (SELECT FROM scns.mail m
                WHERE (m.detail -> 'array_job_id')::bigint = j.array_job_id
                  AND replace(m.kind, 'FAIL', 'END') = replace(write_mail.kind, 'FAIL', 'END'))
       OR (kind = 'BEGIN' AND EXISTS (
             SELECT FROM scns.job o WHERE o.array_job_id = j.array_job_id
                AND (o.attempt > 1 OR o.start_time < j.start_time)))
       OR (kind IN ('END', 'FAIL') AND EXISTS (
             SELECT FROM scns.job o WHERE o.array_job_id = j.array_job_id
                AND o.end_time IS NULL))) THEN
    RETURN;
  END IF;
  SELECT * INTO s FROM scns.submission WHERE id = j.submission_id;
  IF summary THEN
    SELECT min(o.exit_code), max(o.exit_code) INTO lowest, highest
      FROM scns.job o WHERE o.array_job_id = j.array_job_id;
  END IF;
  INSERT INTO scns.mail (kind, detail) VALUES (kind, jsonb_build_object(
    'job_id', j.id, 'array_job_id', j.array_job_id, 'array_task_id', j.array_task_id,
    'summary', summary, 'name', s.name, 'owner', s.owner, 'recipient', s.options ->> 'mail_user',
    'state', j.state, 'exit_code', j.exit_code, 'exit_signal', j.exit_signal,
    'lowest', lowest, 'highest', highest,
    'queued', floor(extract(epoch FROM j.start_time - j.submit_time))::bigint,
    'run', floor(extract(epoch FROM coalesce(j.end_time, now()) - j.start_time))::bigint
           - j.suspended_seconds));
END $$;

CREATE FUNCTION scns.mail_state_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE kind text := CASE
    WHEN OLD.state = 'PENDING' AND NEW.state = 'RUNNING' THEN 'BEGIN'
    WHEN OLD.end_time IS NOT NULL OR NEW.end_time IS NULL THEN NULL
    WHEN NEW.outcome = 'REQUEUE' THEN 'REQUEUE'
    WHEN NEW.state IN ('COMPLETED', 'CANCELLED') OR NOT 'FAIL' = ANY (NEW.mail) THEN 'END'
    ELSE 'FAIL' END;
BEGIN
  IF kind = ANY (NEW.mail) THEN
    PERFORM scns.write_mail(NEW, kind);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION scns.mail_dependency() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF 'INVALID_DEPEND' = ANY (NEW.mail) THEN
    PERFORM scns.write_mail(NEW, 'INVALID_DEPEND');
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER job_mail AFTER UPDATE OF state ON scns.job
  FOR EACH ROW WHEN (NEW.mail IS NOT NULL AND OLD.state IS DISTINCT FROM NEW.state)
  EXECUTE FUNCTION scns.mail_state_change();
CREATE TRIGGER job_mail_dependency AFTER UPDATE OF dependency ON scns.job
  FOR EACH ROW WHEN (NEW.mail IS NOT NULL AND NEW.dependency = 'NEVER'
                     AND OLD.dependency <> 'NEVER')
  EXECUTE FUNCTION scns.mail_dependency();

-- 下一封说时限将至的信何时寄；没有要寄的或没有时限时为 NULL。began 是启动的时刻，挂起的时间已扣除
CREATE FUNCTION scns.next_mail_time(mail text[], began timestamptz, until timestamptz)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
  SELECT min(began + (until - began) * share)
    FROM (VALUES ('TIME_LIMIT_50', 0.5), ('TIME_LIMIT_80', 0.8), ('TIME_LIMIT_90', 0.9),
                 ('TIME_LIMIT', 1.0)) AS event(name, share)
   WHERE name = ANY (mail)
$$;

-- 时限将至的都写信；写过的一件不再写
CREATE FUNCTION scns.mail_time_limits() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE j scns.job; began timestamptz; due text[];
BEGIN
  FOR j IN SELECT * FROM scns.job WHERE mail_time <= now() AND state = 'RUNNING'
             ORDER BY id FOR UPDATE LOOP
    began := j.start_time + make_interval(secs => j.suspended_seconds);
    SELECT array_agg(name ORDER BY share) INTO due
      FROM (VALUES ('TIME_LIMIT_50', 0.5), ('TIME_LIMIT_80', 0.8), ('TIME_LIMIT_90', 0.9),
                   ('TIME_LIMIT', 1.0)) AS event(name, share)
     WHERE name = ANY (j.mail) AND began + (j.limit_time - began) * share <= now();
    -- 几件一起到时只说最近的一件
    IF due IS NOT NULL THEN
      PERFORM scns.write_mail(j, due[cardinality(due)]);
      j.mail := ARRAY(SELECT e FROM unnest(j.mail) e WHERE NOT e = ANY (due));
    END IF;
    UPDATE scns.job SET mail = j.mail,
           mail_time = scns.next_mail_time(j.mail, began, j.limit_time) WHERE id = j.id;
  END LOOP;
END $$;

-- ── 提交 ────────────────────────────────────────────────────────────────────

-- 可以互换的作业有同一个形状：计划只看每个形状的头一个
CREATE FUNCTION scns.shape_of(s scns.submission) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT hashtextextended(jsonb_build_array(
    s.partition, s.account, s.qos, s.uid, s.tasks, s.cpus_per_task, s.cpus, s.nodes_min, s.nodes_max,
    s.tasks_per_node, s.mincpus, s.memory_per_node, s.memory_per_cpu, s.time_limit, s.time_min,
    s.exclusive, s.overcommit, s."constraint", s.node_list, s.exclude, s.gres, s.licenses,
    s.options -> 'reservation')::text, 0)
$$;

-- 分区名单必须都在，且至少有一个接受新作业；返回头一个能接受的；空的名单也不成
CREATE FUNCTION scns.check_partitions(names text) RETURNS scns.partition
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE chosen scns.partition; found_one scns.partition; one text;
BEGIN
  FOREACH one IN ARRAY string_to_array(names, ',') LOOP
    SELECT p.* INTO found_one FROM scns.partition p WHERE p.name = one;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'Invalid partition name specified'
        USING ERRCODE = 'SC001', DETAIL = format('invalid partition specified: %s', names);
    END IF;
    IF chosen IS NULL AND found_one.state IN ('UP', 'DOWN') THEN
      chosen := found_one;
    END IF;
  END LOOP;
  IF found_one IS NULL THEN
    RAISE EXCEPTION 'Invalid partition name specified' USING ERRCODE = 'SC001';
  END IF;
  IF chosen IS NULL THEN
    RAISE EXCEPTION 'Required partition not available (inactive or drain)' USING ERRCODE = 'SC001';
  END IF;
  RETURN chosen;
END $$;

-- 设置的值；没有这一项时为 NULL
CREATE FUNCTION scns.setting_of(wanted text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT v.value FROM scns.setting v WHERE v.name = wanted $$;

-- 属主不可以用这个分区的理由；可以用时为 NULL。与 EnforcePartLimits 无关，root 不受名单之限。
-- 来源：slurm.conf(5) RootOnly、DisableRootJobs、AllowGroups、AllowUsers、DenyUsers
CREATE FUNCTION scns.access_refusal(s scns.submission, p scns.partition) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN s.uid = 0 THEN
      CASE WHEN p.options @> '{"disable_root_jobs": true}'
                OR scns.setting_of('DisableRootJobs') = 'Yes' THEN 'Access/permission denied' END
    WHEN p.options @> '{"root_only": true}' THEN 'Access/permission denied'
    WHEN p.options ? 'allow_groups' AND NOT p.options -> 'allow_groups' ? s.group_name
         AND NOT coalesce(p.options -> 'group_members' ? s.owner, false)
    THEN 'User''s group not permitted to use this partition'
    WHEN p.options ? 'allow_users' AND NOT p.options -> 'allow_users' ? s.owner
         OR p.options -> 'deny_users' ? s.owner THEN 'Access/permission denied'
  END
$$;

-- 要求超出这个分区限度的理由；没有超出时为 NULL。EnforcePartLimits=NO 时这样的作业收下，等着
CREATE FUNCTION scns.limit_refusal(s scns.submission, p scns.partition) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN p.options ? 'allow_accounts' AND NOT p.options -> 'allow_accounts' ? s.account
         OR p.options -> 'deny_accounts' ? s.account
    THEN 'Invalid account or account/partition combination specified'
    WHEN p.max_time IS NOT NULL
         AND coalesce(s.time_min, s.time_limit, p.max_time + 1) > p.max_time
    THEN 'Requested time limit is invalid (missing or exceeds some limit)'
    WHEN s.nodes_min > p.max_nodes OR s.nodes_max < p.min_nodes
    THEN 'Node count specification invalid'
    WHEN s.memory_per_node
         > coalesce(p.max_memory_per_node,
                    nullif(scns.setting_of('MaxMemPerNode'), 'UNLIMITED')::int)
         OR s.memory_per_cpu
         > coalesce(p.max_memory_per_cpu,
                    nullif(scns.setting_of('MaxMemPerCPU'), 'UNLIMITED')::int)
    THEN 'Memory required by task is not available'
    WHEN s.nodes_min > cardinality(p.nodes)
         OR s.cpus > (SELECT sum(least(n.cpus, p.max_cpus_per_node)) FROM scns.node n
                       WHERE n.name = ANY (p.nodes))
    THEN 'Requested node configuration is not available'
  END
$$;

-- 各分区的规矩：有一个不许用就拒绝；限度照 EnforcePartLimits，ALL 是个个都要在限度内，ANY 是
-- 有一个就行
CREATE FUNCTION scns.check_limits(s scns.submission) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE p scns.partition; enforced text := scns.setting_of('EnforcePartLimits');
        refusal text; first_refusal text; fits boolean := false;
BEGIN
  FOR p IN SELECT q.* FROM scns.partition q
            WHERE q.name = ANY (string_to_array(s.partition, ','))
            ORDER BY array_position(string_to_array(s.partition, ','), q.name) LOOP
    refusal := scns.access_refusal(s, p);
    IF refusal IS NOT NULL THEN
      RAISE EXCEPTION '%', refusal USING ERRCODE = 'SC001';
    END IF;
    refusal := CASE WHEN enforced IN ('ANY', 'ALL') THEN scns.limit_refusal(s, p) END;
    fits := fits OR refusal IS NULL;
    first_refusal := coalesce(first_refusal, refusal);
  END LOOP;
  IF first_refusal IS NOT NULL AND (enforced = 'ALL' OR NOT fits) THEN
    RAISE EXCEPTION '%', first_refusal USING ERRCODE = 'SC001';
  END IF;
END $$;

-- 特性的表达式要合语法（每次化简一步，最后只剩一个名字），每个名字都要有节点具备
CREATE FUNCTION scns.check_features(expression text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE rest text := regexp_replace(btrim(expression), '[^][&|()]+', 'x', 'g'); before text;
BEGIN
  WHILE rest IS DISTINCT FROM before LOOP
    before := rest;
    rest := regexp_replace(rest, 'x[&|]x|\(x\)|\[x\]', 'x', 'g');
  END LOOP;
  IF rest <> 'x' OR EXISTS (
       SELECT FROM regexp_split_to_table(btrim(expression), '[][&|()]+') feature
        WHERE feature <> '' AND NOT EXISTS (
          SELECT FROM scns.node n WHERE n.configured AND feature = ANY (n.features))) THEN
    RAISE EXCEPTION 'Invalid feature specification' USING ERRCODE = 'SC001';
  END IF;
END $$;

-- 通用资源要有节点具备，不论几个；`gpu` 说的是任何型号的 GPU
CREATE FUNCTION scns.check_gres(gres text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (
       SELECT FROM (SELECT regexp_replace(item, ':\d+$', '') AS wanted
                      FROM string_to_table(gres, ',') item) asked
        WHERE wanted <> 'none' AND NOT EXISTS (
          SELECT FROM scns.node n, jsonb_object_keys(n.gres) kind
           WHERE n.configured AND (kind = wanted OR starts_with(kind, wanted || ':')))) THEN
    RAISE EXCEPTION 'Invalid generic resource (gres) specification'
      USING ERRCODE = 'SC002', DETAIL = 'Invalid generic resource (gres) specification';
  END IF;
END $$;

-- 许可证要在 Licenses= 里，不超过总数
CREATE FUNCTION scns.check_licenses(licenses text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (
       SELECT FROM string_to_table(licenses, ',') item
        WHERE item !~ '^[^:]+(:\d{1,9})?$' OR NOT EXISTS (
          SELECT FROM string_to_table(scns.setting_of('Licenses'), ',') owned
           WHERE split_part(owned, ':', 1) = split_part(item, ':', 1)
             AND coalesce(nullif(split_part(owned, ':', 2), '')::int, 1)
                 >= coalesce(nullif(split_part(item, ':', 2), '')::int, 1))) THEN
    RAISE EXCEPTION 'Invalid license specification' USING ERRCODE = 'SC001';
  END IF;
END $$;

-- 要求本身要说得通，也要在分区的规矩之内；提交与 scontrol update 都查
CREATE FUNCTION scns.check_request(s scns.submission) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF s.options ?| ARRAY['node_names', 'exclude_names'] THEN
    PERFORM scns.check_node_names(s.options -> 'node_names');
    PERFORM scns.check_node_names(s.options -> 'exclude_names');
  END IF;
  IF s."constraint" IS NOT NULL THEN
    PERFORM scns.check_features(s."constraint");
  END IF;
  IF s.gres IS NOT NULL THEN
    PERFORM scns.check_gres(s.gres);
  END IF;
  IF s.licenses IS NOT NULL THEN
    PERFORM scns.check_licenses(s.licenses);
  END IF;
  IF s.options ->> 'reservation' IS NOT NULL THEN
    RAISE EXCEPTION 'Requested reservation is invalid' USING ERRCODE = 'SC001';
  END IF;
  PERFORM scns.check_limits(s);
END $$;

-- 下标都要小于 MaxArraySize；0 是不许有数组
CREATE FUNCTION scns.check_array(indices int4multirange) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF isempty(indices) OR lower(indices) < 0
     OR upper(indices) > coalesce(scns.setting_of('MaxArraySize')::int, 4000001) THEN
    RAISE EXCEPTION 'Invalid job array specification' USING ERRCODE = 'SC001';
  END IF;
END $$;

-- 还没结束的作业行数要小于 MaxJobCount。行号取自同一个序列，所以号还小，或最老的一行离得不远时
-- 不必数
CREATE FUNCTION scns.check_job_count(new_id bigint) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE most bigint := scns.setting_of('MaxJobCount')::bigint;
BEGIN
  IF most IS NULL OR new_id < most OR new_id - (
       SELECT min(j.id) FROM scns.job j
        WHERE j.state IN ('COMPLETING', 'PENDING', 'RUNNING', 'SUSPENDED')) < most THEN
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM scns.job j
              WHERE j.state IN ('COMPLETING', 'PENDING', 'RUNNING', 'SUSPENDED')
             OFFSET greatest(most - 1, 0) LIMIT 1) THEN
    RAISE EXCEPTION 'Resource temporarily unavailable' USING ERRCODE = 'SC001';
  END IF;
END $$;

-- 这份要求在分区的节点上有没有可能满足；个数与时限看 EnforcePartLimits，不在此拒绝
CREATE FUNCTION scns.check_nodes(s scns.submission, held boolean) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE allowed text[]; left_over int; largest int; asked int;
BEGIN
  IF held THEN
    RETURN;
  END IF;
  SELECT array_agg(DISTINCT n) INTO allowed
    FROM scns.partition p, unnest(p.nodes) n WHERE p.name = ANY (string_to_array(s.partition, ','));
  IF s.options ? 'exclude_names' OR s.options ? 'node_names' THEN
    SELECT count(*) INTO left_over FROM unnest(allowed) n
     WHERE NOT coalesce(s.options -> 'exclude_names' ? n, false);
    IF left_over = 0 OR EXISTS (
         SELECT FROM jsonb_array_elements_text(coalesce(s.options -> 'node_names', '[]')) w
          WHERE NOT w = ANY (allowed) OR coalesce(s.options -> 'exclude_names' ? w, false)) THEN
      RAISE EXCEPTION 'Requested node configuration is not available' USING ERRCODE = 'SC001';
    END IF;
  END IF;
  asked := greatest(s.memory_per_node, s.memory_per_cpu);
  IF asked > 0 THEN
    SELECT max(n.memory) INTO largest FROM scns.node n WHERE n.name = ANY (allowed);
    IF asked > largest THEN
      RAISE EXCEPTION 'Requested node configuration is not available'
        USING ERRCODE = 'SC001', DETAIL = 'Memory specification can not be satisfied';
    END IF;
  END IF;
END $$;

-- 名单里的节点都要存在
CREATE FUNCTION scns.check_node_names(names jsonb) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM jsonb_array_elements_text(names) w
              WHERE NOT EXISTS (SELECT FROM scns.node n WHERE n.name = w)) THEN
    RAISE EXCEPTION 'Invalid node name specified' USING ERRCODE = 'SC001';
  END IF;
END $$;

-- 请求里的键见 scns.cli.request.build；返回填好默认值的一行，尚未写入
CREATE FUNCTION scns.build_submission(who scns.os_user, request jsonb) RETURNS scns.submission
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  s scns.submission; p scns.partition;
  per_cpu text; per_node text; requeues boolean; enforced text;
BEGIN
  -- 每个表达式、每个函数在新会话里都要解析一回，而 sbatch 总是新会话：默认值一次并进去，设置一次
  -- 读齐，没有设的规矩连函数也不调用
  s := jsonb_populate_record(
    NULL::scns.submission,
    '{"qos": "normal", "nice": 0, "cpus_per_task": 1, "nodes_min": 1, "overcommit": false,
      "dependency_any": false, "batch": true, "arguments": [], "umask": 18, "limits": {},
      "submit_host": "", "submit_line": "", "options": {}}'::jsonb || jsonb_strip_nulls(request)
    || jsonb_build_object('owner', who.name, 'uid', who.uid, 'gid', who.gid,
                          'group_name', who.group_name, 'submit_time', now()));
  SELECT max(v.value) FILTER (WHERE v.name = 'DefMemPerCPU'),
         max(v.value) FILTER (WHERE v.name = 'DefMemPerNode'),
         max(v.value) FILTER (WHERE v.name = 'JobRequeue') IS DISTINCT FROM '0',
         max(v.value) FILTER (WHERE v.name = 'AccountingStorageEnforce')
    INTO per_cpu, per_node, requeues, enforced
    FROM scns.setting v
   WHERE v.name IN ('DefMemPerCPU', 'DefMemPerNode', 'JobRequeue', 'AccountingStorageEnforce');
  IF s.partition IS NULL THEN
    SELECT q.name INTO s.partition FROM scns.partition q
     ORDER BY q.is_default DESC, q.position LIMIT 1;
    IF s.partition IS NULL THEN
      RAISE EXCEPTION 'No partition specified or system default partition'
        USING ERRCODE = 'SC001';
    END IF;
  END IF;
  p := scns.check_partitions(s.partition);
  s.account := coalesce(
    s.account, (SELECT a.account FROM scns.association a WHERE a.user_name = who.name AND a.is_default),
    who.name);
  IF enforced <> '(null)' THEN
    PERFORM scns.check_account(s);
  END IF;
  s.tasks := coalesce(s.tasks, s.tasks_per_node * s.nodes_min, s.nodes_min);
  s.cpus := CASE WHEN s.overcommit THEN s.nodes_min
                 ELSE greatest(s.tasks::bigint * s.cpus_per_task, s.nodes_min) END;
  s.requeue := coalesce(s.requeue, requeues);
  IF request ? 'time_limit' THEN
    s.time_limit := nullif((request ->> 'time_limit')::int, -1);
  ELSE
    s.time_limit := coalesce(p.default_time, p.max_time);
    IF EXISTS (SELECT FROM scns.association a WHERE a.max_wall IS NOT NULL
               UNION ALL SELECT FROM scns.qos q WHERE q.max_wall IS NOT NULL) THEN
      s.time_limit := least(s.time_limit, scns.max_wall_of(s));
    END IF;
  END IF;
  IF s.memory_per_node IS NULL AND s.memory_per_cpu IS NULL THEN
    s.memory_per_cpu := p.default_memory_per_cpu;
    s.memory_per_node := p.default_memory_per_node;
    IF s.memory_per_node IS NULL AND s.memory_per_cpu IS NULL THEN
      s.memory_per_cpu := nullif(per_cpu, 'UNLIMITED')::int;
      IF s.memory_per_cpu IS NULL THEN
        s.memory_per_node := nullif(per_node, 'UNLIMITED')::int;
      END IF;
    END IF;
  END IF;
  IF s.time_min > s.time_limit THEN
    RAISE EXCEPTION 'Invalid time-min specification (exceeds job''s time or other limits)'
      USING ERRCODE = 'SC001';
  END IF;
  IF s.deadline <= now() THEN
    RAISE EXCEPTION 'Requested time limit is invalid (missing or exceeds some limit)'
      USING ERRCODE = 'SC001';
  END IF;
  IF s.nice < 0 AND NOT scns.is_operator() THEN
    RAISE EXCEPTION 'Invalid --nice value' USING ERRCODE = 'SC001';
  END IF;
  IF s.array_indices IS NOT NULL THEN
    PERFORM scns.check_array(s.array_indices);
  END IF;
  PERFORM scns.check_request(s);
  RETURN s;
END $$;

-- 作业归谁：调用者自己；root 可以替登记过的用户提交（sbatch --uid、--gid）
CREATE FUNCTION scns.submitter(request jsonb) RETURNS scns.os_user
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE who scns.os_user;
BEGIN
  SELECT u.* INTO who FROM scns.os_user u WHERE u.role = session_user;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'unknown user %', session_user USING ERRCODE = '42501';
  END IF;
  IF NOT (request ?| ARRAY['for_uid', 'for_gid']) THEN
    RETURN who;
  END IF;
  IF session_user <> 'u:root' OR who.uid <> 0 THEN
    RAISE EXCEPTION 'Invalid user id' USING ERRCODE = 'SC001';
  END IF;
  IF request ? 'for_uid' THEN
    SELECT u.* INTO who FROM scns.os_user u
     WHERE u.uid = (request ->> 'for_uid')::bigint ORDER BY u.role LIMIT 1;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'Invalid user id' USING ERRCODE = 'SC001';
    END IF;
  END IF;
  IF request ? 'for_gid' THEN
    who.gid := (request ->> 'for_gid')::int;
    who.group_name := coalesce(
      (SELECT min(u.group_name) FROM scns.os_user u WHERE u.gid = who.gid), who.gid::text);
  END IF;
  RETURN who;
END $$;

-- 赶得上 --deadline 的最晚启动时刻；没有期限时为 NULL
CREATE FUNCTION scns.start_by(s scns.submission) RETURNS timestamptz
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT s.deadline - make_interval(secs => coalesce(s.time_min, s.time_limit, 0)) $$;

-- 要为哪些事寄信；一件也没有时为 NULL
CREATE FUNCTION scns.mail_events(options jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT array_agg(e) FROM jsonb_array_elements_text(options -> 'mail_type') e $$;

-- 优先级的底数：减去 nice 后仍为正
CREATE FUNCTION scns.base_priority() RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT 4294901760::bigint $$;

-- 写下一次提交；返回作业号。edges 是依赖图的边：[{kind, job, task, delay}]
CREATE FUNCTION scns.submit(request jsonb, script bytea, environment bytea) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  who scns.os_user; s scns.submission;
  hold text; waits boolean; ready boolean; wanted bigint;
BEGIN
  who := scns.submitter(request);
  s := scns.build_submission(who, request);
  hold := CASE WHEN (request ->> 'hold')::boolean THEN 'user' END;
  PERFORM scns.check_nodes(s, hold IS NOT NULL);
  IF script IS NOT NULL THEN
    s.script_hash := sha256(script);
    INSERT INTO scns.script (hash, body) VALUES (s.script_hash, script) ON CONFLICT DO NOTHING;
  END IF;
  s.environment_hash := sha256(environment);
  INSERT INTO scns.environment (hash, body) VALUES (s.environment_hash, environment)
    ON CONFLICT DO NOTHING;
  PERFORM scns.check_submit_limits(s);
  s.id := nextval('scns.job_id_seq');
  PERFORM scns.check_job_count(s.id);
  INSERT INTO scns.submission SELECT s.*;

  waits := jsonb_array_length(coalesce(request -> 'edges', '[]')) > 0;
  ready := hold IS NULL AND NOT waits AND coalesce(s.begin_time <= now(), true);
  -- 只有管理员给的优先级算数；给了就不再随时间重算
  IF request ? 'priority' AND scns.is_operator() THEN
    wanted := (request ->> 'priority')::bigint;
  END IF;
  INSERT INTO scns.job (id, submission_id, uid, array_job_id, waiting, state, reason, hold,
                        dependency, eligible, shape, priority, begin_time, submit_time,
                        eligible_time, start_by, mail, ranked_time)
  VALUES (s.id, s.id, s.uid, CASE WHEN s.array_indices IS NOT NULL THEN s.id END,
          s.array_indices, 'PENDING',
          CASE WHEN hold IS NOT NULL THEN 'JobHeldUser' WHEN waits THEN 'Dependency'
               WHEN ready THEN 'None' ELSE 'BeginTime' END,
          hold, CASE WHEN waits THEN 'NEW' ELSE 'MET' END, ready, scns.shape_of(s),
          coalesce(wanted, scns.base_priority() - s.nice), s.begin_time, s.submit_time,
          CASE WHEN ready THEN now() END, scns.start_by(s), scns.mail_events(s.options),
          CASE WHEN wanted IS NOT NULL THEN 'infinity'::timestamptz END);
  IF waits THEN
    INSERT INTO scns.dependency (job_id, position, kind, on_job_id, on_task_id, delay)
    SELECT s.id, e.place - 1, e.edge ->> 'kind', (e.edge ->> 'job')::bigint,
           (e.edge ->> 'task')::int, coalesce((e.edge ->> 'delay')::int, 0)
      FROM jsonb_array_elements(request -> 'edges') WITH ORDINALITY AS e(edge, place);
  END IF;
  PERFORM pg_notify('scns', '');
  RETURN s.id;
END $$;

-- ── 账户与上限 ──────────────────────────────────────────────────────────────

-- 账户自己（深度 1）与它的各级上级
CREATE FUNCTION scns.accounts_above(account text) RETURNS TABLE (name text, depth int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE up(name, depth) AS (
    SELECT accounts_above.account, 1
    UNION ALL
    SELECT a.parent, u.depth + 1 FROM up u JOIN scns.account a ON a.name = u.name
     WHERE a.parent IS NOT NULL AND u.depth < 100)
  SELECT name, depth FROM up
$$;

-- 账户自己与它的各级下级
CREATE FUNCTION scns.accounts_below(account text) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE down(name) AS (
    SELECT accounts_below.account
    UNION
    SELECT a.name FROM down d JOIN scns.account a ON a.parent = d.name)
  SELECT name FROM down
$$;

-- 还没结束的作业数，数组算它的每个元素；NULL 的条件不看
CREATE FUNCTION scns.count_submitted(accounts text[], of_uid int, of_qos text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(sum(CASE WHEN j.waiting IS NULL THEN 1 ELSE
           (SELECT sum(upper(r) - lower(r)) FROM unnest(j.waiting) r) END), 0)::bigint
    FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id
   WHERE j.state IN ('COMPLETING', 'PENDING', 'RUNNING', 'SUSPENDED')
     AND (accounts IS NULL OR s.account = ANY (accounts))
     AND (of_uid IS NULL OR j.uid = of_uid) AND (of_qos IS NULL OR s.qos = of_qos)
$$;

-- AccountingStorageEnforce 管不管这个词；没有写时只管上限
CREATE FUNCTION scns.enforces(word text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT word = ANY (string_to_array(
    coalesce(nullif(scns.setting_of('AccountingStorageEnforce'), '(null)'), 'limits'), ','))
$$;

-- 要求登记时，账户里得有他，QOS 得有；root 总在账户 root 里，与 Slurm 相同。来源：slurm.conf(5)
CREATE FUNCTION scns.check_account(s scns.submission) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF scns.enforces('associations')
     AND NOT (s.uid = 0 AND s.account = 'root')
     AND NOT EXISTS (SELECT FROM scns.association a
                      WHERE a.account = s.account AND a.user_name = s.owner) THEN
    RAISE EXCEPTION 'Invalid account or account/partition combination specified'
      USING ERRCODE = 'SC001';
  END IF;
  IF scns.enforces('qos') AND NOT EXISTS (SELECT FROM scns.qos q WHERE q.name = s.qos) THEN
    RAISE EXCEPTION 'Invalid qos specification' USING ERRCODE = 'SC001';
  END IF;
END $$;

-- 自己的关系（深度 0），所在的账户（1）与它的各级上级：由近及远
CREATE FUNCTION scns.associations_of(account text, owner text)
RETURNS TABLE (depth int, association scns.association)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT 0, a FROM scns.association a
   WHERE a.account = associations_of.account AND a.user_name = owner AND owner <> ''
  UNION ALL
  SELECT u.depth, a FROM scns.accounts_above(associations_of.account) u
    JOIN scns.association a ON a.account = u.name AND a.user_name = ''
$$;

-- 管着这个作业的 MaxWall，秒：QOS 的，否则最近的关系的；没有说时限的作业以它为限
CREATE FUNCTION scns.max_wall_of(s scns.submission) RETURNS int
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(
    (SELECT q.max_wall FROM scns.qos q WHERE q.name = s.qos),
    (SELECT (l.association).max_wall FROM scns.associations_of(s.account, s.owner) l
      WHERE (l.association).max_wall IS NOT NULL ORDER BY l.depth LIMIT 1))
   WHERE scns.enforces('limits')
$$;

-- 一次提交至少要的资源，键同 scns.planner.limits.Tres
CREATE FUNCTION scns.tres_of(s scns.submission) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_build_object(
           'cpu', s.cpus, 'node', s.nodes_min,
           'mem', coalesce(s.memory_per_cpu::bigint * s.cpus,
                           s.memory_per_node::bigint * s.nodes_min, 0))
         || coalesce((SELECT jsonb_object_agg(g.kind, g.count) FROM (
              SELECT 'gres/' || (m.parts)[1] AS kind,
                     sum(coalesce((m.parts)[2]::bigint, 1)) * s.nodes_min AS count
                FROM unnest(string_to_array(s.gres, ',')) item,
                     regexp_match(item, '^([^:]+)(?::[^:]*[^:0-9][^:]*)?(?::([0-9]+))?$') AS m(parts)
               WHERE item <> 'none' AND m.parts IS NOT NULL
               GROUP BY 1) g), '{}')
         || coalesce((SELECT jsonb_object_agg('license/' || split_part(item, ':', 1),
                                              coalesce(nullif(split_part(item, ':', 2), ''), '1')::bigint)
                        FROM unnest(string_to_array(s.licenses, ',')) item), '{}')
$$;

-- 单独这一个作业就不合 QOS 的 Max* 或 Min*：DenyOnLimit 的拒绝。来源：sacctmgr(1) “Flags”
CREATE FUNCTION scns.qos_violation(s scns.submission, q scns.qos) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH asked AS (SELECT t.key, t.value::bigint FROM jsonb_each_text(scns.tres_of(s)) t),
       most AS (SELECT m.key, m.value::bigint
                  FROM unnest(ARRAY[q.max_tres_per_job, q.max_tres_per_user,
                                    q.max_tres_per_account]) l, jsonb_each_text(l) m)
  SELECT coalesce(s.time_min, s.time_limit, q.max_wall + 1) > q.max_wall IS TRUE
      OR EXISTS (SELECT FROM most JOIN asked USING (key) WHERE asked.value > most.value)
      OR EXISTS (SELECT FROM jsonb_each_text(q.max_tres_mins_per_job) m JOIN asked USING (key)
                  WHERE asked.value > 0
                    AND coalesce(asked.value * s.time_limit / 60 > m.value::bigint, true))
      OR EXISTS (SELECT FROM jsonb_each_text(q.min_tres_per_job) m LEFT JOIN asked USING (key)
                  WHERE coalesce(asked.value, 0) < m.value::bigint)
$$;

-- 再提交这一次会超出哪一条提交数的上限；不超时为 NULL。QOS 写了的取代关系的；自己没有
-- MaxSubmitJobs 的看最近的上级
CREATE FUNCTION scns.submit_excess(s scns.submission) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE asked bigint; most int; level record; q scns.qos;
BEGIN
  asked := coalesce((SELECT sum(upper(r) - lower(r)) FROM unnest(s.array_indices) r), 1);
  SELECT x.* INTO q FROM scns.qos x WHERE x.name = s.qos;
  IF scns.count_submitted(NULL, s.uid, s.qos) + asked > q.max_submit THEN
    RETURN 'QOSMaxSubmitJobPerUserLimit';
  ELSIF scns.count_submitted(ARRAY[s.account], NULL, s.qos) + asked > q.max_submit_per_account THEN
    RETURN 'MaxSubmitJobsPerAccount';
  ELSIF scns.count_submitted(NULL, NULL, s.qos) + asked > q.grp_submit THEN
    RETURN 'QOSGrpSubmitJobsLimit';
  ELSIF 'DenyOnLimit' = ANY (q.flags) AND scns.qos_violation(s, q) THEN
    RETURN 'DenyOnLimit';
  END IF;
  SELECT (l.association).max_submit INTO most FROM scns.associations_of(s.account, s.owner) l
   WHERE (l.association).max_submit IS NOT NULL ORDER BY l.depth LIMIT 1;
  IF most IS NOT NULL AND q.max_submit IS NULL AND q.max_submit_per_account IS NULL
     AND scns.count_submitted(ARRAY[s.account], s.uid, NULL) + asked > most THEN
    RETURN 'AssocMaxSubmitJobLimit';
  END IF;
  FOR level IN SELECT (l.association).* FROM scns.associations_of(s.account, s.owner) l
     WHERE (l.association).grp_submit IS NOT NULL AND q.grp_submit IS NULL LOOP
    IF scns.count_submitted(ARRAY(SELECT scns.accounts_below(level.account)),
                            CASE WHEN level.user_name <> '' THEN s.uid END, NULL)
       + asked > level.grp_submit THEN
      RETURN 'AssocGrpSubmitJobsLimit';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

-- 提交数的上限与 DenyOnLimit。来源：sacctmgr(1) MaxSubmitJobs、GrpSubmitJobs、Flags
CREATE FUNCTION scns.check_submit_limits(s scns.submission) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE excess text;
BEGIN
  IF NOT EXISTS (SELECT FROM scns.association a
                  WHERE a.max_submit IS NOT NULL OR a.grp_submit IS NOT NULL)
     AND NOT EXISTS (SELECT FROM scns.qos q
                      WHERE num_nonnulls(q.max_submit, q.max_submit_per_account, q.grp_submit) > 0
                         OR q.flags <> '{}')
     OR NOT scns.enforces('limits') THEN
    RETURN;
  END IF;
  -- 数与写之间不许别人插进来；只有设了这种上限的地方才排这个队
  PERFORM pg_advisory_xact_lock(hashtextextended('scns.check_submit_limits', 0));
  excess := scns.submit_excess(s);
  IF excess IS NOT NULL THEN
    RAISE EXCEPTION
      'Job violates accounting/QOS policy (job submit limit, user''s size and/or time limits)'
      USING ERRCODE = 'SC001', DETAIL = excess;
  END IF;
END $$;

CREATE FUNCTION scns.require_operator() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT scns.is_operator() THEN
    RAISE EXCEPTION 'Access/permission denied' USING ERRCODE = 'SC001';
  END IF;
END $$;

-- 添一个账户与它自己的一份上限；已有时返回假。settings 的键是 association 的列
CREATE FUNCTION scns.add_account(name text, description text, organization text, parent text,
                                 settings jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE added boolean;
BEGIN
  PERFORM scns.require_operator();
  IF NOT EXISTS (SELECT FROM scns.account a WHERE a.name = add_account.parent) THEN
    RAISE EXCEPTION 'This account ''%'' doesn''t exist.', parent USING ERRCODE = 'SC001';
  END IF;
  INSERT INTO scns.account (name, description, organization, parent)
  VALUES (name, description, organization, parent) ON CONFLICT DO NOTHING;
  added := FOUND;
  IF added THEN
    INSERT INTO scns.association (account, user_name) VALUES (name, '') ON CONFLICT DO NOTHING;
    PERFORM scns.modify_associations(ARRAY[name], NULL, settings);
  END IF;
  RETURN added;
END $$;

-- 把一个用户放进一个账户；头一个账户就是默认的。已在其中时返回假
CREATE FUNCTION scns.add_user(user_name text, uid int, account text, settings jsonb)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE added boolean;
BEGIN
  PERFORM scns.require_operator();
  IF NOT EXISTS (SELECT FROM scns.account a WHERE a.name = add_user.account) THEN
    RAISE EXCEPTION 'This account ''%'' doesn''t exist.', account USING ERRCODE = 'SC001';
  END IF;
  INSERT INTO scns.association (account, user_name, uid, is_default)
  VALUES (account, user_name, uid,
          NOT EXISTS (SELECT FROM scns.association a
                       WHERE a.user_name = add_user.user_name AND a.is_default))
  ON CONFLICT DO NOTHING;
  added := FOUND;
  IF added THEN
    PERFORM scns.modify_associations(ARRAY[account], ARRAY[user_name], settings);
  END IF;
  RETURN added;
END $$;

-- 说到的种类改成新的，null 的去掉，别的不动
CREATE FUNCTION scns.merge_tres(old jsonb, changes jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_strip_nulls(old || coalesce(changes, '{}'))
$$;

-- 改一些份额与上限，返回改了哪些。users 为 NULL 是账户自己的；accounts 为 NULL 是全部账户。
-- changes 的键是 association 的列，null 是不限；TRES 只改说到的种类
CREATE FUNCTION scns.modify_associations(accounts text[], users text[], changes jsonb)
RETURNS TABLE (account text, user_name text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM scns.require_operator();
  PERFORM pg_notify('scns', '');
  RETURN QUERY
  UPDATE scns.association a
     SET (fairshare, priority, grp_jobs, grp_submit, grp_tres, grp_tres_mins, grp_tres_run_mins,
          max_jobs, max_submit, max_tres_per_job, max_tres_mins_per_job, max_wall)
       = (SELECT coalesce(r.fairshare, 1), r.priority, r.grp_jobs, r.grp_submit,
                 scns.merge_tres(a.grp_tres, changes -> 'grp_tres'),
                 scns.merge_tres(a.grp_tres_mins, changes -> 'grp_tres_mins'),
                 scns.merge_tres(a.grp_tres_run_mins, changes -> 'grp_tres_run_mins'),
                 r.max_jobs, r.max_submit,
                 scns.merge_tres(a.max_tres_per_job, changes -> 'max_tres_per_job'),
                 scns.merge_tres(a.max_tres_mins_per_job, changes -> 'max_tres_mins_per_job'),
                 r.max_wall
            FROM jsonb_populate_record(a, changes) r)
   WHERE (accounts IS NULL OR a.account = ANY (accounts))
     AND CASE WHEN users IS NULL THEN a.user_name = '' ELSE a.user_name = ANY (users) END
  RETURNING a.account, a.user_name;
END $$;

-- 改账户自己的说明与上级（null 是不改），返回改了哪些；上级不许是自己或自己的下级
CREATE FUNCTION scns.modify_accounts(names text[], description text, organization text, parent text)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM scns.require_operator();
  IF parent IS NOT NULL AND (
       NOT EXISTS (SELECT FROM scns.account a WHERE a.name = modify_accounts.parent)
       OR 'root' = ANY (names)
       OR EXISTS (SELECT FROM unnest(names) n, scns.accounts_below(n) below
                   WHERE below = modify_accounts.parent)) THEN
    RAISE EXCEPTION 'Invalid parent account specified' USING ERRCODE = 'SC001';
  END IF;
  PERFORM pg_notify('scns', '');
  RETURN QUERY
  UPDATE scns.account a
     SET description = coalesce(modify_accounts.description, a.description),
         organization = coalesce(modify_accounts.organization, a.organization),
         parent = coalesce(modify_accounts.parent, a.parent)
   WHERE a.name = ANY (names) RETURNING a.name;
END $$;

-- 定下一些用户的默认账户，返回真的改了的；用户不在那个账户里的不算
CREATE FUNCTION scns.set_default_account(users text[], chosen text) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE found text[];
BEGIN
  PERFORM scns.require_operator();
  SELECT array_agg(a.user_name) INTO found FROM scns.association a
   WHERE a.account = chosen AND a.user_name = ANY (users);
  UPDATE scns.association SET is_default = false
   WHERE user_name = ANY (found) AND is_default;
  UPDATE scns.association a SET is_default = true
   WHERE a.user_name = ANY (found) AND a.account = chosen;
  RETURN QUERY SELECT unnest(found);
END $$;

-- 去掉用户，或用户与一些账户的关系；默认账户没了就改用剩下的头一个。返回去掉的
CREATE FUNCTION scns.delete_users(users text[], accounts text[])
RETURNS TABLE (account text, user_name text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM scns.require_operator();
  PERFORM pg_notify('scns', '');
  RETURN QUERY
  DELETE FROM scns.association a
   WHERE a.user_name = ANY (users) AND a.user_name <> ''
     AND (accounts IS NULL OR a.account = ANY (accounts))
  RETURNING a.account, a.user_name;
  UPDATE scns.association a SET is_default = true
   WHERE a.user_name = ANY (users) AND a.user_name <> ''
     AND a.account = (SELECT min(o.account) FROM scns.association o
                       WHERE o.user_name = a.user_name)
     AND NOT EXISTS (SELECT FROM scns.association o
                      WHERE o.user_name = a.user_name AND o.is_default);
END $$;

-- 去掉账户，连同下级与其中的用户；根去不掉。返回去掉的
CREATE FUNCTION scns.delete_accounts(names text[]) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM scns.require_operator();
  PERFORM pg_notify('scns', '');
  RETURN QUERY
  DELETE FROM scns.account a WHERE a.name = ANY (names) AND a.name <> 'root' RETURNING a.name;
END $$;

-- 添一个 QOS；已有时返回假
CREATE FUNCTION scns.add_qos(name text, changes jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE added boolean;
BEGIN
  PERFORM scns.require_operator();
  INSERT INTO scns.qos (name, description) VALUES (name, name) ON CONFLICT DO NOTHING;
  added := FOUND;
  IF added THEN
    PERFORM scns.modify_qos(ARRAY[name], changes);
  END IF;
  RETURN added;
END $$;

-- 改一些 QOS，返回改了哪些；changes 的键是 qos 的列，见 modify_associations
CREATE FUNCTION scns.modify_qos(names text[], changes jsonb) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM scns.require_operator();
  PERFORM pg_notify('scns', '');
  RETURN QUERY
  UPDATE scns.qos q
     SET (description, priority, flags, grp_jobs, grp_submit, grp_tres, grp_tres_run_mins,
          max_jobs, max_jobs_per_account, max_submit, max_submit_per_account, max_tres_per_job,
          max_tres_per_user, max_tres_per_account, max_tres_mins_per_job, min_tres_per_job, max_wall)
       = (SELECT coalesce(r.description, ''), coalesce(r.priority, 0), coalesce(r.flags, '{}'),
                 r.grp_jobs, r.grp_submit,
                 scns.merge_tres(q.grp_tres, changes -> 'grp_tres'),
                 scns.merge_tres(q.grp_tres_run_mins, changes -> 'grp_tres_run_mins'),
                 r.max_jobs, r.max_jobs_per_account, r.max_submit, r.max_submit_per_account,
                 scns.merge_tres(q.max_tres_per_job, changes -> 'max_tres_per_job'),
                 scns.merge_tres(q.max_tres_per_user, changes -> 'max_tres_per_user'),
                 scns.merge_tres(q.max_tres_per_account, changes -> 'max_tres_per_account'),
                 scns.merge_tres(q.max_tres_mins_per_job, changes -> 'max_tres_mins_per_job'),
                 scns.merge_tres(q.min_tres_per_job, changes -> 'min_tres_per_job'), r.max_wall
            FROM jsonb_populate_record(q, changes) r)
   WHERE q.name = ANY (names) RETURNING q.name;
END $$;

-- 去掉 QOS，normal 除外；返回去掉的
CREATE FUNCTION scns.delete_qos(names text[]) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM scns.require_operator();
  PERFORM pg_notify('scns', '');
  RETURN QUERY
  DELETE FROM scns.qos q WHERE q.name = ANY (names) AND q.name <> 'normal' RETURNING q.name;
END $$;

-- sdiag -r：各数从现在算起
CREATE FUNCTION scns.reset_statistics() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM scns.require_operator();
  INSERT INTO scns.reset (name, time) VALUES ('statistics', clock_timestamp())
  ON CONFLICT (name) DO UPDATE SET time = excluded.time;
END $$;

-- 只检查，不写入：sbatch --test-only；返回填好默认值的提交
CREATE FUNCTION scns.check_submission(request jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE who scns.os_user; s scns.submission;
BEGIN
  who := scns.submitter(request);
  s := scns.build_submission(who, request);
  PERFORM scns.check_nodes(s, false);
  RETURN to_jsonb(s);
END $$;

-- ── 请求 ────────────────────────────────────────────────────────────────────

-- 只追加一行；准不准由 scnsd 按 uid 与 operator 判定，结果写回这一行
CREATE FUNCTION scns.request(verb text, target jsonb, argument jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE who scns.os_user; new_id bigint;
BEGIN
  SELECT u.* INTO who FROM scns.os_user u WHERE u.role = session_user;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'unknown user %', session_user USING ERRCODE = '42501';
  END IF;
  IF pg_column_size(target) > 4194304 OR pg_column_size(argument) > 65536 THEN
    RAISE EXCEPTION 'request is too large' USING ERRCODE = '54000';
  END IF;
  IF (SELECT count(*) FROM (SELECT FROM scns.request r
        WHERE r.done_time IS NULL AND r.role = session_user LIMIT 10001) open) > 10000 THEN
    RAISE EXCEPTION 'too many open requests' USING ERRCODE = '53400';
  END IF;
  INSERT INTO scns.request (verb, target, argument, role, uid, operator)
  VALUES (verb, target, argument, session_user, who.uid, scns.is_operator())
  RETURNING id INTO new_id;
  PERFORM pg_notify('scns', '');
  RETURN new_id;
END $$;

CREATE VIEW scns.my_request WITH (security_barrier) AS
  SELECT r.id, r.verb, r.time, r.done_time, r.result FROM scns.request r
   WHERE r.role = session_user;

-- ── 看得见的 ────────────────────────────────────────────────────────────────

-- 排计划的 scnsd 在不在
CREATE VIEW scns.controller WITH (security_barrier) AS
  SELECT l.owner, l.epoch, l.until, l.until > now() AS alive FROM scns.lease l
   WHERE l.name = 'scheduler';

CREATE VIEW scns.setting_list WITH (security_barrier) AS
  SELECT v.name, v.value FROM scns.setting v;

CREATE VIEW scns.node_list WITH (security_barrier) AS
  SELECT n.*, n.last_seen IS NULL OR n.last_seen < now() - interval '5 minutes' AS silent,
         (SELECT array_agg(p.name ORDER BY p.position) FROM scns.partition p
           WHERE n.name = ANY (p.nodes)) AS partitions
    FROM scns.node n WHERE n.configured;

CREATE VIEW scns.partition_list WITH (security_barrier) AS
  SELECT p.* FROM scns.partition p;

-- 每个人的作业，不含脚本、环境、参数与命令行。
-- 不是 security_barrier：它不藏任何行，只藏列，而被推下去的条件只碰得到这里列出的列；内建函数
-- 出错时带出的值因此都是人人看得见的。屏障会挡住不防泄漏的条件（period 的 &&、LIKE），也不让
-- 没有用到的 submission 从语句里去掉。LEFT JOIN 也为此：外键保证总有那一行。
-- period：从提交到结束，没有结束的没有上界；写法与索引 job_period 相同。
CREATE VIEW scns.queue AS
  SELECT j.id, j.submission_id, j.array_job_id, j.array_task_id, j.waiting, j.state,
         CASE WHEN j.eligible AND j.state = 'PENDING' AND j.reason = 'None' THEN 'Priority'
              ELSE j.reason END AS reason,
         j.hold, j.dependency AS dependency_state, j.eligible,
         CASE WHEN j.hold IS NULL THEN j.priority ELSE 0 END AS priority, j.attempt, j.restarts,
         j.begin_time, j.submit_time, j.eligible_time, j.start_time, j.end_time, j.limit_time,
         j.kill_time,
         j.suspend_time, j.suspended_seconds, j.outcome, j.outcome_uid, j.exit_code,
         j.exit_signal, j.node_list AS nodes, j.batch_host, j.nodes_alloc, j.cpus_alloc,
         j.memory_alloc, j.expected_start,
         tstzrange(least(j.submit_time, j.end_time), j.end_time, '[]') AS period,
         s.owner, j.uid, s.gid, s.group_name, s.name, coalesce(j.partition, s.partition) AS partition,
         s.account, s.qos, s.nice,
         s.tasks, s.cpus_per_task, s.nodes_min, s.nodes_max, s.tasks_per_node, s.mincpus, s.cpus,
         s.memory_per_node, s.memory_per_cpu, s.time_limit, s.time_min, s.deadline, s.exclusive,
         s.overcommit, s."constraint", s.node_list AS required_nodes, s.exclude, s.gres,
         s.licenses, s.requeue, s.comment, s.dependency_any, s.kill_on_invalid_dep,
         s.array_indices, s.array_limit, s.batch, s.directory, s.standard_input,
         s.standard_output, s.standard_error, s.command, s.submit_host, s.options
    FROM scns.job j LEFT JOIN scns.submission s ON s.id = j.submission_id;

-- 自己的作业的私有部分（管理员看得见全部）
CREATE VIEW scns.my_job WITH (security_barrier) AS
  SELECT j.id, s.owner, s.arguments, s.submit_line, s.limits, s.umask
    FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id
   WHERE j.uid = (SELECT (scns.me()).uid) OR (SELECT scns.is_operator());

-- 历史里公开的部分，与 queue 一样谁都看得见。读者记着 txid：见 scns.cli.own.history
CREATE VIEW scns.event_list WITH (security_barrier) AS
  SELECT e.time, e.id, e.txid, e.job_id, e.kind, e.before, e.after,
         e.detail ->> 'reason' AS reason, e.detail ->> 'nodes' AS nodes,
         (e.detail ->> 'uid')::int AS uid, (e.detail ->> 'exit_code')::int AS exit_code,
         (e.detail ->> 'exit_signal')::int AS exit_signal,
         (e.detail ->> 'array_job_id')::bigint AS array_job_id,
         (e.detail ->> 'array_task_id')::int AS array_task_id,
         (e.detail ->> 'tasks')::int4multirange AS tasks,
         to_timestamp((e.detail ->> 'expected')::float8) AS expected_start
    FROM scns.event e WHERE e.kind IN ('state', 'cancel', 'estimate');

CREATE VIEW scns.dependency_list WITH (security_barrier) AS
  SELECT d.job_id, d.position, d.kind, d.on_job_id, d.on_task_id, d.delay, d.state
    FROM scns.dependency d;

-- 运行中的批处理步还没有自己的行，由作业行得出。与 queue 一样谁都看得见，不藏行
CREATE VIEW scns.step_list AS
  SELECT t.job_id, t.attempt, t.step_id, t.name, t.state, t.node_list, t.tasks, t.cpus,
         t.start_time, t.end_time, t.exit_code, t.exit_signal, t.user_milliseconds,
         t.system_milliseconds, t.max_rss
    FROM scns.step t
  UNION ALL
  SELECT j.id, j.attempt, -5, 'batch', CASE j.state WHEN 'COMPLETING' THEN 'RUNNING'
         ELSE j.state END, coalesce(j.batch_host, ''), 1, coalesce(j.cpus_alloc, 1), j.start_time,
         NULL, NULL, NULL, NULL, NULL, NULL
    FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id
   WHERE j.state IN ('RUNNING', 'SUSPENDED', 'COMPLETING') AND s.batch;

CREATE VIEW scns.account_list WITH (security_barrier) AS
  SELECT a.name, a.description, a.organization, a.parent FROM scns.account a;

CREATE VIEW scns.association_list WITH (security_barrier) AS
  SELECT a.*, coalesce(a.uid, (SELECT min(u.uid) FROM scns.os_user u WHERE u.name = a.user_name))
         AS known_uid
    FROM scns.association a;

CREATE VIEW scns.qos_list WITH (security_barrier) AS
  SELECT q.* FROM scns.qos q;

-- 从何时算起，见模型 Reset
CREATE VIEW scns.reset_list WITH (security_barrier) AS
  SELECT r.name, r.time FROM scns.reset r;

-- 用掉的 CPU 秒：结束了的，衰减到 as_of；在跑的，从 start 起一直用着 cpus 个。清零之前的不算
CREATE VIEW scns.usage_list WITH (security_barrier) AS
  WITH since AS (SELECT coalesce(max(r.time), '-infinity') AS at FROM scns.reset r
                  WHERE r.name = 'usage')
  SELECT u.account, u.uid, u.cpu_seconds, extract(epoch FROM u.as_of)::float8 AS as_of,
         0 AS cpus, NULL::float8 AS start
    FROM scns.usage u, since WHERE u.as_of >= since.at
  UNION ALL
  SELECT s.account, j.uid, 0, NULL, j.cpus_alloc,
         greatest(extract(epoch FROM j.start_time)::float8 + j.suspended_seconds
                  + CASE j.state WHEN 'SUSPENDED'
                    THEN extract(epoch FROM now() - j.suspend_time)::float8 ELSE 0 END,
                  extract(epoch FROM since.at)::float8)
    FROM since, scns.job j JOIN scns.submission s ON s.id = j.submission_id
   WHERE j.state IN ('RUNNING', 'SUSPENDED', 'COMPLETING');

-- 没有扣住的作业与优先级有关的方面，见 scns.planner.priority.Subject；在跑的只为
-- PriorityFlags=CALCULATE_RUNNING
CREATE VIEW scns.priority_list WITH (security_barrier) AS
  SELECT j.id, j.state, j.array_job_id, j.array_task_id, j.waiting, j.priority, j.ranked_time,
         j.fairshare, j.site, s.nice, s.account, s.owner, j.uid, s.qos, s.partition,
         extract(epoch FROM j.eligible_time)::float8 AS eligible,
         extract(epoch FROM j.submit_time)::float8 AS submitted, s.nodes_min AS nodes, s.cpus,
         s.memory_per_node, s.memory_per_cpu, s.gres, s.licenses, s.time_limit,
         coalesce((SELECT max(p.priority_job_factor) FROM scns.partition p
                    WHERE p.name = ANY (string_to_array(s.partition, ','))), 0) AS partition_factor,
         coalesce((SELECT q.priority FROM scns.qos q WHERE q.name = s.qos), 0) AS qos_priority
    FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id
   WHERE j.state IN ('PENDING', 'RUNNING', 'SUSPENDED') AND j.hold IS NULL;

CREATE VIEW scns.allocation_list WITH (security_barrier) AS
  SELECT a.job_id, a.node, a.cpu_ids, a.cpus, a.memory, a.tasks, a.gres FROM scns.allocation a;

-- 只有属主与管理员读得到脚本；别人的与不存在的说法不同，与 scontrol write batch_script 一致
CREATE FUNCTION scns.batch_script(job_id bigint) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE body bytea; owner_uid int;
BEGIN
  SELECT s.uid, c.body INTO owner_uid, body
    FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id
    JOIN scns.script c ON c.hash = s.script_hash
   WHERE j.id = batch_script.job_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'Invalid job id specified' USING ERRCODE = 'SC001';
  END IF;
  IF owner_uid <> (scns.me()).uid AND NOT scns.is_operator() THEN
    RAISE EXCEPTION 'Invalid user id' USING ERRCODE = 'SC001';
  END IF;
  RETURN body;
END $$;

-- ── scnsd 用的 ──────────────────────────────────────────────────────────────

-- 从数组里取出若干元素，各给一行，返回它们的作业号；取尽时最后一个元素沿用数组自己的行与号码
CREATE FUNCTION scns.split_array(array_id bigint, tasks int[]) RETURNS TABLE (id bigint, task int)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE j scns.job; taken int[]; rest int4multirange; own int;
BEGIN
  SELECT * INTO j FROM scns.job WHERE job.id = array_id AND waiting IS NOT NULL FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT array_agg(t ORDER BY t) INTO taken FROM unnest(tasks) t WHERE j.waiting @> t;
  IF taken IS NULL THEN
    RETURN;
  END IF;
  rest := j.waiting - (SELECT range_agg(int4range(t, t + 1)) FROM unnest(taken) t);
  IF isempty(rest) THEN
    own := taken[cardinality(taken)];
    taken := taken[1:cardinality(taken) - 1];
    UPDATE scns.job SET waiting = NULL, array_task_id = own WHERE job.id = array_id;
    RETURN QUERY SELECT array_id, own;
  ELSE
    UPDATE scns.job SET waiting = rest WHERE job.id = array_id;
  END IF;
  RETURN QUERY
  WITH made AS (
    INSERT INTO scns.job (id, submission_id, uid, array_job_id, array_task_id, state, reason, hold,
                          dependency, eligible, shape, priority, begin_time, submit_time,
                          eligible_time, start_by, mail, fairshare, ranked_time, site)
    SELECT nextval('scns.job_id_seq'), j.submission_id, j.uid, j.array_job_id, t, j.state,
           j.reason, j.hold, j.dependency, j.eligible, j.shape, j.priority, j.begin_time,
           j.submit_time, j.eligible_time, j.start_by, j.mail, j.fairshare, j.ranked_time, j.site
      FROM unnest(taken) WITH ORDINALITY AS e(t, n) ORDER BY n
    RETURNING job.id, array_task_id)
  SELECT made.id, made.array_task_id FROM made;
  -- 元素带走数组的依赖边：元素单独被取出时依赖可能还没有满足
  IF EXISTS (SELECT FROM scns.dependency d WHERE d.job_id = array_id) THEN
    INSERT INTO scns.dependency (job_id, position, kind, on_job_id, on_task_id, delay, state)
    SELECT e.id, d.position, d.kind, d.on_job_id, d.on_task_id, d.delay, d.state
      FROM scns.dependency d, scns.job e
     WHERE d.job_id = array_id AND e.array_job_id = j.array_job_id AND e.id <> array_id
       AND e.array_task_id = ANY (taken)
    ON CONFLICT DO NOTHING;
  END IF;
END $$;

-- 让数组里还没启动的一部分单独成一行，返回它的作业号；只有一个元素时是那个元素的行，就是全部时
-- 是原来的行，没有时为 NULL
CREATE FUNCTION scns.split_part(row_id bigint, tasks int4multirange) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE j scns.job; part int4multirange; new_id bigint; single int;
BEGIN
  SELECT * INTO j FROM scns.job WHERE id = row_id AND state = 'PENDING' FOR UPDATE;
  part := j.waiting * tasks;
  IF part IS NULL OR isempty(part) THEN
    RETURN NULL;
  END IF;
  IF part = j.waiting THEN
    RETURN row_id;
  END IF;
  single := CASE WHEN upper(part) - lower(part) = 1 THEN lower(part) END;
  new_id := nextval('scns.job_id_seq');
  UPDATE scns.job SET waiting = j.waiting - part WHERE id = row_id;
  INSERT INTO scns.job (id, submission_id, uid, array_job_id, array_task_id, waiting, state, reason,
                        hold, dependency, eligible, shape, priority, begin_time, submit_time,
                        eligible_time, start_by, mail, fairshare, ranked_time, site)
  VALUES (new_id, j.submission_id, j.uid, j.array_job_id, single,
          CASE WHEN single IS NULL THEN part END, j.state, j.reason, j.hold, j.dependency, j.eligible,
          j.shape, j.priority, j.begin_time, j.submit_time, j.eligible_time, j.start_by, j.mail,
          j.fairshare, j.ranked_time, j.site);
  INSERT INTO scns.dependency (job_id, position, kind, on_job_id, on_task_id, delay, state)
  SELECT new_id, d.position, d.kind, d.on_job_id, d.on_task_id, d.delay, d.state
    FROM scns.dependency d WHERE d.job_id = row_id;
  RETURN new_id;
END $$;

-- 过了时限还容它多久；OverTimeLimit 分区的优先，grace 是全局的秒数，NULL 是一直容它。
-- 过了 --deadline 的不容
CREATE FUNCTION scns.over_time(j scns.job, grace int) RETURNS interval
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT make_interval(secs => CASE
           WHEN j.limit_time >= (SELECT s.deadline FROM scns.submission s
                                  WHERE s.id = j.submission_id) THEN 0
           ELSE coalesce((SELECT (p.options ->> 'over_time_limit')::int * 60
                            FROM scns.partition p WHERE p.name = j.partition), grace) END)
$$;

-- 到了时刻的事：时限将至的写信，超时的转入收尾，赶不上期限的作罢，到了开始时刻的放进队列。
-- 返回作罢的作业与它们的数组：有人可能在等它们
CREATE FUNCTION scns.keep_time(grace int) RETURNS SETOF bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM scns.mail_time_limits();
  UPDATE scns.job j
     SET state = 'COMPLETING', kill_time = now(), limit_time = NULL,
         outcome = CASE WHEN j.limit_time >= s.deadline THEN 'DEADLINE' ELSE 'TIMEOUT' END
    FROM scns.submission s
   WHERE s.id = j.submission_id AND j.state = 'RUNNING' AND j.limit_time <= now()
     AND j.limit_time + scns.over_time(j, grace) <= now();
  RETURN QUERY
  WITH late AS (
    UPDATE scns.job
       SET state = 'DEADLINE', reason = 'DeadLine', outcome = 'DEADLINE', end_time = now(),
           eligible = false, expected_start = NULL
     WHERE state = 'PENDING' AND eligible AND start_by < now()
    RETURNING id, array_job_id)
  SELECT id FROM late UNION SELECT array_job_id FROM late WHERE array_job_id IS NOT NULL;
  UPDATE scns.job
     SET eligible = true, eligible_time = now(), reason = 'None'
   WHERE state = 'PENDING' AND NOT eligible AND hold IS NULL AND dependency = 'MET'
     AND begin_time <= now();
END $$;

-- 依着扣住、依赖与开始时刻，重新定下这些排队的作业参不参与排计划，以及为什么不
CREATE FUNCTION scns.settle_eligibility(ids bigint[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  UPDATE scns.job j
     SET eligible = j.hold IS NULL AND j.dependency = 'MET' AND coalesce(j.begin_time <= now(), true),
         eligible_time = CASE WHEN j.hold IS NULL AND j.dependency = 'MET' THEN
           greatest(CASE WHEN j.eligible THEN j.eligible_time ELSE now() END, j.begin_time) END,
         -- 不再参与排计划的，预计也不算数了；还参与的，排计划的自己会改
         expected_start = CASE WHEN j.hold IS NULL AND j.dependency = 'MET'
                                    AND coalesce(j.begin_time <= now(), true)
                               THEN j.expected_start END,
         reason = CASE WHEN j.hold = 'admin' THEN 'JobHeldAdmin'
                       WHEN j.hold = 'requeue' THEN 'job requeued in held state'
                       WHEN j.hold IS NOT NULL THEN 'JobHeldUser'
                       WHEN j.dependency = 'NEVER' THEN 'DependencyNeverSatisfied'
                       WHEN j.dependency <> 'MET' THEN 'Dependency'
                       WHEN j.begin_time > now() THEN 'BeginTime' ELSE 'None' END
   WHERE j.id = ANY (ids) AND j.state = 'PENDING'
$$;

-- ── scontrol update ─────────────────────────────────────────────────────────

-- 换掉这些作业的依赖。edges 与 submit 的相同；等自己，或绕一圈等到自己的，拒绝
CREATE FUNCTION scns.replace_dependencies(ids bigint[], edges jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE own bigint[]; parents bigint[];
BEGIN
  SELECT array_agg(DISTINCT x) INTO own
    FROM scns.job j, unnest(ARRAY[j.id, j.array_job_id]) x WHERE j.id = ANY (ids) AND x IS NOT NULL;
  SELECT array_agg((e ->> 'job')::bigint) INTO parents FROM jsonb_array_elements(edges) e
   WHERE e ->> 'job' IS NOT NULL;
  IF parents && own THEN
    RAISE EXCEPTION 'Job dependency problem' USING ERRCODE = 'SC001';
  END IF;
  IF EXISTS (
       WITH RECURSIVE above(id) AS (
         SELECT unnest(parents)
         UNION
         SELECT d.on_job_id FROM above a JOIN scns.job p ON p.id = a.id OR p.array_job_id = a.id
           JOIN scns.dependency d ON d.job_id = p.id
          WHERE p.state = 'PENDING' AND d.state = 'WAITING' AND d.on_job_id IS NOT NULL)
       SELECT FROM above WHERE id = ANY (own)) THEN
    RAISE EXCEPTION 'Circular job dependency' USING ERRCODE = 'SC001';
  END IF;
  DELETE FROM scns.dependency WHERE job_id = ANY (ids);
  INSERT INTO scns.dependency (job_id, position, kind, on_job_id, on_task_id, delay)
  SELECT id, e.n - 1, e.edge ->> 'kind', (e.edge ->> 'job')::bigint, (e.edge ->> 'task')::int,
         coalesce((e.edge ->> 'delay')::int, 0)
    FROM unnest(ids) id, jsonb_array_elements(edges) WITH ORDINALITY AS e(edge, n);
  -- 没有判过之前不参与排计划；随后由 settle_eligibility 重新定下
  UPDATE scns.job
     SET dependency = CASE WHEN jsonb_array_length(edges) > 0 THEN 'NEW' ELSE 'MET' END,
         eligible = eligible AND jsonb_array_length(edges) = 0
   WHERE id = ANY (ids);
END $$;

-- 改过之后的要求：columns 是 submission 的列，options 是其中的选项，null 是不要了。只换算，不检查
CREATE FUNCTION scns.revised(old scns.submission, columns jsonb, options jsonb)
RETURNS scns.submission
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE s scns.submission := jsonb_populate_record(old, columns);
BEGIN
  s.options := jsonb_strip_nulls(old.options || options);
  s.time_limit := nullif(s.time_limit, -1);
  s.time_min := nullif(s.time_min, -1);
  IF columns ? 'memory_per_node' THEN
    s.memory_per_cpu := NULL;
  ELSIF columns ? 'memory_per_cpu' THEN
    -- 与提交时一样，0 是节点的全部内存
    s.memory_per_node := CASE s.memory_per_cpu WHEN 0 THEN 0 END;
    s.memory_per_cpu := nullif(s.memory_per_cpu, 0);
  END IF;
  IF columns ? 'cpus' AND NOT s.overcommit THEN
    -- 比任务要的少：任务跟着减；比任务要的多：规划时另要，见 scns.scheduler.reader
    s.tasks := least(s.tasks, greatest(s.cpus / s.cpus_per_task, 1));
  ELSIF columns ?| ARRAY['cpus_per_task', 'nodes_min'] AND NOT s.overcommit THEN
    s.cpus := greatest(s.tasks::bigint * s.cpus_per_task, s.nodes_min);
  END IF;
  IF columns ? 'cpus_per_task' THEN
    s.mincpus := greatest(s.mincpus, s.cpus_per_task);
  END IF;
  IF s.directory NOT LIKE '/%' THEN
    s.directory := old.directory || '/' || s.directory;
  END IF;
  RETURN s;
END $$;

-- 改同一次提交的这些作业；还有别的行用着这次提交时，先给它们另存一份。
-- checked 是要像提交一样查过。拒绝时以 SC001、SC002 报错，什么也没有改
CREATE FUNCTION scns.revise(ids bigint[], columns jsonb, options jsonb, checked boolean)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE old scns.submission; s scns.submission; held boolean;
BEGIN
  SELECT x.* INTO STRICT old FROM scns.submission x
   WHERE x.id = (SELECT j.submission_id FROM scns.job j WHERE j.id = ids[1]) FOR UPDATE;
  s := scns.revised(old, columns, options);
  IF s.time_min > s.time_limit THEN
    RAISE EXCEPTION 'Requested time limit is invalid (missing or exceeds some limit)'
      USING ERRCODE = 'SC001';
  END IF;
  IF columns ? 'deadline' AND s.deadline <= now() THEN
    RAISE EXCEPTION 'Invalid time specified' USING ERRCODE = 'SC001';
  END IF;
  IF columns ? 'partition' THEN
    PERFORM scns.check_partitions(s.partition);
  END IF;
  IF checked THEN
    SELECT bool_and(j.hold IS NOT NULL) INTO held FROM scns.job j WHERE j.id = ANY (ids);
    PERFORM scns.check_request(s);
    PERFORM scns.check_nodes(s, held);
  END IF;
  IF EXISTS (SELECT FROM scns.job j WHERE j.submission_id = old.id AND NOT j.id = ANY (ids)) THEN
    -- 用其中一个作业自己的号码，它还没有用作提交号的话
    SELECT coalesce((SELECT min(j.id) FROM scns.job j WHERE j.id = ANY (ids)
                        AND NOT EXISTS (SELECT FROM scns.submission x WHERE x.id = j.id)),
                    nextval('scns.job_id_seq')) INTO s.id;
    INSERT INTO scns.submission SELECT s.*;
  ELSE
    UPDATE scns.submission x
       SET (name, partition, account, qos, nice, tasks, cpus_per_task, nodes_min, nodes_max,
            tasks_per_node, mincpus, cpus, memory_per_node, memory_per_cpu, time_limit, time_min,
            begin_time, deadline, exclusive, "constraint", node_list, exclude, gres, licenses,
            requeue, comment, dependency, dependency_any, array_limit, directory, standard_input,
            standard_output, standard_error, options)
         = ROW(s.name, s.partition, s.account, s.qos, s.nice, s.tasks, s.cpus_per_task, s.nodes_min,
               s.nodes_max, s.tasks_per_node, s.mincpus, s.cpus, s.memory_per_node,
               s.memory_per_cpu, s.time_limit, s.time_min, s.begin_time, s.deadline, s.exclusive,
               s."constraint", s.node_list, s.exclude, s.gres, s.licenses, s.requeue, s.comment,
               s.dependency, s.dependency_any, s.array_limit, s.directory, s.standard_input,
               s.standard_output, s.standard_error, s.options)
     WHERE x.id = old.id;
  END IF;
  UPDATE scns.job j
     SET submission_id = s.id, shape = scns.shape_of(s), priority = j.priority + old.nice - s.nice,
         ranked_time = CASE WHEN j.ranked_time = 'infinity' THEN j.ranked_time END,
         start_by = scns.start_by(s),
         mail = CASE WHEN options ? 'mail_type' THEN scns.mail_events(s.options) ELSE j.mail END
   WHERE j.id = ANY (ids);
  IF columns ? 'begin_time' THEN
    UPDATE scns.job SET begin_time = s.begin_time WHERE id = ANY (ids);
  END IF;
  IF columns ? 'time_limit' OR options ? 'mail_type' THEN
    PERFORM scns.move_limits(ids);
  END IF;
END $$;

-- 占着节点的作业改了时限之后，到时的各时刻跟着改；送过的信号不再送
CREATE FUNCTION scns.move_limits(ids bigint[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  UPDATE scns.job j
     SET limit_time = n.until,
         warn_time = CASE WHEN j.warn_time IS NOT NULL
                          THEN coalesce(n.until - n.ahead, 'infinity') END,
         mail_time = scns.next_mail_time(j.mail, n.began, n.until)
    FROM (SELECT o.id, o.start_time + make_interval(secs => o.suspended_seconds) AS began,
                 least(o.start_time + make_interval(secs => o.suspended_seconds + s.time_limit),
                       s.deadline) AS until,
                 make_interval(secs => (s.options -> 'signal_seconds')::int) AS ahead
            FROM scns.job o JOIN scns.submission s ON s.id = o.submission_id
           WHERE o.id = ANY (ids) AND o.state IN ('RUNNING', 'SUSPENDED')) n
   WHERE j.id = n.id
$$;

-- 一条边此刻的判定：WAITING、MET 或 NEVER
-- 来源：sbatch(1) “--dependency”；Slurm 22.05 把不存在的作业当作早已了结，哪一种依赖都算满足
CREATE FUNCTION scns.judge_edge(d scns.dependency) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE parents int; started int; ended int; succeeded int; latest timestamptz; own scns.job;
BEGIN
  SELECT * INTO own FROM scns.job WHERE id = d.job_id;
  IF d.kind = 'singleton' THEN
    RETURN CASE WHEN EXISTS (
      SELECT FROM scns.job o JOIN scns.submission os ON os.id = o.submission_id
        JOIN scns.submission s ON s.id = own.submission_id
       WHERE o.state IN ('PENDING', 'RUNNING', 'SUSPENDED', 'COMPLETING')
         AND o.uid = own.uid AND os.name = s.name AND os.id < s.id)
    THEN 'WAITING' ELSE 'MET' END;
  END IF;
  SELECT count(*), count(*) FILTER (WHERE p.state <> 'PENDING'),
         count(*) FILTER (WHERE p.end_time IS NOT NULL),
         count(*) FILTER (WHERE p.state = 'COMPLETED'),
         max(coalesce(p.start_time, p.end_time))
    INTO parents, started, ended, succeeded, latest
    FROM scns.job p
   WHERE (p.id = d.on_job_id OR p.array_job_id = d.on_job_id)
     AND (d.on_task_id IS NULL OR p.array_task_id = d.on_task_id
          OR (p.waiting IS NOT NULL AND p.waiting @> d.on_task_id));
  IF parents = 0 THEN
    RETURN 'MET';
  END IF;
  IF d.kind = 'after' THEN
    RETURN CASE WHEN started = parents AND latest + make_interval(mins => d.delay) <= now()
           THEN 'MET' ELSE 'WAITING' END;
  END IF;
  IF d.kind = 'aftercorr' AND own.array_task_id IS NOT NULL AND d.on_task_id IS NULL THEN
    SELECT count(*), count(*) FILTER (WHERE p.end_time IS NOT NULL),
           count(*) FILTER (WHERE p.state = 'COMPLETED') INTO parents, ended, succeeded
      FROM scns.job p
     WHERE p.array_job_id = d.on_job_id
       AND (p.array_task_id = own.array_task_id OR p.waiting @> own.array_task_id);
  END IF;
  IF ended < parents THEN
    RETURN 'WAITING';
  END IF;
  RETURN CASE d.kind
    WHEN 'afterany' THEN 'MET'
    WHEN 'afternotok' THEN CASE WHEN succeeded < parents THEN 'MET' ELSE 'NEVER' END
    ELSE CASE WHEN succeeded = parents THEN 'MET' ELSE 'NEVER' END END;
END $$;

-- 重新判定依赖：新提交而未判过的，等在这些作业（或它们所属数组）上的；NULL 表示全部。
-- 扣住的作业不判，放开时再判，与 Slurm 相同。返回判定有变的作业数
CREATE FUNCTION scns.settle_dependencies(touched bigint[]) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE affected bigint[]; changed int;
BEGIN
  SELECT array_agg(DISTINCT e.job_id) INTO affected
    FROM scns.dependency e JOIN scns.job w ON w.id = e.job_id
   WHERE w.state = 'PENDING' AND w.dependency IN ('NEW', 'WAITING') AND e.state = 'WAITING'
     AND w.hold IS NULL
     AND (touched IS NULL OR w.dependency = 'NEW' OR e.on_job_id = ANY (touched)
          OR e.kind = 'singleton');
  IF affected IS NULL THEN
    RETURN 0;
  END IF;
  UPDATE scns.dependency d SET state = v.verdict
    FROM (SELECT e.job_id, e.position, scns.judge_edge(e) AS verdict
            FROM scns.dependency e
           WHERE e.job_id = ANY (affected) AND e.state = 'WAITING') v
   WHERE d.job_id = v.job_id AND d.position = v.position AND v.verdict <> 'WAITING';
  UPDATE scns.job j
     SET dependency = v.verdict,
         eligible = v.verdict = 'MET' AND j.hold IS NULL AND coalesce(j.begin_time <= now(), true),
         eligible_time = CASE WHEN v.verdict = 'MET' AND j.hold IS NULL
                              THEN greatest(now(), j.begin_time) END,
         reason = CASE WHEN j.hold IS NOT NULL THEN j.reason
                       WHEN v.verdict = 'NEVER' THEN 'DependencyNeverSatisfied'
                       WHEN v.verdict = 'WAITING' THEN 'Dependency'
                       WHEN j.begin_time > now() THEN 'BeginTime' ELSE 'None' END
    FROM (SELECT w.id, CASE
                   WHEN bool_and(d.state = 'MET') THEN 'MET'
                   WHEN s.dependency_any AND bool_or(d.state = 'MET') THEN 'MET'
                   WHEN s.dependency_any AND bool_and(d.state = 'NEVER') THEN 'NEVER'
                   WHEN NOT s.dependency_any AND bool_or(d.state = 'NEVER') THEN 'NEVER'
                   ELSE 'WAITING' END AS verdict
            FROM scns.job w JOIN scns.submission s ON s.id = w.submission_id
            JOIN scns.dependency d ON d.job_id = w.id
           WHERE w.id = ANY (affected)
           GROUP BY w.id, s.dependency_any) v
   WHERE j.id = v.id AND j.state = 'PENDING' AND j.dependency IN ('NEW', 'WAITING')
     AND j.dependency <> v.verdict;
  GET DIAGNOSTICS changed = ROW_COUNT;
  RETURN changed;
END $$;

-- ── 权利 ────────────────────────────────────────────────────────────────────

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA scns FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA scns FROM PUBLIC, scns_user;
GRANT EXECUTE ON FUNCTION scns.me(), scns.is_operator(), scns.submit(jsonb, bytea, bytea),
  scns.check_submission(jsonb), scns.request(text, jsonb, jsonb), scns.batch_script(bigint),
  scns.crowded(),
  scns.add_account(text, text, text, text, jsonb), scns.add_user(text, int, text, jsonb),
  scns.modify_associations(text[], text[], jsonb), scns.modify_accounts(text[], text, text, text),
  scns.set_default_account(text[], text), scns.delete_users(text[], text[]),
  scns.delete_accounts(text[]), scns.add_qos(text, jsonb), scns.modify_qos(text[], jsonb),
  scns.delete_qos(text[]), scns.reset_statistics()
  TO scns_user;
GRANT SELECT ON scns.my_request, scns.controller, scns.setting_list, scns.node_list,
  scns.partition_list, scns.queue, scns.my_job, scns.event_list, scns.dependency_list,
  scns.step_list, scns.allocation_list, scns.account_list, scns.association_list, scns.qos_list,
  scns.usage_list, scns.priority_list, scns.reset_list TO scns_user;

INSERT INTO scns.account (name, description, organization)
VALUES ('root', 'default root account', 'root') ON CONFLICT DO NOTHING;
INSERT INTO scns.association (account, user_name) VALUES ('root', '') ON CONFLICT DO NOTHING;
INSERT INTO scns.qos (name, description) VALUES ('normal', 'Normal QOS default')
  ON CONFLICT DO NOTHING;

SELECT scns.ensure_event_partitions(now());
