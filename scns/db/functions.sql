-- 视图、函数与触发器：整份替换，由 scns.db.migrate 在一个事务里执行。
-- 用户只有这里授予的权利；每个名字都带模式，函数都固定 search_path。
-- 拒绝时的 MESSAGE 与 Slurm 逐字相同；SQLSTATE：
--   SC001 请求被拒（客户端按自己的格式打印 MESSAGE，DETAIL 是先打印的一行）
--   SC002 只打印 DETAIL，不打印 MESSAGE
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

CREATE TRIGGER job_inserted AFTER INSERT ON scns.job
  FOR EACH ROW EXECUTE FUNCTION scns.record_job_event();
CREATE TRIGGER job_state_changed AFTER UPDATE OF state ON scns.job
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
  EXECUTE FUNCTION scns.record_job_event();

-- ── 提交 ────────────────────────────────────────────────────────────────────

-- 可以互换的作业有同一个形状：计划只看每个形状的头一个
CREATE FUNCTION scns.shape_of(s scns.submission) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT hashtextextended(jsonb_build_array(
    s.partition, s.account, s.qos, s.uid, s.tasks, s.cpus_per_task, s.nodes_min, s.nodes_max,
    s.tasks_per_node, s.mincpus, s.memory_per_node, s.memory_per_cpu, s.time_limit, s.time_min,
    s.exclusive, s.overcommit, s."constraint", s.node_list, s.exclude, s.gres, s.licenses,
    s.options -> 'reservation')::text, 0)
$$;

-- 分区名单必须都在，且至少有一个接受新作业；返回头一个能接受的
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
  IF chosen IS NULL THEN
    RAISE EXCEPTION 'Required partition not available (inactive or drain)' USING ERRCODE = 'SC001';
  END IF;
  RETURN chosen;
END $$;

-- 这份要求在分区的节点上有没有可能满足；EnforcePartLimits=NO，所以个数与时限不在此拒绝
CREATE FUNCTION scns.check_nodes(s scns.submission, held boolean) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE allowed text[]; left_over int; largest int; asked int;
BEGIN
  SELECT array_agg(DISTINCT n) INTO allowed
    FROM scns.partition p, unnest(p.nodes) n WHERE p.name = ANY (string_to_array(s.partition, ','));
  IF held THEN
    RETURN;
  END IF;
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
DECLARE s scns.submission; p scns.partition; per_cpu text; per_node text;
BEGIN
  s := jsonb_populate_record(NULL::scns.submission, request);
  s.owner := who.name;
  s.uid := who.uid;
  s.gid := who.gid;
  s.group_name := who.group_name;
  s.submit_time := now();
  IF s.partition IS NULL THEN
    SELECT q.name INTO s.partition FROM scns.partition q
     ORDER BY q.is_default DESC, q.position LIMIT 1;
    IF s.partition IS NULL THEN
      RAISE EXCEPTION 'No partition specified or system default partition'
        USING ERRCODE = 'SC001';
    END IF;
  END IF;
  p := scns.check_partitions(s.partition);
  s.account := coalesce(s.account, who.name);
  s.qos := coalesce(s.qos, 'normal');
  s.nice := coalesce(s.nice, 0);
  s.cpus_per_task := coalesce(s.cpus_per_task, 1);
  s.nodes_min := coalesce(s.nodes_min, 1);
  s.tasks := coalesce(s.tasks, s.tasks_per_node * s.nodes_min, s.nodes_min);
  s.overcommit := coalesce(s.overcommit, false);
  s.cpus := CASE WHEN s.overcommit THEN s.nodes_min
                 ELSE greatest(s.tasks::bigint * s.cpus_per_task, s.nodes_min) END;
  s.requeue := coalesce(s.requeue, true);
  s.dependency_any := coalesce(s.dependency_any, false);
  s.batch := coalesce(s.batch, true);
  s.arguments := coalesce(s.arguments, '{}');
  s.umask := coalesce(s.umask, 18);
  s.limits := coalesce(s.limits, '{}');
  s.submit_host := coalesce(s.submit_host, '');
  s.submit_line := coalesce(s.submit_line, '');
  s.options := coalesce(s.options, '{}');
  IF request ? 'time_limit' THEN
    s.time_limit := nullif((request ->> 'time_limit')::int, -1);
  ELSE
    s.time_limit := coalesce(p.default_time, p.max_time);
  END IF;
  IF s.memory_per_node IS NULL AND s.memory_per_cpu IS NULL THEN
    SELECT v.value INTO per_cpu FROM scns.setting v WHERE v.name = 'DefMemPerCPU';
    SELECT v.value INTO per_node FROM scns.setting v WHERE v.name = 'DefMemPerNode';
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
  PERFORM scns.check_node_names(coalesce(s.options -> 'node_names', '[]'));
  PERFORM scns.check_node_names(coalesce(s.options -> 'exclude_names', '[]'));
  RETURN s;
END $$;

-- 优先级的底数：减去 nice 后仍为正
CREATE FUNCTION scns.base_priority() RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT 4294901760::bigint $$;

-- 写下一次提交；返回作业号。edges 是依赖图的边：[{kind, job, task, delay}]
CREATE FUNCTION scns.submit(request jsonb, script bytea, environment bytea) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  who scns.os_user; s scns.submission; j scns.job; edge jsonb; place int := 0;
  hold text; waits boolean;
BEGIN
  SELECT u.* INTO who FROM scns.os_user u WHERE u.role = session_user;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'unknown user %', session_user USING ERRCODE = '42501';
  END IF;
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
  s.id := nextval('scns.job_id_seq');
  INSERT INTO scns.submission SELECT s.*;

  waits := jsonb_array_length(coalesce(request -> 'edges', '[]')) > 0;
  j.id := s.id;
  j.submission_id := s.id;
  j.uid := s.uid;
  j.array_job_id := CASE WHEN s.array_indices IS NOT NULL THEN s.id END;
  j.waiting := s.array_indices;
  j.hold := hold;
  j.dependency := CASE WHEN waits THEN 'NEW' ELSE 'MET' END;
  j.begin_time := s.begin_time;
  j.eligible := hold IS NULL AND NOT waits AND coalesce(s.begin_time <= now(), true);
  j.reason := CASE WHEN hold IS NOT NULL THEN 'JobHeldUser'
                   WHEN waits THEN 'Dependency'
                   WHEN NOT j.eligible THEN 'BeginTime' ELSE 'None' END;
  j.shape := scns.shape_of(s);
  j.priority := CASE WHEN scns.is_operator() AND request ? 'priority'
                     THEN (request ->> 'priority')::bigint
                     ELSE scns.base_priority() - s.nice END;
  j.submit_time := s.submit_time;
  j.eligible_time := CASE WHEN j.eligible THEN now() END;
  INSERT INTO scns.job (id, submission_id, uid, array_job_id, waiting, state, reason, hold,
                        dependency, eligible, shape, priority, begin_time, submit_time,
                        eligible_time)
  VALUES (j.id, j.submission_id, j.uid, j.array_job_id, j.waiting, 'PENDING', j.reason, j.hold,
          j.dependency, j.eligible, j.shape, j.priority, j.begin_time, j.submit_time,
          j.eligible_time);
  FOR edge IN SELECT * FROM jsonb_array_elements(coalesce(request -> 'edges', '[]')) LOOP
    INSERT INTO scns.dependency (job_id, position, kind, on_job_id, on_task_id, delay)
    VALUES (s.id, place, edge ->> 'kind', (edge ->> 'job')::bigint, (edge ->> 'task')::int,
            coalesce((edge ->> 'delay')::int, 0));
    place := place + 1;
  END LOOP;
  PERFORM pg_notify('scns', '');
  RETURN s.id;
END $$;

-- 只检查，不写入：sbatch --test-only；返回填好默认值的提交
CREATE FUNCTION scns.check_submission(request jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE who scns.os_user; s scns.submission;
BEGIN
  SELECT u.* INTO who FROM scns.os_user u WHERE u.role = session_user;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'unknown user %', session_user USING ERRCODE = '42501';
  END IF;
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

-- 每个人的作业，不含脚本、环境、参数与命令行
CREATE VIEW scns.queue WITH (security_barrier) AS
  SELECT j.id, j.submission_id, j.array_job_id, j.array_task_id, j.waiting, j.state,
         CASE WHEN j.eligible AND j.state = 'PENDING' AND j.reason = 'None' THEN 'Priority'
              ELSE j.reason END AS reason,
         j.hold, j.dependency AS dependency_state, j.eligible,
         CASE WHEN j.hold IS NULL THEN j.priority ELSE 0 END AS priority, j.attempt, j.restarts,
         j.begin_time, j.submit_time, j.eligible_time, j.start_time, j.end_time, j.limit_time,
         j.suspend_time, j.suspended_seconds, j.outcome, j.outcome_uid, j.exit_code,
         j.exit_signal, j.node_list AS nodes, j.batch_host, j.nodes_alloc, j.cpus_alloc,
         j.memory_alloc, j.expected_start,
         s.owner, j.uid, s.gid, s.group_name, s.name, coalesce(j.partition, s.partition) AS partition,
         s.account, s.qos, s.nice,
         s.tasks, s.cpus_per_task, s.nodes_min, s.nodes_max, s.tasks_per_node, s.mincpus, s.cpus,
         s.memory_per_node, s.memory_per_cpu, s.time_limit, s.time_min, s.deadline, s.exclusive,
         s.overcommit, s."constraint", s.node_list AS required_nodes, s.exclude, s.gres,
         s.licenses, s.requeue, s.comment, s.dependency_any, s.kill_on_invalid_dep,
         s.array_indices, s.array_limit, s.batch, s.directory, s.standard_input,
         s.standard_output, s.standard_error, s.command, s.submit_host, s.options
    FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id;

-- 自己的作业的私有部分（管理员看得见全部）
CREATE VIEW scns.my_job WITH (security_barrier) AS
  SELECT j.id, s.owner, s.arguments, s.submit_line, s.limits, s.umask
    FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id
   WHERE j.uid = (SELECT (scns.me()).uid) OR (SELECT scns.is_operator());

CREATE VIEW scns.dependency_list WITH (security_barrier) AS
  SELECT d.job_id, d.position, d.kind, d.on_job_id, d.on_task_id, d.delay, d.state
    FROM scns.dependency d;

-- 运行中的批处理步还没有自己的行，由作业行得出
CREATE VIEW scns.step_list WITH (security_barrier) AS
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
                          eligible_time)
    SELECT nextval('scns.job_id_seq'), j.submission_id, j.uid, j.array_job_id, t, j.state,
           j.reason, j.hold, j.dependency, j.eligible, j.shape, j.priority, j.begin_time,
           j.submit_time, j.eligible_time
      FROM unnest(taken) WITH ORDINALITY AS e(t, n) ORDER BY n
    RETURNING job.id, array_task_id)
  SELECT made.id, made.array_task_id FROM made;
  -- 元素带走数组的依赖边：元素单独被取出时依赖可能还没有满足
  INSERT INTO scns.dependency (job_id, position, kind, on_job_id, on_task_id, delay, state)
  SELECT e.id, d.position, d.kind, d.on_job_id, d.on_task_id, d.delay, d.state
    FROM scns.dependency d, scns.job e
   WHERE d.job_id = array_id AND e.array_job_id = j.array_job_id AND e.id <> array_id
     AND e.array_task_id = ANY (taken)
  ON CONFLICT DO NOTHING;
END $$;

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
-- 返回判定有变的作业数
CREATE FUNCTION scns.settle_dependencies(touched bigint[]) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE affected bigint[]; changed int;
BEGIN
  SELECT array_agg(DISTINCT e.job_id) INTO affected
    FROM scns.dependency e JOIN scns.job w ON w.id = e.job_id
   WHERE w.state = 'PENDING' AND w.dependency IN ('NEW', 'WAITING') AND e.state = 'WAITING'
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
  scns.check_submission(jsonb), scns.request(text, jsonb, jsonb), scns.batch_script(bigint)
  TO scns_user;
GRANT SELECT ON scns.my_request, scns.controller, scns.setting_list, scns.node_list,
  scns.partition_list, scns.queue, scns.my_job, scns.dependency_list, scns.step_list,
  scns.allocation_list TO scns_user;

SELECT scns.ensure_event_partitions(now());
