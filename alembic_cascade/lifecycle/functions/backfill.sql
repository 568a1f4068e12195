-- How the rows "parent" of a table are filled: with which value, what is joined for it, and which rows. With a source the
-- value is the newest of the child's, else what the expression gives.
CREATE OR REPLACE FUNCTION pg_temp.cascade_filling(
    kept oid, name text, source oid, source_column text, local_cols text[], remote_cols text[], expression text
) RETURNS TABLE (value text, joined text, unfilled text) LANGUAGE plpgsql STABLE AS $cascade$
DECLARE
    referring text := (
        SELECT pg_catalog.string_agg(pg_catalog.format('child.%I', local), ', ') FROM pg_catalog.unnest(local_cols) AS local);
BEGIN
    -- Unknown to the table, or to its child.
    PERFORM pg_temp.cascade_numbers(kept, ARRAY[name]), pg_temp.cascade_numbers(source, ARRAY[source_column]);
    IF source IS NULL THEN
        value := pg_catalog.format('(%s)', coalesce(expression, 'NULL'));
        joined := '';
        unfilled := pg_catalog.format('parent.%I IS NULL AND %s IS NOT NULL', name, value);
    ELSE
        value := 'child.value';
        joined := pg_catalog.format(
            '(SELECT %1$s, pg_catalog.max(child.%2$I) AS value FROM %3$s AS child WHERE child.%2$I IS NOT NULL GROUP BY %1$s) AS child',
            referring, source_column, pg_temp.cascade_scan(source));
        unfilled := pg_catalog.format('%s AND (parent.%2$I IS NULL OR parent.%2$I < child.value)',
            pg_temp.cascade_reference(source, pg_temp.cascade_numbers(source, local_cols), kept,
                pg_temp.cascade_numbers(kept, remote_cols)), name);
    END IF;
    RETURN NEXT;
END
$cascade$;

-- Refuse to forbid NULL where a row has one.
CREATE OR REPLACE FUNCTION pg_temp.cascade_refuse_unfilled(kept oid, name text) RETURNS void LANGUAGE plpgsql
SET row_security TO off AS $cascade$
DECLARE
    number bigint;
BEGIN
    EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM %s WHERE %I IS NULL', pg_temp.cascade_scan(kept), name) INTO number;
    IF number > 0 THEN
        RAISE SQLSTATE 'CA004' USING MESSAGE = pg_catalog.format('%s %s no value, and NULL is not to be taken',
            pg_temp.cascade_rows_of(number, kept::regclass::text), CASE number WHEN 1 THEN 'has' ELSE 'have' END),
            HINT = 'Give LifecycleColumn(backfill=...) an expression that fills them all, or nullable=True.';
    END IF;
END
$cascade$;

-- Fill a column in rows that are older, all at once; no trigger of the user's fires.
CREATE OR REPLACE FUNCTION pg_temp.cascade_backfill(
    label text, kept_table text, name text, source_table text, source_column text, local_cols text[], remote_cols text[],
    expression text, not_null boolean, if_exists boolean
) RETURNS TABLE (level text, message text) LANGUAGE plpgsql SET row_security TO off AS $cascade$
DECLARE
    kept oid := pg_catalog.to_regclass(kept_table);
    filling record;
    filled bigint;
    resume text[];
BEGIN
    level := 'info';
    message := pg_temp.cascade_skipped(label, kept_table, coalesce(source_table, kept_table), if_exists);
    IF message IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT * INTO filling FROM pg_temp.cascade_filling(kept, name, pg_catalog.to_regclass(source_table), source_column,
        local_cols, remote_cols, expression);
    IF expression IS NOT NULL OR source_table IS NOT NULL THEN
        resume := pg_temp.cascade_silence(kept, ARRAY[name]);
        EXECUTE pg_catalog.format('UPDATE %s AS parent SET %I = %s %s WHERE %s', pg_temp.cascade_scan(kept), name,
            filling.value, CASE filling.joined WHEN '' THEN '' ELSE 'FROM ' || filling.joined END, filling.unfilled);
        GET DIAGNOSTICS filled = ROW_COUNT;
        PERFORM pg_temp.cascade_unsilence(resume);
        message := pg_catalog.format('filled in %s', pg_temp.cascade_rows_of(filled, kept::regclass::text));
    END IF;
    IF not_null THEN
        PERFORM pg_temp.cascade_refuse_unfilled(kept, name);
        SET CONSTRAINTS ALL IMMEDIATE;
        EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', pg_temp.cascade_table(kept), name);
        message := pg_catalog.concat_ws(', ', message, 'takes no NULL');
        PERFORM pg_temp.cascade_put_off();
    END IF;
    RETURN NEXT;
END
$cascade$;

-- Likewise in batches: list the rows once, then fill the next ones that are listed; who was changed meanwhile is listed
-- again at the end.
CREATE OR REPLACE FUNCTION pg_temp.cascade_backfill_batch(
    label text, kept_table text, name text, source_table text, source_column text, local_cols text[], remote_cols text[],
    expression text, not_null boolean, if_exists boolean, batch_size int
) RETURNS TABLE (level text, message text, again boolean, done bigint, total bigint) LANGUAGE plpgsql
SET row_security TO off AS $cascade$
DECLARE
    kept oid := pg_catalog.to_regclass(kept_table);
    filling record;
    running record;
    found bigint;
BEGIN
    level := 'info';
    again := false;
    message := pg_temp.cascade_skipped(label, kept_table, coalesce(source_table, kept_table), if_exists);
    IF message IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM pg_temp.cascade_begin_run(pg_catalog.concat_ws(' ', 'backfill', kept, name));
    SELECT * INTO running FROM pg_temp.cascade_run;
    again := true;
    IF running.next > running.listed THEN
        SELECT * INTO filling FROM pg_temp.cascade_filling(kept, name, pg_catalog.to_regclass(source_table), source_column,
            local_cols, remote_cols, expression);
        PERFORM pg_temp.cascade_forget(ARRAY['cascade_todo']);
        EXECUTE pg_catalog.format(
            'CREATE TEMPORARY TABLE cascade_todo AS
             SELECT relation, place, value, pg_catalog.row_number() OVER (ORDER BY relation, place) AS number
             FROM (SELECT parent.tableoid AS relation, parent.ctid AS place, %s AS value FROM %s WHERE %s) AS found',
            filling.value, pg_catalog.concat_ws(', ', pg_temp.cascade_scan(kept) || ' AS parent', nullif(filling.joined, '')),
            filling.unfilled);
        GET DIAGNOSTICS found = ROW_COUNT;
        IF found > 0 THEN
            CREATE INDEX ON pg_temp.cascade_todo (number);
            CREATE INDEX ON pg_temp.cascade_todo (place);
            ANALYZE pg_temp.cascade_todo;
            UPDATE pg_temp.cascade_run AS run SET listed = found, next = 1, settled_before = run.settled;
            RETURN QUERY SELECT level, NULL, true, running.settled, running.settled + found;
            RETURN;
        END IF;
        message := CASE WHEN not_null THEN pg_temp.cascade_forbid_null(kept, name) END;
        IF message IS NULL THEN
            again := false;
            message := pg_catalog.format('filled in %s', pg_temp.cascade_rows_of(running.settled, kept::regclass::text));
            PERFORM pg_temp.cascade_forget(ARRAY['cascade_todo', 'cascade_run']);
        END IF;
        RETURN NEXT;
        RETURN;
    END IF;
    found := pg_temp.cascade_fill_listed(kept, name, running.next, batch_size);
    UPDATE pg_temp.cascade_run AS run SET next = run.next + batch_size, settled = run.settled + found;
    RETURN QUERY SELECT level, NULL, true, running.settled + found, running.settled_before + running.listed;
END
$cascade$;

-- Fill the listed rows from a number on. One that somebody else has locked is passed over; it is listed again.
CREATE OR REPLACE FUNCTION pg_temp.cascade_fill_listed(kept oid, name text, first bigint, batch_size int) RETURNS bigint
LANGUAGE plpgsql AS $cascade$
DECLARE
    resume text[] := pg_temp.cascade_silence(kept, ARRAY[name]);
    filled bigint;
BEGIN
    CREATE TEMPORARY TABLE cascade_batch (relation oid, place tid);
    EXECUTE pg_catalog.format(
        'INSERT INTO pg_temp.cascade_batch
         SELECT * FROM (SELECT parent.tableoid, parent.ctid FROM %s AS parent WHERE %s FOR UPDATE SKIP LOCKED) AS held',
        pg_temp.cascade_scan(kept), pg_temp.cascade_reaches(kept, 'parent', pg_catalog.format(
            'FROM pg_temp.cascade_todo WHERE number >= %s AND number < %s', first, first + batch_size)));
    EXECUTE pg_catalog.format(
        'UPDATE %s AS parent SET %I = (SELECT listed.value FROM pg_temp.cascade_todo AS listed
             WHERE listed.place = parent.ctid AND listed.relation = parent.tableoid)
         WHERE %s',
        pg_temp.cascade_scan(kept), name, pg_temp.cascade_reaches(kept, 'parent', 'FROM pg_temp.cascade_batch'));
    GET DIAGNOSTICS filled = ROW_COUNT;
    DROP TABLE pg_temp.cascade_batch;
    PERFORM pg_temp.cascade_unsilence(resume);
    RETURN filled;
END
$cascade$;

-- Bring a column one step nearer to NOT NULL, without looking at rows under a lock: a CHECK that is NOT VALID, valid, and
-- then enough for SET NOT NULL: https://www.postgresql.org/docs/current/sql-altertable.html
CREATE OR REPLACE FUNCTION pg_temp.cascade_forbid_null(kept oid, name text) RETURNS text LANGUAGE plpgsql AS $cascade$
DECLARE
    proof text := 'alembic_cascade_not_null_' || pg_catalog.left(pg_catalog.md5(name), 8);
    standing pg_catalog.pg_constraint;
BEGIN
    IF (SELECT attnotnull FROM pg_catalog.pg_attribute WHERE attrelid = kept AND attname = name) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO standing FROM pg_catalog.pg_constraint WHERE conrelid = kept AND conname = proof;
    IF standing.oid IS NULL THEN
        PERFORM pg_temp.cascade_refuse_unfilled(kept, name);
        PERFORM pg_temp.cascade_lock_all(ARRAY[kept], 'ACCESS EXCLUSIVE');
        EXECUTE pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%I IS NOT NULL) NOT VALID',
            pg_temp.cascade_table(kept), proof, name);
        RETURN 'takes no new NULL';
    ELSIF NOT standing.convalidated THEN
        PERFORM pg_temp.cascade_refuse_unfilled(kept, name);
        PERFORM pg_temp.cascade_validate(kept, proof);
        RETURN 'has no NULL';
    END IF;
    PERFORM pg_temp.cascade_lock_all(ARRAY[kept], 'ACCESS EXCLUSIVE');
    EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', pg_temp.cascade_table(kept), name);
    EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', pg_temp.cascade_table(kept), proof);
    RETURN 'takes no NULL';
END
$cascade$;
