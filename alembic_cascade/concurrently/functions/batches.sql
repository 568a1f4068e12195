-- Settle the next batch of the orphans of a key that stands NOT VALID. They are listed once, by the first call; the last
-- one returns what was done, in words. Who is locked by somebody else is passed over, and looked for again at the end.
-- With "check_only" nothing is settled: only what would refuse it is looked for.
CREATE OR REPLACE FUNCTION pg_temp.cascade_clean_batch(
    label text, source_table text, referent_table text, local_cols text[], remote_cols text[], strategy text,
    revision text, cleared_cols text[], match_full boolean, to_cols text[], max_share float, max_count bigint,
    trust_valid_keys boolean, home text, prefix text, if_exists boolean, advice text, batch_size int, check_only boolean
) RETURNS TABLE (level text, message text, again boolean, done bigint, total bigint) LANGUAGE plpgsql AS $cascade$
DECLARE
    source oid := pg_catalog.to_regclass(source_table);
    referent oid := pg_catalog.to_regclass(referent_table);
    local_numbers int2[];
    remote_numbers int2[];
    standing text;
BEGIN
    level := 'info';
    again := false;
    message := pg_temp.cascade_skipped(label, source_table, referent_table, if_exists);
    IF message IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    local_numbers := pg_temp.cascade_numbers(source, local_cols);
    remote_numbers := pg_temp.cascade_numbers(referent, remote_cols);
    IF trust_valid_keys AND to_cols IS NULL THEN
        standing := pg_temp.cascade_standing_key(source, referent, local_numbers, remote_numbers, match_full);
        IF standing IS NOT NULL THEN
            message := CASE WHEN NOT check_only
                THEN pg_catalog.format('orphans not looked for, the valid key %s stands', standing) END;
            RETURN NEXT;
            RETURN;
        END IF;
    END IF;
    IF check_only AND to_cols IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint WHERE contype = 'f' AND conrelid = source AND confrelid = referent
            AND pg_temp.cascade_pairs(conkey, confkey) = pg_temp.cascade_pairs(local_numbers, remote_numbers)
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = source AND pg_temp.cascade_translates(tgname)))
    THEN
        -- The keys are exchanged already, or not yet, or references are on their way between both.
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM pg_temp.cascade_list_keys(source, referent, local_numbers, remote_numbers,
        CASE strategy WHEN 'set_null' THEN 'n' WHEN 'set_default' THEN 'd' ELSE 'c' END::"char",
        CASE WHEN cleared_cols IS NULL THEN local_numbers ELSE pg_temp.cascade_numbers(source, cleared_cols) END);
    CREATE TEMPORARY TABLE cascade_rows (relation oid, place tid, round int, action "char", key oid);
    IF check_only THEN
        PERFORM pg_temp.cascade_look(label, strategy, match_full, to_cols, max_share, max_count, home, advice);
    ELSE
        SELECT batch.* INTO again, done, total, message FROM pg_temp.cascade_next_batch(
            label, strategy, revision, match_full, to_cols, max_share, max_count, home, prefix, advice, batch_size) AS batch;
    END IF;
    DROP TABLE pg_temp.cascade_rows, pg_temp.cascade_keys;
    RETURN NEXT;
END
$cascade$;

-- Refuse what a settling would refuse, without a lock.
CREATE OR REPLACE FUNCTION pg_temp.cascade_look(
    label text, strategy text, match_full boolean, to_cols text[], max_share float, max_count bigint, home text,
    advice text
) RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    PERFORM pg_catalog.set_config('alembic_cascade.concurrently', 'looking', true);
    PERFORM pg_temp.cascade_list_orphans(match_full, to_cols, strategy, '');
    IF EXISTS (SELECT FROM pg_temp.cascade_rows) THEN
        PERFORM pg_temp.cascade_refuse_orphans(label, strategy, match_full, max_share, max_count, advice);
        IF strategy IN ('set_null', 'set_default') THEN
            PERFORM pg_temp.cascade_refuse_left(strategy, pg_temp.cascade_count_left(strategy, match_full, to_cols));
        END IF;
        PERFORM pg_temp.cascade_follow(label);
        PERFORM pg_temp.cascade_group_changes();
        PERFORM pg_temp.cascade_setters(filed, ways), pg_temp.cascade_found_by(filed, ways, number)
        FROM (SELECT DISTINCT number, filed, ways FROM pg_temp.cascade_changed) AS alike;
        DROP TABLE pg_temp.cascade_changed;
        IF strategy <> 'delete' THEN
            PERFORM pg_temp.cascade_refuse_home((SELECT child FROM pg_temp.cascade_keys AS keys WHERE keys.key = 0), home);
        END IF;
    END IF;
END
$cascade$;

-- Begin what is done in batches, or go on with it.
CREATE OR REPLACE FUNCTION pg_temp.cascade_begin_run(this_run text) RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    IF pg_catalog.to_regclass('pg_temp.cascade_run') IS NULL THEN
        CREATE TEMPORARY TABLE cascade_run (run text, listed bigint, next bigint, settled bigint, settled_before bigint);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_temp.cascade_run AS present WHERE present.run = this_run) THEN
        PERFORM pg_temp.cascade_forget(ARRAY['cascade_todo', 'cascade_counted']);
        DELETE FROM pg_temp.cascade_run;
        INSERT INTO pg_temp.cascade_run VALUES (this_run, 0, 1, 0, 0);
    END IF;
END
$cascade$;

-- List the orphans, or settle the next ones that are listed.
CREATE OR REPLACE FUNCTION pg_temp.cascade_next_batch(
    label text, strategy text, revision text, match_full boolean, to_cols text[], max_share float, max_count bigint,
    home text, prefix text, advice text, batch_size int
) RETURNS TABLE (again boolean, done bigint, total bigint, message text) LANGUAGE plpgsql AS $cascade$
DECLARE
    coming record := (SELECT keys FROM pg_temp.cascade_keys AS keys WHERE keys.key = 0);
    this_run text := pg_catalog.concat_ws(' ', revision, strategy, pg_temp.cascade_key_text(
        coming.child, coming.child_columns, coming.parent, coming.parent_columns));
    running record;
    stuck boolean;
    touched bigint;
BEGIN
    PERFORM pg_temp.cascade_begin_run(this_run);
    SELECT * INTO running FROM pg_temp.cascade_run;
    stuck := running.next > running.listed AND running.listed > 0 AND running.settled = running.settled_before;
    IF running.next > running.listed AND running.settled - running.settled_before = running.listed
        AND running.listed > 0
    THEN
        -- All that were listed are settled, and the key lets no others in.
        RETURN QUERY SELECT * FROM pg_temp.cascade_end_run(strategy);
        RETURN;
    END IF;
    IF running.next > running.listed AND NOT stuck THEN
        RETURN QUERY SELECT * FROM pg_temp.cascade_list_run(label, strategy, match_full, to_cols, max_share, max_count, advice);
        RETURN;
    END IF;
    PERFORM pg_temp.cascade_list_orphans(match_full, to_cols, strategy, CASE
        -- All that are left are held by others, or change all the time: wait for one, with nothing else in hand.
        WHEN stuck THEN 'LIMIT 1 ' || pg_temp.cascade_row_lock('')
        ELSE pg_catalog.format('AND %s %s', pg_temp.cascade_reaches(coming.child, 'child', pg_catalog.format(
                'FROM pg_temp.cascade_todo WHERE number >= %s AND number < %s', running.next, running.next + batch_size)),
            pg_temp.cascade_row_lock('SKIP LOCKED')) END);
    touched := (SELECT pg_catalog.count(*) FROM pg_temp.cascade_rows);
    IF touched > 0 THEN
        PERFORM pg_temp.cascade_follow(label);
        PERFORM pg_temp.cascade_settle(strategy, revision, match_full, to_cols, home, prefix);
        PERFORM pg_temp.cascade_count();
    END IF;
    IF stuck AND touched = 0 THEN
        RETURN QUERY SELECT * FROM pg_temp.cascade_end_run(strategy);
        RETURN;
    END IF;
    UPDATE pg_temp.cascade_run AS run SET next = run.next + batch_size, settled = run.settled + touched
    RETURNING run.settled INTO done;
    RETURN QUERY SELECT true, done, running.settled_before + running.listed, NULL;
END
$cascade$;

-- List the orphans that there are.
CREATE OR REPLACE FUNCTION pg_temp.cascade_list_run(
    label text, strategy text, match_full boolean, to_cols text[], max_share float, max_count bigint, advice text
) RETURNS TABLE (again boolean, done bigint, total bigint, message text) LANGUAGE plpgsql AS $cascade$
DECLARE
    found bigint;
    first boolean := (SELECT run.listed = 0 FROM pg_temp.cascade_run AS run);
BEGIN
    PERFORM pg_temp.cascade_list_orphans(match_full, to_cols, strategy, '');
    found := (SELECT pg_catalog.count(*) FROM pg_temp.cascade_rows);
    IF found = 0 THEN
        RETURN QUERY SELECT * FROM pg_temp.cascade_end_run(strategy);
        RETURN;
    END IF;
    IF first THEN
        PERFORM pg_temp.cascade_refuse_orphans(label, strategy, match_full, max_share, max_count, advice);
    END IF;
    PERFORM pg_temp.cascade_forget(ARRAY['cascade_todo']);
    CREATE TEMPORARY TABLE cascade_todo AS
    SELECT relation, place, pg_catalog.row_number() OVER (ORDER BY relation, place) AS number FROM pg_temp.cascade_rows;
    CREATE INDEX ON pg_temp.cascade_todo (number);
    ANALYZE pg_temp.cascade_todo;
    UPDATE pg_temp.cascade_run AS run SET listed = found, next = 1, settled_before = run.settled
    RETURNING run.settled INTO done;
    RETURN QUERY SELECT true, done, done + found, NULL;
END
$cascade$;

-- Nothing is left to settle: what was done, in words, NULL where there was nothing.
CREATE OR REPLACE FUNCTION pg_temp.cascade_end_run(strategy text)
RETURNS TABLE (again boolean, done bigint, total bigint, message text) LANGUAGE plpgsql AS $cascade$
BEGIN
    again := false;
    SELECT settled, settled INTO done, total FROM pg_temp.cascade_run;
    IF done > 0 THEN
        message := pg_temp.cascade_told(strategy);
    END IF;
    PERFORM pg_temp.cascade_forget(ARRAY['cascade_todo', 'cascade_counted', 'cascade_run']);
    RETURN NEXT;
END
$cascade$;

-- Put back what was taken last of what is still kept for a key: each settling, or each batch of one, in one call.
CREATE OR REPLACE FUNCTION pg_temp.cascade_restore_batch(
    label text, source_table text, referent_table text, local_cols text[], remote_cols text[],
    revision text, home text, if_exists boolean
) RETURNS TABLE (level text, message text, again boolean, done bigint, total bigint) LANGUAGE plpgsql AS $cascade$
DECLARE
    source oid := pg_catalog.to_regclass(source_table);
    referent oid := pg_catalog.to_regclass(referent_table);
    key_text text;
    kept record;
    before timestamptz;
    newest timestamptz;
BEGIN
    level := 'info';
    again := false;
    message := pg_temp.cascade_skipped(label, source_table, referent_table, if_exists);
    IF message IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    key_text := pg_temp.cascade_key_text(source, pg_temp.cascade_numbers(source, local_cols),
        referent, pg_temp.cascade_numbers(referent, remote_cols));
    IF pg_catalog.to_regclass('pg_temp.cascade_restoring') IS NULL THEN
        CREATE TEMPORARY TABLE cascade_restoring (key text, revision text, before timestamptz);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_temp.cascade_restoring AS present
        WHERE present.key = key_text AND present.revision = cascade_restore_batch.revision)
    THEN
        PERFORM pg_temp.cascade_forget(ARRAY['cascade_restored_rows']);
        DELETE FROM pg_temp.cascade_restoring;
        INSERT INTO pg_temp.cascade_restoring VALUES (key_text, revision, 'infinity');
    END IF;
    before := (SELECT restoring.before FROM pg_temp.cascade_restoring AS restoring);
    FOR kept IN SELECT * FROM pg_temp.cascade_stores(revision, home) LOOP
        EXECUTE pg_catalog.format('SELECT greatest(%L, (SELECT pg_catalog.max(%I) FROM %s WHERE %I = %L AND %2$I < %6$L))',
            newest, kept.prefix || 'at', pg_temp.cascade_table(kept.store), kept.prefix || 'key', key_text, before)
        INTO newest;
    END LOOP;
    IF newest IS NULL THEN
        PERFORM pg_temp.cascade_count_restored();
        RETURN QUERY SELECT told.level, told.message, false, NULL::bigint, NULL::bigint
        FROM pg_temp.cascade_told_of_restore() AS told;
        DROP TABLE pg_temp.cascade_restoring, pg_temp.cascade_restored_rows;
        RETURN;
    END IF;
    PERFORM pg_temp.cascade_restore_taken(revision, key_text, home, newest);
    UPDATE pg_temp.cascade_restoring AS restoring SET before = newest;
    again := true;
    RETURN NEXT;
END
$cascade$;
