-- How the rows "parent" of a table are filled: with which value, what is joined for it, and which rows. With a source the
-- value is the newest of the child's, else what the expression gives.
CREATE OR REPLACE FUNCTION pg_temp.cascade_filling(
    kept oid, name text, source oid, source_column text, local_cols text[], remote_cols text[], expression text
) RETURNS TABLE (value text, joined text, unfilled text) LANGUAGE plpgsql STABLE AS $cascade$
DECLARE
    problem text;
BEGIN
    -- Unknown to the table, or to its child.
    PERFORM pg_temp.cascade_numbers(kept, ARRAY[name]), pg_temp.cascade_numbers(source, ARRAY[source_column]);
    IF source IS NULL THEN
        -- A literal takes the column's type, and a comment ends with the line.
        value := pg_catalog.format(E'coalesce(NULL::%s, (%s\n))', (
            SELECT pg_catalog.format_type(atttypid, NULL) FROM pg_catalog.pg_attribute
            WHERE attrelid = kept AND attname = name), coalesce(expression, 'NULL'));
        joined := '';
        unfilled := pg_catalog.format('parent.%I IS NULL AND %s IS NOT NULL', name, value);
        PERFORM pg_temp.cascade_check_expression(kept, value);
    ELSE
        problem := pg_temp.cascade_unfit(kept, name, source, source_column);
        IF problem IS NOT NULL THEN
            RAISE SQLSTATE 'CA004' USING MESSAGE = problem, HINT = 'Correct LifecycleColumn(type_=..., set_from=...).';
        END IF;
        value := 'newest.value';
        joined := pg_catalog.format(
            '(SELECT %1$s, pg_catalog.max(child.%2$I) AS value FROM %3$s AS child GROUP BY %4$s) AS newest',
            (SELECT pg_catalog.string_agg(pg_catalog.format('child.%I AS key_%s', local, place), ', ' ORDER BY place)
             FROM pg_catalog.unnest(local_cols) WITH ORDINALITY AS listed (local, place)),
            source_column, pg_temp.cascade_scan(source),
            (SELECT pg_catalog.string_agg(place::text, ', ') FROM pg_catalog.generate_subscripts(local_cols, 1) AS place));
        -- Asked of each parent, for it costs a tenth of the whole to ask it of each child.
        unfilled := pg_catalog.format('%s AND newest.value IS NOT NULL AND (parent.%2$I IS NULL OR parent.%2$I < newest.value)',
            pg_temp.cascade_newest_of(source, local_cols, kept, remote_cols), name);
    END IF;
    RETURN NEXT;
END
$cascade$;

-- Refuse what is more than one expression: a cursor takes one query.
CREATE OR REPLACE FUNCTION pg_temp.cascade_check_expression(kept oid, value text) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    tried refcursor;
BEGIN
    OPEN tried FOR EXECUTE pg_catalog.format('SELECT %s FROM %s AS parent WHERE false', value, pg_temp.cascade_scan(kept));
    CLOSE tried;
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
            HINT = 'Give op.backfill_lifecycle_column(expression=...), or LifecycleColumn(backfill=...) for a new revision, '
                'an expression that fills them all, or let the column take NULL.';
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
    expression text, not_null boolean, takes_null_again boolean, if_exists boolean, batch_size int
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
    IF takes_null_again THEN
        PERFORM pg_temp.cascade_take_null(kept, name);
        message := 'takes NULL';
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM pg_temp.cascade_begin_run(pg_catalog.concat_ws(' ', 'backfill', kept, name));
    SELECT * INTO running FROM pg_temp.cascade_run;
    SELECT * INTO filling FROM pg_temp.cascade_filling(kept, name, pg_catalog.to_regclass(source_table), source_column,
        local_cols, remote_cols, expression);
    again := true;
    IF running.next <= running.listed THEN
        found := pg_temp.cascade_fill_listed(kept, name, filling, running.next,
            running.next + batch_size - 1, true);
        UPDATE pg_temp.cascade_run AS run SET next = run.next + batch_size, settled = run.settled + found;
        RETURN QUERY SELECT level, NULL, true, running.settled + found, running.settled_before + running.listed;
        RETURN;
    END IF;
    IF running.listed > 0 AND running.settled = running.settled_before THEN
        -- All that are left are held by others: wait for one, with nothing else in hand.
        found := pg_temp.cascade_fill_listed(kept, name, filling, 1, 1, false);
        UPDATE pg_temp.cascade_run AS run SET listed = 0, settled = run.settled + found;
        RETURN QUERY SELECT level, NULL, true, running.settled + found, running.settled + found;
        RETURN;
    END IF;
    found := pg_temp.cascade_list_unfilled(kept, filling, remote_cols);
    IF found > 0 THEN
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
END
$cascade$;

-- List the rows that are to be filled, by their place, their version, and with a source their key and the value for it.
CREATE OR REPLACE FUNCTION pg_temp.cascade_list_unfilled(kept oid, filling record, remote_cols text[]) RETURNS bigint
LANGUAGE plpgsql AS $cascade$
DECLARE
    found bigint;
BEGIN
    PERFORM pg_temp.cascade_forget(ARRAY['cascade_todo']);
    EXECUTE pg_catalog.format(
        'CREATE TEMPORARY TABLE cascade_todo AS
         SELECT *, pg_catalog.row_number() OVER (ORDER BY relation, place) AS number
         FROM (SELECT parent.tableoid AS relation, parent.ctid AS place, parent.xmin AS version %s FROM %s WHERE %s) AS found',
        CASE filling.joined WHEN '' THEN '' ELSE ', newest.value AS value' || (
            SELECT pg_catalog.string_agg(pg_catalog.format(', parent.%I AS key_%s', remote, at), '' ORDER BY at)
            FROM pg_catalog.unnest(remote_cols) WITH ORDINALITY AS listed (remote, at)) END,
        pg_catalog.concat_ws(', ', pg_temp.cascade_scan(kept) || ' AS parent', nullif(filling.joined, '')), filling.unfilled);
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found > 0 THEN
        CREATE INDEX ON pg_temp.cascade_todo (number);
        ANALYZE pg_temp.cascade_todo;
    END IF;
    RETURN found;
END
$cascade$;

-- Fill the listed rows with these numbers; those that somebody else has locked are passed over or waited for. A place may
-- hold another row by now, or another version of the row: it is listed again, with a value of its own.
CREATE OR REPLACE FUNCTION pg_temp.cascade_fill_listed(
    kept oid, name text, filling record, first bigint, last bigint, passing_over boolean
) RETURNS bigint LANGUAGE plpgsql AS $cascade$
DECLARE
    resume text[] := pg_temp.cascade_silence(kept, ARRAY[name]);
    in_batch text := pg_temp.cascade_reaches(kept, 'parent', 'FROM pg_temp.cascade_batch');
    unchanged bigint;
    filled bigint;
BEGIN
    CREATE TEMPORARY TABLE cascade_batch (relation oid, place tid, version xid);
    -- A child may be inserted meanwhile: NO KEY. https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS
    EXECUTE pg_catalog.format(
        'INSERT INTO pg_temp.cascade_batch
         SELECT * FROM (SELECT parent.tableoid, parent.ctid, parent.xmin FROM %s AS parent WHERE %s FOR NO KEY UPDATE %s) AS held',
        pg_temp.cascade_scan(kept), pg_temp.cascade_reaches(kept, 'parent', pg_catalog.format(
            'FROM pg_temp.cascade_todo WHERE number BETWEEN %s AND %s', first, last)),
        CASE WHEN passing_over THEN 'SKIP LOCKED' ELSE '' END);
    IF filling.joined = '' THEN
        -- The row itself says its value.
        EXECUTE pg_catalog.format('UPDATE %s AS parent SET %I = %s WHERE %s AND %s', pg_temp.cascade_scan(kept), name,
            filling.value, in_batch, filling.unfilled);
    ELSE
        EXECUTE pg_catalog.format(
            'UPDATE %1$s AS parent SET %2$I = newest.value FROM pg_temp.cascade_todo AS newest
             WHERE %3$s AND newest.number BETWEEN %4$s AND %5$s AND newest.relation = parent.tableoid
                AND newest.place = parent.ctid AND newest.version = parent.xmin AND %6$s',
            pg_temp.cascade_scan(kept), name, in_batch, first, last, filling.unfilled);
    END IF;
    GET DIAGNOSTICS filled = ROW_COUNT;
    SELECT pg_catalog.count(*) INTO unchanged FROM pg_temp.cascade_batch JOIN pg_temp.cascade_todo
        USING (relation, place, version);
    IF filled < unchanged AND NOT passing_over THEN
        RAISE SQLSTATE 'CA004' USING MESSAGE = pg_catalog.format('a rule or a trigger of %s keeps its rows as they are',
            kept::regclass), HINT = 'Switch it off meanwhile, or fill the column by statements of your own.';
    END IF;
    DROP TABLE pg_temp.cascade_batch;
    PERFORM pg_temp.cascade_unsilence(resume);
    RETURN filled;
END
$cascade$;

-- What a CHECK is called that shows that a column has no NULL.
CREATE OR REPLACE FUNCTION pg_temp.cascade_proof_of(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $cascade$
    SELECT 'alembic_cascade_not_null_' || pg_catalog.left(pg_catalog.md5($1), 8)
$cascade$;

-- Let a column take NULL again, whether it came to NOT NULL or not.
CREATE OR REPLACE FUNCTION pg_temp.cascade_take_null(kept oid, name text) RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    PERFORM pg_temp.cascade_lock_all(ARRAY[kept], 'ACCESS EXCLUSIVE');
    EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL, DROP CONSTRAINT IF EXISTS %I',
        pg_temp.cascade_table(kept), name, pg_temp.cascade_proof_of(name));
END
$cascade$;

-- Bring a column one step nearer to NOT NULL, without looking at rows under a lock: a CHECK that is NOT VALID, valid, and
-- then enough for SET NOT NULL: https://www.postgresql.org/docs/current/sql-altertable.html
CREATE OR REPLACE FUNCTION pg_temp.cascade_forbid_null(kept oid, name text) RETURNS text LANGUAGE plpgsql AS $cascade$
DECLARE
    proof text := pg_temp.cascade_proof_of(name);
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
