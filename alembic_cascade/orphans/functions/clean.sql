-- Settle the rows of "source" that refer to no row of "referent". Returns what was done, in words.
CREATE OR REPLACE FUNCTION pg_temp.cascade_clean_orphans(
    label text, source_table text, referent_table text, local_cols text[], remote_cols text[], strategy text,
    revision text, cleared_cols text[], match_full boolean, to_cols text[], max_share float, max_count bigint,
    trust_valid_keys boolean, home text, prefix text, if_exists boolean, advice text
) RETURNS TABLE (level text, message text) LANGUAGE plpgsql AS $cascade$
DECLARE
    source oid := pg_catalog.to_regclass(source_table);
    referent oid := pg_catalog.to_regclass(referent_table);
    skipped text := pg_temp.cascade_skipped(label, source_table, referent_table, if_exists);
    local_numbers int2[];
    remote_numbers int2[];
    standing text;
    settled text;
BEGIN
    IF skipped IS NOT NULL THEN
        RETURN QUERY SELECT 'info', skipped;
        RETURN;
    END IF;
    local_numbers := pg_temp.cascade_numbers(source, local_cols);
    remote_numbers := pg_temp.cascade_numbers(referent, remote_cols);
    IF trust_valid_keys AND to_cols IS NULL THEN
        standing := pg_temp.cascade_standing_key(source, referent, local_numbers, remote_numbers, match_full);
        IF standing IS NOT NULL THEN
            RETURN QUERY SELECT 'info', pg_catalog.format('orphans not looked for, the valid key %s stands', standing);
            RETURN;
        END IF;
    END IF;
    SET CONSTRAINTS ALL IMMEDIATE;
    PERFORM pg_temp.cascade_lock(referent);
    PERFORM pg_temp.cascade_lock(source);
    PERFORM pg_temp.cascade_list_keys(source, referent, local_numbers, remote_numbers,
        CASE strategy WHEN 'set_null' THEN 'n' WHEN 'set_default' THEN 'd' ELSE 'c' END::"char",
        CASE WHEN cleared_cols IS NULL THEN local_numbers ELSE pg_temp.cascade_numbers(source, cleared_cols) END);
    CREATE TEMPORARY TABLE cascade_rows (relation oid, place tid, round int, action "char", key oid);
    PERFORM pg_temp.cascade_list_orphans(match_full, to_cols, strategy, '');
    IF EXISTS (SELECT FROM pg_temp.cascade_rows) THEN
        PERFORM pg_temp.cascade_refuse_orphans(label, strategy, match_full, max_share, max_count, advice);
        PERFORM pg_temp.cascade_follow(label);
        PERFORM pg_temp.cascade_settle(strategy, revision, match_full, to_cols, home, prefix);
        PERFORM pg_temp.cascade_count();
        settled := pg_temp.cascade_told(strategy);
        DROP TABLE pg_temp.cascade_counted;
    END IF;
    DROP TABLE pg_temp.cascade_rows, pg_temp.cascade_keys;
    PERFORM pg_temp.cascade_put_off();
    IF settled IS NOT NULL THEN
        RETURN QUERY SELECT 'info', settled;
    END IF;
END
$cascade$;

-- The condition by which a row "child" is an orphan of the key to come, or of one that refers to other columns.
CREATE OR REPLACE FUNCTION pg_temp.cascade_orphaned(match_full boolean, to_cols text[], referred int2[] DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE AS $cascade$
DECLARE
    coming record := (SELECT keys FROM pg_temp.cascade_keys AS keys WHERE keys.key = 0);
    no_parent text := pg_catalog.format('NOT EXISTS (SELECT FROM %s AS parent WHERE %s%s)',
        pg_temp.cascade_scan(coming.parent),
        pg_temp.cascade_reference(coming.child, coming.child_columns, coming.parent, coalesce(referred, coming.parent_columns)),
        (SELECT coalesce(pg_catalog.string_agg(pg_catalog.format(' AND parent.%I IS NOT NULL', name), ''), '')
            FROM pg_catalog.unnest(to_cols) AS name));
    empty_columns text[] := ARRAY(
        SELECT pg_catalog.format('child.%I IS NULL', name)
        FROM pg_catalog.unnest(pg_temp.cascade_names(coming.child, coming.child_columns)) AS name);
BEGIN
    IF match_full THEN
        RETURN pg_catalog.format('NOT (%s) AND (%s OR %s)', pg_catalog.array_to_string(empty_columns, ' AND '),
            pg_catalog.array_to_string(empty_columns, ' OR '), no_parent);
    END IF;
    RETURN pg_catalog.format('NOT (%s) AND %s', pg_catalog.array_to_string(empty_columns, ' OR '), no_parent);
END
$cascade$;

-- List the orphans of the key to come, all or those "among" some. Rows hidden by row security would stay orphans: an
-- error instead.
CREATE OR REPLACE FUNCTION pg_temp.cascade_list_orphans(
    match_full boolean, to_cols text[], strategy text, among text
) RETURNS void LANGUAGE plpgsql SET row_security TO off AS $cascade$
DECLARE
    source oid := (SELECT child FROM pg_temp.cascade_keys AS keys WHERE keys.key = 0);
BEGIN
    EXECUTE pg_catalog.format(
        'INSERT INTO pg_temp.cascade_rows
         SELECT relation, place, 0, %L::"char", 0::oid
         FROM (SELECT child.tableoid AS relation, child.ctid AS place FROM %s AS child WHERE %s %s) AS found',
        CASE WHEN strategy IN ('set_null', 'set_default') THEN 'c' ELSE 'r' END, pg_temp.cascade_scan(source),
        pg_temp.cascade_orphaned(match_full, to_cols), among);
END
$cascade$;

CREATE OR REPLACE FUNCTION pg_temp.cascade_count_orphans(match_full boolean, to_cols text[]) RETURNS bigint
LANGUAGE plpgsql SET row_security TO off AS $cascade$
DECLARE
    number bigint;
BEGIN
    EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM %s AS child WHERE %s',
        pg_temp.cascade_scan((SELECT child FROM pg_temp.cascade_keys AS keys WHERE keys.key = 0)),
        pg_temp.cascade_orphaned(match_full, to_cols)) INTO number;
    RETURN number;
END
$cascade$;

-- How many of the listed orphans would be orphans still with their values cleared, after a translation if there is one.
CREATE OR REPLACE FUNCTION pg_temp.cascade_count_left(strategy text, match_full boolean, to_cols text[]) RETURNS bigint
LANGUAGE plpgsql SET row_security TO off AS $cascade$
DECLARE
    coming record := (SELECT keys FROM pg_temp.cascade_keys AS keys WHERE keys.key = 0);
    number bigint;
BEGIN
    EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM (SELECT %s FROM %s AS child WHERE %s) AS child WHERE %s',
        (SELECT pg_catalog.string_agg(CASE WHEN attnum = ANY (coming.cleared)
                THEN pg_catalog.format('(%s)::%s AS %I', coalesce(
                    -- A domain may have a default of its own.
                    CASE strategy WHEN 'set_default'
                        THEN coalesce(pg_catalog.pg_get_expr(adbin, adrelid), pg_catalog.pg_get_expr(typdefaultbin, 0)) END,
                    'NULL'), pg_catalog.format_type(atttypid, atttypmod), attname)
                ELSE pg_catalog.format('child.%I', attname) END, ', ')
         FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_type ON pg_type.oid = atttypid
         LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum
         WHERE attrelid = coming.child AND attnum = ANY (coming.child_columns)),
        pg_temp.cascade_scan(coming.child),
        pg_temp.cascade_reaches(coming.child, 'child', 'FROM pg_temp.cascade_rows WHERE round = 0'),
        pg_temp.cascade_orphaned(match_full, NULL, CASE WHEN to_cols IS NOT NULL
            THEN pg_temp.cascade_numbers(coming.parent, to_cols) END)) INTO number;
    RETURN number;
END
$cascade$;

-- Up to five of the values that refer to nothing.
CREATE OR REPLACE FUNCTION pg_temp.cascade_samples() RETURNS text[] LANGUAGE plpgsql
SET row_security TO off AS $cascade$
DECLARE
    coming record := (SELECT keys FROM pg_temp.cascade_keys AS keys WHERE keys.key = 0);
    names text[] := pg_temp.cascade_names(coming.child, coming.child_columns);
    samples text[];
BEGIN
    EXECUTE pg_catalog.format(
        'SELECT pg_catalog.array_agg(value ORDER BY place)
         FROM (SELECT value, pg_catalog.row_number() OVER () AS place FROM (
             SELECT %s AS value FROM %s AS child WHERE %s GROUP BY %s ORDER BY %4$s LIMIT 6) AS sorted) AS numbered',
        CASE pg_catalog.cardinality(names) WHEN 1 THEN pg_catalog.format('child.%I::text', names[1])
            ELSE (SELECT pg_catalog.format('pg_catalog.concat(''('', %s, '')'')',
                pg_catalog.string_agg(pg_catalog.format('coalesce(child.%I::text, ''NULL'')', name),
                    ', '', '', ' ORDER BY place))
                FROM pg_catalog.unnest(names) WITH ORDINALITY AS listed (name, place)) END,
        pg_temp.cascade_scan(coming.child),
        pg_temp.cascade_reaches(coming.child, 'child', 'FROM pg_temp.cascade_rows WHERE round = 0'),
        (SELECT pg_catalog.string_agg(pg_catalog.format('child.%I', name), ', ' ORDER BY place)
         FROM pg_catalog.unnest(names) WITH ORDINALITY AS listed (name, place))) INTO samples;
    RETURN samples;
END
$cascade$;

-- Refuse more orphans than are likely to be meant.
CREATE OR REPLACE FUNCTION pg_temp.cascade_brake(
    label text, number bigint, match_full boolean, max_share float, max_count bigint
) RETURNS void LANGUAGE plpgsql SET row_security TO off AS $cascade$
DECLARE
    coming record := (SELECT keys FROM pg_temp.cascade_keys AS keys WHERE keys.key = 0);
    referring bigint;
    parents boolean;
    problem text;
BEGIN
    IF max_share IS NULL AND max_count IS NULL THEN
        RETURN;
    END IF;
    EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %s)', pg_temp.cascade_scan(coming.parent)) INTO parents;
    IF NOT parents THEN
        problem := pg_catalog.format('%s is empty, but %s %s to it', coming.parent::regclass,
            pg_temp.cascade_rows_of(number, coming.child::regclass::text),
            CASE number WHEN 1 THEN 'refers' ELSE 'refer' END);
    ELSIF max_count IS NOT NULL AND number > max_count THEN
        problem := pg_catalog.format('%s %s no parent; max_orphans is %s',
            pg_temp.cascade_rows_of(number, coming.child::regclass::text),
            CASE number WHEN 1 THEN 'has' ELSE 'have' END, max_count);
    ELSIF max_share IS NOT NULL AND number > 100 THEN
        EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM %s AS child WHERE %s',
            pg_temp.cascade_scan(coming.child),
            (SELECT pg_catalog.string_agg(pg_catalog.format('child.%I IS NOT NULL', name), CASE WHEN match_full
                THEN ' OR ' ELSE ' AND ' END)
             FROM pg_catalog.unnest(pg_temp.cascade_names(coming.child, coming.child_columns)) AS name)) INTO referring;
        IF number > max_share * referring THEN
            problem := pg_catalog.format('%s have no parent, %s %% of all references; max_orphans is %s %%',
                pg_temp.cascade_rows_of(number, coming.child::regclass::text),
                pg_catalog.round(100.0 * number / referring, 1), pg_catalog.round((100 * max_share)::numeric, 1));
        END IF;
    END IF;
    IF problem IS NOT NULL THEN
        RAISE SQLSTATE 'CA003' USING
            MESSAGE = pg_catalog.format('%s: %s', label, problem),
            HINT = 'Nothing was changed. If it is meant, write max_orphans=None into each op.clean_orphans of this key in the revision.',
            TABLE = coming.child::regclass::text;
    END IF;
END
$cascade$;

-- Refuse the listed orphans, by strategy "fail" or because they are too many.
CREATE OR REPLACE FUNCTION pg_temp.cascade_refuse_orphans(
    label text, strategy text, match_full boolean, max_share float, max_count bigint, advice text
) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    number bigint := (SELECT pg_catalog.count(*) FROM pg_temp.cascade_rows WHERE round = 0);
    coming record := (SELECT keys FROM pg_temp.cascade_keys AS keys WHERE keys.key = 0);
    samples text[];
BEGIN
    ANALYZE pg_temp.cascade_rows;
    IF strategy = 'fail' THEN
        samples := pg_temp.cascade_samples();
        RAISE SQLSTATE 'CA002' USING
            MESSAGE = pg_catalog.format('%s by %s %s no parent: %s = %s',
                pg_temp.cascade_rows_of(number, coming.child::regclass::text), label,
                CASE number WHEN 1 THEN 'has' ELSE 'have' END,
                pg_catalog.array_to_string(pg_temp.cascade_names(coming.child, coming.child_columns), ', '),
                pg_catalog.array_to_string(samples[1:5], ', ') || CASE WHEN pg_catalog.cardinality(samples) > 5
                    THEN ', ...' ELSE '' END),
            DETAIL = pg_catalog.to_json(samples[1:5]),
            HINT = 'Nothing was changed. Correct these rows, or let the revision settle them by ' || advice,
            TABLE = coming.child::regclass::text;
    END IF;
    PERFORM pg_temp.cascade_brake(label, number, match_full, max_share, max_count);
END
$cascade$;

-- List with the orphans what they take along.
CREATE OR REPLACE FUNCTION pg_temp.cascade_follow(label text) RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    ANALYZE pg_temp.cascade_rows;
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT relation FROM pg_temp.cascade_rows) AS found
        JOIN pg_temp.cascade_keys AS keys ON keys.parent = ANY (pg_temp.cascade_lineage(found.relation)))
    THEN
        PERFORM pg_temp.cascade_list_closure();
        PERFORM pg_temp.cascade_refuse_blocked(label);
    END IF;
END
$cascade$;

-- Do with the listed rows what the strategy says.
CREATE OR REPLACE FUNCTION pg_temp.cascade_settle(
    strategy text, revision text, match_full boolean, to_cols text[], home text, prefix text
) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    coming record := (SELECT keys FROM pg_temp.cascade_keys AS keys WHERE keys.key = 0);
    key_text text := pg_temp.cascade_key_text(
        coming.child, coming.child_columns, coming.parent, coming.parent_columns);
    kept boolean := strategy <> 'delete';
    taken_at timestamptz := pg_catalog.clock_timestamp();
    notes jsonb[];
BEGIN
    CREATE TEMPORARY TABLE cascade_parts (
        place int GENERATED ALWAYS AS IDENTITY, part text, counted text, wanted bigint, changes oid);
    notes := pg_temp.cascade_add_changes(key_text, revision, home, prefix, kept, taken_at);
    PERFORM pg_temp.cascade_add_removals(key_text, revision, home, prefix, kept, taken_at);
    PERFORM pg_temp.cascade_run_parts();
    PERFORM pg_temp.cascade_note_left(note) FROM pg_catalog.unnest(notes) AS note;
    DROP TABLE pg_temp.cascade_parts, pg_temp.cascade_changed;
    -- A default may have no parent, either; MATCH FULL takes no row of which only a part is NULL. A key that stands
    -- already, NOT VALID, says so itself.
    IF (strategy = 'set_default' OR match_full AND strategy = 'set_null') AND NOT pg_temp.cascade_is_concurrent() THEN
        PERFORM pg_temp.cascade_refuse_left(strategy, pg_temp.cascade_count_orphans(match_full, to_cols));
    END IF;
END
$cascade$;

-- Refuse to let a number of rows be orphans after they were settled.
CREATE OR REPLACE FUNCTION pg_temp.cascade_refuse_left(strategy text, number bigint) RETURNS void
LANGUAGE plpgsql AS $cascade$
DECLARE
    source oid := (SELECT child FROM pg_temp.cascade_keys AS keys WHERE keys.key = 0);
BEGIN
    IF number > 0 THEN
        PERFORM pg_temp.cascade_refuse(source,
            pg_catalog.format('set to %s, %s would still have no parent%s',
                CASE strategy WHEN 'set_null' THEN 'NULL' ELSE 'the default' END,
                pg_temp.cascade_rows_of(number, source::regclass::text),
                CASE WHEN strategy = 'set_null' THEN ': MATCH FULL wants all columns NULL, or none' ELSE '' END),
            CASE strategy WHEN 'set_null' THEN 'Let the key clear all of its columns'
                ELSE 'Make the row that the default refers to' END
            || ', or settle the orphans by another strategy, such as ''quarantine''.');
    END IF;
END
$cascade$;

-- Count what was done with the listed rows, on top of what was counted before.
CREATE OR REPLACE FUNCTION pg_temp.cascade_count() RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    IF pg_catalog.to_regclass('pg_temp.cascade_counted') IS NULL THEN
        CREATE TEMPORARY TABLE cascade_counted (filed oid, orphans boolean, removed boolean, number bigint);
    END IF;
    INSERT INTO pg_temp.cascade_counted
    SELECT filed, orphans, removed, pg_catalog.sum(number)
    FROM (SELECT relation, round = 0 AS orphans, action = 'r' AS removed, pg_catalog.count(DISTINCT place) AS number
        FROM pg_temp.cascade_rows GROUP BY 1, 2, 3) AS listed,
    LATERAL (SELECT pg_temp.cascade_filed(relation)) AS known (filed)
    GROUP BY 1, 2, 3;
END
$cascade$;

-- What was done, in words.
CREATE OR REPLACE FUNCTION pg_temp.cascade_told(strategy text) RETURNS text LANGUAGE plpgsql STABLE AS $cascade$
DECLARE
    settled bigint := (SELECT pg_catalog.sum(number) FROM pg_temp.cascade_counted WHERE orphans);
BEGIN
    RETURN (
        WITH others AS (
            SELECT pg_catalog.format('%s of %s', pg_catalog.sum(number), filed::regclass) AS part,
                filed::regclass::text AS place, removed
            FROM pg_temp.cascade_counted WHERE NOT orphans GROUP BY filed, removed
        ), joined AS (
            SELECT (SELECT pg_catalog.string_agg(part, ', ' ORDER BY place) FROM others WHERE removed) AS gone,
                (SELECT pg_catalog.string_agg(part, ', ' ORDER BY place) FROM others WHERE NOT removed) AS changed
        )
        SELECT pg_catalog.format('%s %s %s', settled, CASE settled WHEN 1 THEN 'orphan' ELSE 'orphans' END,
            CASE strategy
                WHEN 'quarantine' THEN 'quarantined' WHEN 'delete' THEN 'deleted for good'
                WHEN 'set_null' THEN 'set to NULL' ELSE 'set to the default' END)
            || coalesce(', with them rows: ' || gone, '') || coalesce(', values changed: ' || changed, '')
        FROM joined);
END
$cascade$;
