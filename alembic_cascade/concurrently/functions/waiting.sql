-- How long a setting of PostgreSQL's lasts, in milliseconds.
CREATE OR REPLACE FUNCTION pg_temp.cascade_milliseconds(setting text) RETURNS bigint LANGUAGE sql STABLE AS $cascade$
    SELECT (1000 * EXTRACT(epoch FROM pg_catalog.current_setting($1)::interval))::bigint
$cascade$;

-- Wait for no lock longer than "waiting", in milliseconds; a shorter lock_timeout of the session's stays. -1 is half a
-- second, or half of deadlock_timeout where that is shorter: who waits for us then never finds a deadlock. NULL leaves
-- all as it is.
CREATE OR REPLACE FUNCTION pg_temp.cascade_limit_waiting(waiting bigint) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    present bigint := pg_temp.cascade_milliseconds('lock_timeout');
    wanted bigint := CASE waiting WHEN -1 THEN least(500, pg_temp.cascade_milliseconds('deadlock_timeout') / 2)
        ELSE waiting END;
BEGIN
    IF wanted < present OR present = 0 AND wanted IS NOT NULL THEN
        PERFORM pg_catalog.set_config('lock_timeout', wanted::text, true);
    END IF;
END
$cascade$;

-- Try a step once, in a transaction of its own, and wait no longer than "patience" for what stands in nobody's way. What
-- it returns: what to log, whether it has to be called again, and how far it has come.
CREATE OR REPLACE FUNCTION pg_temp.cascade_try(step text, waiting bigint, patience bigint)
RETURNS TABLE (level text, message text, again boolean, done bigint, total bigint) LANGUAGE plpgsql AS $cascade$
DECLARE
    present text := pg_catalog.current_setting('lock_timeout');
BEGIN
    PERFORM pg_temp.cascade_limit_waiting(waiting);
    PERFORM pg_catalog.set_config('alembic_cascade.concurrently', 'on', true),
        pg_catalog.set_config('alembic_cascade.patience', coalesce(patience, 0)::text, true);
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN QUERY EXECUTE step;
    -- The transaction may be somebody else's, and go on.
    PERFORM pg_temp.cascade_put_off();
    PERFORM pg_catalog.set_config('alembic_cascade.concurrently', 'off', true),
        pg_catalog.set_config('lock_timeout', present, true);
END
$cascade$;

-- Take locks on tables and all of their partitions, the parents' before the child's. Who writes in the other order may
-- hold the next table while it waits for one that is ours: so the first lock alone is waited for as long as usual, all
-- that follow for a moment, which is drawn anew each time, and then everything is let go. A lock that only the owner may
-- take is left to the ALTER TABLE, which then waits no longer than that moment, either.
CREATE OR REPLACE FUNCTION pg_temp.cascade_lock_all(relations oid[], mode text) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    usual bigint := pg_temp.cascade_milliseconds('lock_timeout');
    moment float := least(20 * 2 ^ pg_catalog.floor(5 * pg_catalog.random()),
        pg_temp.cascade_milliseconds('deadlock_timeout') / 4.0);
    members regclass[] := ARRAY(
        SELECT member FROM pg_catalog.unnest(relations) WITH ORDINALITY AS listed (relation, place),
            -- A table that inherits without being a partition has no part in its parent's keys.
            LATERAL (SELECT relation UNION SELECT relid::oid FROM pg_catalog.pg_partition_tree(relation::regclass)) AS tree (member)
        JOIN pg_catalog.pg_class ON pg_class.oid = member AND relkind IN ('r', 'p')
        GROUP BY member ORDER BY pg_catalog.min(place), pg_catalog.bool_and(member <> relation), member);
    lockable regclass[] := ARRAY(
        SELECT member FROM pg_catalog.unnest(members) WITH ORDINALITY AS listed (member, place)
        WHERE pg_catalog.has_table_privilege(member, 'UPDATE, DELETE, TRUNCATE') ORDER BY place);
    relation regclass;
    begun timestamptz;
BEGIN
    -- A lock that stops neither readers nor writers, but for which autovacuum makes way, if only for who waits longer than
    -- deadlock_timeout: https://www.postgresql.org/docs/current/explicit-locking.html
    PERFORM pg_temp.cascade_wait(CASE WHEN usual > 0
        THEN greatest(usual, pg_catalog.current_setting('alembic_cascade.patience')::bigint) END);
    FOREACH relation IN ARRAY lockable LOOP
        EXECUTE pg_catalog.format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', relation);
    END LOOP;
    PERFORM pg_temp.cascade_wait(usual);
    FOREACH relation IN ARRAY lockable LOOP
        EXECUTE pg_catalog.format('LOCK TABLE ONLY %s IN %s MODE', relation, mode);
        begun := coalesce(begun, pg_catalog.clock_timestamp());
        IF usual > 0 THEN
            PERFORM pg_temp.cascade_wait(least(usual, greatest(1, (moment - 1000 * EXTRACT(epoch FROM
                pg_catalog.clock_timestamp() - begun))::bigint)));
        END IF;
    END LOOP;
    IF lockable = members OR begun IS NULL THEN
        PERFORM pg_temp.cascade_wait(usual);
    END IF;
END
$cascade$;

CREATE OR REPLACE FUNCTION pg_temp.cascade_wait(milliseconds bigint) RETURNS void LANGUAGE sql AS $cascade$
    SELECT pg_catalog.set_config('lock_timeout', coalesce($1, 0)::text, true)
$cascade$;

-- A session in words: who it is, how long its transaction has been at it, and its last statement. Who may not read the
-- activity of others sees less.
CREATE OR REPLACE FUNCTION pg_temp.cascade_session(pid int) RETURNS text LANGUAGE sql STABLE AS $cascade$
    SELECT CASE WHEN $1 IS NULL THEN 'a prepared transaction'
        ELSE pg_catalog.format('pid %s (%s%s, %s s): %s', $1,
            coalesce(usename || ', ', ''), coalesce(state, backend_type, 'unknown'),
            coalesce(pg_catalog.round(EXTRACT(epoch FROM
                pg_catalog.clock_timestamp() - coalesce(xact_start, query_start))::numeric, 1)::text, '?'),
            pg_catalog.left(pg_catalog.regexp_replace(coalesce(query, ''), '\s+', ' ', 'g'), 100)) END
    FROM (SELECT) AS one LEFT JOIN pg_catalog.pg_stat_activity AS activity ON activity.pid = $1
$cascade$;

-- The sessions that hold locks on tables or their partitions, those that have been at it longest first.
CREATE OR REPLACE FUNCTION pg_temp.cascade_in_the_way(tables text[])
RETURNS TABLE (autovacuum boolean, message text) LANGUAGE sql STABLE AS $cascade$
    -- Of autovacuum one sees at least that no role runs it. Readers and writers have no part in it.
    SELECT CASE WHEN held.hinders THEN coalesce(holder.backend_type = 'autovacuum worker',
            held.pid IS NOT NULL AND holder.usename IS NULL AND held.vacuums) END,
        pg_temp.cascade_session(held.pid) || ' holds ' || held.modes
    FROM (
        SELECT pid, pg_catalog.string_agg(DISTINCT mode || ' on ' || relation::regclass, ', ') AS modes,
            pg_catalog.bool_and(mode = 'AccessShareLock') AS reads,
            pg_catalog.bool_and(mode = 'ShareUpdateExclusiveLock') AS vacuums,
            -- What SHARE UPDATE EXCLUSIVE, for which autovacuum makes way, conflicts with.
            pg_catalog.bool_or(mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')) AS hinders
        FROM pg_catalog.pg_locks
        WHERE locktype = 'relation' AND granted AND pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
            AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
            AND relation IN (
                SELECT member FROM pg_catalog.unnest($1) AS name,
                    pg_catalog.unnest(pg_temp.cascade_family(pg_catalog.to_regclass(name))) AS member)
        GROUP BY pid
    ) AS held
    LEFT JOIN pg_catalog.pg_stat_activity AS holder ON holder.pid = held.pid
    ORDER BY held.hinders DESC, held.reads, coalesce(holder.xact_start, holder.query_start), held.pid
    LIMIT 5
$cascade$;

-- The sessions that the build of an index waits for: those that hold a lock on its table, else all whose snapshot is older.
-- https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
CREATE OR REPLACE FUNCTION pg_temp.cascade_before_build(tables text[]) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN QUERY SELECT message FROM pg_temp.cascade_in_the_way(tables);
    IF NOT FOUND THEN
        RETURN QUERY SELECT pg_temp.cascade_session(pid) FROM pg_catalog.pg_stat_activity
            WHERE backend_xmin IS NOT NULL AND datname = pg_catalog.current_database()
                AND pid <> pg_catalog.pg_backend_pid()
            ORDER BY xact_start, pid LIMIT 5;
    END IF;
END
$cascade$;

-- Do a step to its end, in a script: each try in a transaction of its own, again after locks that could not be had.
CREATE OR REPLACE PROCEDURE pg_temp.cascade_repeat(
    label text, step text, tables text[], waiting bigint, tries int, pause float
) LANGUAGE plpgsql AS $cascade$
DECLARE
    told record;
    again boolean;
    problem text;
    patience bigint;
    failures int := 0;
    blocking text;
    vacuuming boolean;
BEGIN
    PERFORM pg_temp.cascade_forget_runs();
    LOOP
        again := false;
        problem := NULL;
        BEGIN
            FOR told IN SELECT * FROM pg_temp.cascade_try(step, waiting, patience) LOOP
                IF told.level = 'warning' THEN
                    RAISE WARNING '%: %', label, told.message;
                ELSIF told.message IS NOT NULL THEN
                    RAISE INFO '%: %', label, told.message;
                ELSIF told.total > told.done THEN
                    RAISE INFO '%: % of %', label, told.done, told.total;
                END IF;
                again := again OR told.again;
            END LOOP;
        EXCEPTION WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN
            problem := SQLERRM;
        END;
        COMMIT;
        IF problem IS NULL THEN
            EXIT WHEN NOT again;
            failures := 0;
            patience := NULL;
            PERFORM pg_catalog.pg_sleep(pause);
        ELSE
            failures := failures + 1;
            SELECT pg_catalog.string_agg(message, '; '), pg_catalog.bool_and(autovacuum) INTO blocking, vacuuming
            FROM pg_temp.cascade_in_the_way(tables);
            IF failures >= tries THEN
                RAISE lock_not_available USING
                    MESSAGE = pg_catalog.format('%s: %s, %s times over. In the way: %s', label, problem, failures,
                        coalesce(blocking, 'nobody any more')),
                    HINT = 'What was done stays. End these sessions, or choose a quieter time, then run the script again.';
            END IF;
            RAISE WARNING '%: %, try % of %; in the way: %', label, problem, failures, tries,
                coalesce(blocking, 'nobody any more');
            -- Autovacuum makes way only for who waits longer than deadlock_timeout.
            patience := CASE WHEN vacuuming THEN pg_temp.cascade_milliseconds('deadlock_timeout') + 1000 END;
            PERFORM pg_catalog.pg_sleep(least(0.1 * 2 ^ failures, 5) * (0.5 + pg_catalog.random() / 2));
        END IF;
    END LOOP;
END
$cascade$;

-- Forget what an interrupted run of another operation noted in this session.
CREATE OR REPLACE FUNCTION pg_temp.cascade_forget_runs() RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    PERFORM pg_temp.cascade_forget(ARRAY['cascade_run', 'cascade_todo', 'cascade_counted', 'cascade_restoring',
        'cascade_restored_rows']);
END
$cascade$;

-- Drop temporary tables of ours where they are, without a word where they are not.
CREATE OR REPLACE FUNCTION pg_temp.cascade_forget(names text[]) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY names LOOP
        IF pg_catalog.to_regclass('pg_temp.' || name) IS NOT NULL THEN
            EXECUTE pg_catalog.format('DROP TABLE pg_temp.%I', name);
        END IF;
    END LOOP;
END
$cascade$;

-- Wait for the turn of this migration: only one runs in a schema at a time. The lock goes with the session.
CREATE OR REPLACE PROCEDURE pg_temp.cascade_take_turn(turn text, seconds int) LANGUAGE plpgsql AS $cascade$
DECLARE
    before timestamptz := pg_catalog.clock_timestamp();
    told timestamptz;
BEGIN
    WHILE NOT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended(turn, 0)) LOOP
        IF told IS NULL OR pg_catalog.clock_timestamp() > told + interval '10 s' THEN
            told := pg_catalog.clock_timestamp();
            RAISE INFO 'another migration is running, waiting for its end (% s)',
                pg_catalog.round(EXTRACT(epoch FROM told - before));
        END IF;
        IF pg_catalog.clock_timestamp() > before + pg_catalog.make_interval(secs => seconds) THEN
            RAISE lock_not_available USING
                MESSAGE = 'another migration is running in this database',
                HINT = 'Wait for its end, then run the script again: what it has done is not done again.';
        END IF;
        PERFORM pg_catalog.pg_sleep(1);
    END LOOP;
END
$cascade$;
