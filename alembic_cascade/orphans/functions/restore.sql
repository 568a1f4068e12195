-- Put back what a revision took for one key, or for all of its keys where "only_key" is NULL. Returns what was done, in
-- words.
CREATE OR REPLACE FUNCTION pg_temp.cascade_restore(
    revision text, only_key text, home text
) RETURNS TABLE (level text, message text) LANGUAGE plpgsql AS $cascade$
BEGIN
    PERFORM pg_temp.cascade_restore_taken(revision, only_key, home, NULL);
    RETURN QUERY SELECT * FROM pg_temp.cascade_told_of_restore();
    DROP TABLE pg_temp.cascade_restored_rows;
END
$cascade$;

-- Put back what a revision took, all or what it took at one moment. Rows and values that somebody else's stand in the way
-- of stay in the quarantine. Rows hidden by row security would stay what they are: an error instead. And what is kept as
-- text has to be read back by a session with other settings.
CREATE OR REPLACE FUNCTION pg_temp.cascade_restore_taken(
    revision text, only_key text, home text, only_at timestamptz
) RETURNS void LANGUAGE plpgsql
SET row_security TO off SET datestyle TO 'ISO, YMD' SET intervalstyle TO 'postgres' SET extra_float_digits TO 1
SET bytea_output TO 'hex' SET timezone TO 'UTC' AS $cascade$
DECLARE
    taken record;
    targets oid[];
    resume text[];
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    CREATE TEMPORARY TABLE cascade_stores (
        store oid PRIMARY KEY, prefix text, target oid, source text);
    INSERT INTO pg_temp.cascade_stores
    SELECT listed.store, listed.prefix, listed.source, pg_catalog.format('%I.%I', listed.source_schema,
        listed.source_table)
    FROM pg_temp.cascade_stores(revision, home) AS listed;
    -- problem: why an entry stays, NULL where nothing is in its way.
    CREATE TEMPORARY TABLE cascade_entries (
        store oid, id bigint, key text, at timestamptz, batch int, changes boolean, problem text,
        done boolean DEFAULT false, chosen boolean DEFAULT false, tried boolean, hopeless boolean DEFAULT false,
        PRIMARY KEY (store, id));
    PERFORM pg_temp.cascade_list_entries(only_key, only_at);
    UPDATE pg_temp.cascade_entries AS entries SET batch = numbered.batch, hopeless = entries.problem IS NOT NULL
    FROM (SELECT DISTINCT key, at, pg_catalog.dense_rank() OVER (ORDER BY at DESC, key) AS batch
          FROM pg_temp.cascade_entries) AS numbered
    WHERE numbered.key = entries.key AND numbered.at = entries.at;
    -- All that is kept of the tables, whichever revision took it: a row's parent may be among it.
    CREATE TEMPORARY TABLE cascade_all_stores AS
    SELECT listed.store, listed.prefix, listed.source AS target FROM pg_temp.cascade_stores(NULL, home) AS listed;
    ANALYZE pg_temp.cascade_entries;
    targets := ARRAY(
        SELECT DISTINCT target FROM pg_temp.cascade_stores AS stores
        WHERE target IS NOT NULL AND EXISTS (SELECT FROM pg_temp.cascade_entries AS entries
            WHERE entries.store = stores.store)
        ORDER BY target);
    PERFORM pg_temp.cascade_lock(target) FROM pg_catalog.unnest(targets) AS target;
    resume := pg_temp.cascade_suspend(targets, true, NULL);
    -- What was taken last goes back first: an older row of the same key then finds its place taken.
    FOR taken IN SELECT DISTINCT batch FROM pg_temp.cascade_entries ORDER BY batch LOOP
        PERFORM pg_temp.cascade_put_back(taken.batch);
    END LOOP;
    PERFORM pg_temp.cascade_resume(resume);
    PERFORM pg_temp.cascade_count_restored();
    PERFORM pg_temp.cascade_clear_away(ARRAY(SELECT store FROM pg_temp.cascade_stores ORDER BY store), home);
    DROP TABLE pg_temp.cascade_entries, pg_temp.cascade_stores, pg_temp.cascade_all_stores;
    PERFORM pg_temp.cascade_put_off();
END
$cascade$;

-- Put back what one settling took: rows, then values, again as long as more come back; a row may refer to a value.
CREATE OR REPLACE FUNCTION pg_temp.cascade_put_back(this_batch int) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    before bigint := 0;
    after bigint;
BEGIN
    LOOP
        PERFORM pg_temp.cascade_put_back_rows(this_batch);
        PERFORM pg_temp.cascade_keep_with_parents(this_batch, true);
        PERFORM pg_temp.cascade_put_back_values(this_batch);
        SELECT pg_catalog.count(*) FILTER (WHERE done) INTO after FROM pg_temp.cascade_entries
        WHERE batch = this_batch;
        EXIT WHEN after = before OR NOT EXISTS (
            SELECT FROM pg_temp.cascade_entries WHERE batch = this_batch AND NOT done AND NOT hopeless);
        before := after;
        UPDATE pg_temp.cascade_entries SET problem = NULL, tried = NULL
        WHERE batch = this_batch AND NOT done AND NOT hopeless;
    END LOOP;
END
$cascade$;

-- Put back what a revision took for the key between two tables. Returns what was done, in words.
CREATE OR REPLACE FUNCTION pg_temp.cascade_restore_orphans(
    label text, source_table text, referent_table text, local_cols text[], remote_cols text[],
    revision text, home text, if_exists boolean
) RETURNS TABLE (level text, message text) LANGUAGE plpgsql AS $cascade$
DECLARE
    source oid := pg_catalog.to_regclass(source_table);
    referent oid := pg_catalog.to_regclass(referent_table);
    skipped text := pg_temp.cascade_skipped(label, source_table, referent_table, if_exists);
BEGIN
    IF skipped IS NOT NULL THEN
        RETURN QUERY SELECT 'info', skipped;
        RETURN;
    END IF;
    RETURN QUERY SELECT * FROM pg_temp.cascade_restore(revision, pg_temp.cascade_key_text(
        source, pg_temp.cascade_numbers(source, local_cols),
        referent, pg_temp.cascade_numbers(referent, remote_cols)), home);
END
$cascade$;

-- List what is to be put back, and what can't be because its table or a column of it is gone.
CREATE OR REPLACE FUNCTION pg_temp.cascade_list_entries(only_key text, only_at timestamptz) RETURNS void
LANGUAGE plpgsql AS $cascade$
DECLARE
    kept record;
    absent text;
BEGIN
    FOR kept IN SELECT * FROM pg_temp.cascade_stores ORDER BY store LOOP
        SELECT pg_catalog.string_agg(pg_catalog.format('kept.%I IS NOT NULL', stored.name), ' OR ') INTO absent
        FROM pg_temp.cascade_kept_columns(kept.store) AS stored
        WHERE NOT pg_catalog.starts_with(stored.name, kept.prefix) AND kept.target IS NOT NULL AND NOT EXISTS (
            SELECT FROM pg_temp.cascade_kept_columns(kept.target) AS present WHERE present.name = stored.name);
        EXECUTE pg_catalog.format(
            'INSERT INTO pg_temp.cascade_entries (store, id, key, at, changes, problem)
             SELECT %1$s, kept.%2$I, kept.%3$I, kept.%4$I, kept.%5$I IS NOT NULL, CASE WHEN %6$L
                 THEN ''their table is gone''
                 WHEN kept.%5$I IS NULL AND (%7$s) THEN ''a column of theirs is gone'' END
             FROM %8$s AS kept WHERE (%9$L IS NULL OR kept.%3$I = %9$L)
                 AND (%10$L::timestamptz IS NULL OR kept.%4$I = %10$L)',
            kept.store, kept.prefix || 'id', kept.prefix || 'key', kept.prefix || 'at', kept.prefix || 'change',
            kept.target IS NULL, coalesce(absent, 'false'), pg_temp.cascade_table(kept.store), only_key,
            only_at);
    END LOOP;
END
$cascade$;

-- The columns of a kept row as values for its table: names, and expressions on an alias; all but generated ones.
CREATE OR REPLACE FUNCTION pg_temp.cascade_kept_back(store oid, target oid, alias text)
RETURNS TABLE (name text, value text) LANGUAGE sql STABLE AS $cascade$
    SELECT wanted.name, pg_catalog.format('%s.%I%s', $3, wanted.name, CASE
        WHEN present.type = wanted.type THEN ''
        WHEN present.type = 'text' THEN '::' || wanted.type
        ELSE '::text::' || wanted.type END)
    FROM pg_temp.cascade_kept_columns($2) AS wanted JOIN pg_temp.cascade_kept_columns($1) AS present USING (name)
    WHERE NOT wanted.generated
    ORDER BY wanted.number
$cascade$;

-- Put back the removed rows of one key, those of all tables by one statement: keys among them are checked at its end.
CREATE OR REPLACE FUNCTION pg_temp.cascade_put_back_rows(this_batch int) RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    PERFORM pg_temp.cascade_find_unreadable(stores, this_batch, true) FROM pg_temp.cascade_stores AS stores
    WHERE stores.target IS NOT NULL;
    PERFORM pg_temp.cascade_keep_with_parents(this_batch, false);
    -- Nothing in the way is the rule; what is in the way is looked for only where something is.
    BEGIN
        PERFORM pg_temp.cascade_insert_rows(this_batch, NULL, NULL);
        RETURN;
    EXCEPTION WHEN integrity_constraint_violation OR data_exception OR program_limit_exceeded
        OR plpgsql_error OR SQLSTATE 'CA004' THEN
        NULL;
    END;
    PERFORM pg_temp.cascade_find_conflicts(this_batch);
    BEGIN
        PERFORM pg_temp.cascade_insert_rows(this_batch, NULL, NULL);
    EXCEPTION WHEN integrity_constraint_violation OR data_exception OR program_limit_exceeded
        OR plpgsql_error OR SQLSTATE 'CA004' THEN
        PERFORM pg_temp.cascade_insert_one_by_one(this_batch);
    END;
END
$cascade$;

-- What is in the way can't be told beforehand, such as an exclusion constraint: try each row, again after each that
-- came back, since it may be another one's parent.
CREATE OR REPLACE FUNCTION pg_temp.cascade_insert_one_by_one(this_batch int) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    entry record;
    progress boolean;
BEGIN
    LOOP
        progress := false;
        FOR entry IN
            SELECT store, id FROM pg_temp.cascade_entries
            WHERE batch = this_batch AND NOT changes AND NOT done AND coalesce(tried, problem IS NULL) ORDER BY store, id
        LOOP
            BEGIN
                PERFORM pg_temp.cascade_insert_rows(this_batch, entry.store, entry.id);
                progress := true;
            EXCEPTION WHEN integrity_constraint_violation OR data_exception OR program_limit_exceeded
                OR plpgsql_error OR SQLSTATE 'CA004' THEN
                UPDATE pg_temp.cascade_entries AS entries SET tried = true, problem = SQLERRM
                WHERE entries.store = entry.store AND entries.id = entry.id;
                PERFORM pg_temp.cascade_keep_with_parents(this_batch, false);
            END;
        END LOOP;
        EXIT WHEN NOT progress;
    END LOOP;
END
$cascade$;

-- Move entries back into their tables: the one that is named, or all of the key's without a problem.
CREATE OR REPLACE FUNCTION pg_temp.cascade_insert_rows(this_batch int, one_store oid, one_id bigint) RETURNS void
LANGUAGE plpgsql AS $cascade$
DECLARE
    kept record;
    parts text[] := '{}';
    counts text[] := '{}';
    wanted bigint := 0;
    inserted bigint;
    columns record;
    name text;
    meant text := CASE WHEN one_id IS NULL
        THEN pg_catalog.format('batch = %L AND NOT changes AND problem IS NULL', this_batch)
        ELSE pg_catalog.format('store = %s AND id = %s', one_store, one_id) END;
BEGIN
    UPDATE pg_temp.cascade_entries SET chosen = false WHERE batch = this_batch AND chosen;
    EXECUTE pg_catalog.format(
        'UPDATE pg_temp.cascade_entries SET done = true, chosen = true, problem = NULL WHERE %s AND NOT done', meant);
    FOR kept IN
        SELECT stores.*, listed.count
        FROM (SELECT store, pg_catalog.count(*) AS count FROM pg_temp.cascade_entries
              WHERE batch = this_batch AND chosen GROUP BY store) AS listed
        JOIN pg_temp.cascade_stores AS stores USING (store)
        ORDER BY store
    LOOP
        wanted := wanted + kept.count;
        name := 'part_' || pg_catalog.cardinality(counts);
        SELECT pg_catalog.string_agg(pg_catalog.quote_ident(back.name), ', ') AS names,
            pg_catalog.string_agg(back.value, ', ') AS "values" INTO columns
        FROM pg_temp.cascade_kept_back(kept.store, kept.target, name) AS back;
        parts := parts || pg_catalog.format(
            '%1$s AS (DELETE FROM %2$s AS taken WHERE %3$I = ANY (ARRAY(
                 SELECT id FROM pg_temp.cascade_entries
                 WHERE store = %4$s AND batch = %5$s AND chosen)) RETURNING taken.*),
             back_%1$s AS (INSERT INTO %6$s (%7$s) OVERRIDING SYSTEM VALUE SELECT %8$s
                 FROM %1$s ORDER BY %1$s.%3$I RETURNING 1)',
            name, pg_temp.cascade_table(kept.store), kept.prefix || 'id', kept.store, this_batch,
            pg_temp.cascade_table(kept.target), columns.names, columns."values");
        counts := counts || pg_catalog.format('(SELECT pg_catalog.count(*) FROM back_%s)', name);
    END LOOP;
    IF pg_catalog.cardinality(counts) = 0 THEN
        RETURN;
    END IF;
    EXECUTE pg_catalog.format('WITH %s SELECT %s', pg_catalog.array_to_string(parts, ', '),
        pg_catalog.array_to_string(counts, ' + ')) INTO inserted;
    IF inserted <> wanted THEN
        RAISE SQLSTATE 'CA004' USING MESSAGE = 'a rule of their table refuses them';
    END IF;
END
$cascade$;

-- Put back the values that rows lost for one key, where they still hold what they were left with.
CREATE OR REPLACE FUNCTION pg_temp.cascade_put_back_values(this_batch int) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    kept record;
    alike record;
    entry bigint;
BEGIN
    FOR kept IN
        SELECT stores.* FROM pg_temp.cascade_stores AS stores
        WHERE EXISTS (SELECT FROM pg_temp.cascade_entries AS entries WHERE entries.store = stores.store
            AND entries.batch = this_batch AND entries.changes AND entries.problem IS NULL)
        ORDER BY store
    LOOP
        FOR alike IN EXECUTE pg_catalog.format(
            'SELECT pg_catalog.array_agg(id ORDER BY id) AS ids, found_by, changed, altered FROM (
                 SELECT entries.id, ARRAY(SELECT pg_catalog.jsonb_array_elements_text(told -> ''found_by'')) AS found_by,
                     ARRAY(SELECT pg_catalog.jsonb_array_elements_text(told -> ''set'')) AS changed,
                     ARRAY(SELECT pg_catalog.jsonb_object_keys(told -> ''left'') ORDER BY 1) AS altered
                 FROM %s AS kept JOIN pg_temp.cascade_entries AS entries
                     ON entries.store = %s AND entries.id = kept.%I AND entries.batch = %L AND entries.changes
                         AND entries.problem IS NULL,
                 LATERAL (SELECT kept.%I) AS change (told)) AS entry
             GROUP BY found_by, changed, altered ORDER BY pg_catalog.min(id)',
            pg_temp.cascade_table(kept.store), kept.store, kept.prefix || 'id', this_batch, kept.prefix || 'change')
        LOOP
            BEGIN
                PERFORM pg_temp.cascade_update_rows(kept, alike.ids, alike.found_by, alike.changed, alike.altered);
            EXCEPTION WHEN integrity_constraint_violation OR data_exception OR program_limit_exceeded
                OR plpgsql_error THEN
                -- One by one: what is in the way of one need not be in the way of the others.
                FOREACH entry IN ARRAY alike.ids LOOP
                    BEGIN
                        PERFORM pg_temp.cascade_update_rows(
                            kept, ARRAY[entry], alike.found_by, alike.changed, alike.altered);
                    EXCEPTION WHEN integrity_constraint_violation OR data_exception OR program_limit_exceeded
                        OR plpgsql_error THEN
                        UPDATE pg_temp.cascade_entries AS entries SET problem = 'the old value is refused: ' || SQLERRM
                        WHERE entries.store = kept.store AND entries.id = entry;
                    END;
                END LOOP;
            END;
        END LOOP;
    END LOOP;
END
$cascade$;

-- Put back the values of entries that are alike: found by the same columns, with the same columns changed.
CREATE OR REPLACE FUNCTION pg_temp.cascade_update_rows(
    kept record, ids bigint[], found_by text[], changed text[], altered text[]
) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    setters text;
    unchanged text;
    id_column text := kept.prefix || 'id';
    restored bigint[];
    already bigint[];
BEGIN
    IF pg_catalog.cardinality(altered) = 0 THEN
        RETURN;
    END IF;
    SELECT pg_catalog.string_agg(pg_catalog.format(
            '%I = CASE WHEN found.%1$I::text IS NOT DISTINCT FROM kept.%2$I -> ''left'' ->> %1$L THEN %3$s ELSE found.%1$I END',
            back.name, kept.prefix || 'change', back.value), ', '),
        pg_catalog.string_agg(pg_catalog.format('found.%I::text IS NOT DISTINCT FROM kept.%I -> ''left'' ->> %1$L',
            back.name, kept.prefix || 'change'), ' AND ') FILTER (WHERE back.name = ANY (changed))
    INTO setters, unchanged
    FROM pg_temp.cascade_kept_back(kept.store, kept.target, 'kept') AS back
    WHERE back.name = ANY (altered);
    EXECUTE pg_catalog.format(
        'WITH back AS (
             UPDATE %s AS found SET %s FROM %s AS kept
             WHERE kept.%I = ANY ($1) AND %s AND %s RETURNING kept.%4$I AS id),
         gone AS (DELETE FROM %3$s AS kept WHERE kept.%4$I IN (SELECT id FROM back))
         SELECT pg_catalog.array_agg(id) FROM back',
        pg_temp.cascade_scan(kept.target), setters, pg_temp.cascade_table(kept.store), id_column,
        pg_temp.cascade_same_row(kept.store, kept.target, found_by), coalesce(unchanged, 'true'))
    INTO restored USING ids;
    -- The database itself may have put a value back, with the row that it follows.
    EXECUTE pg_catalog.format(
        'WITH back AS (
             DELETE FROM %1$s AS kept USING %2$s AS found
             WHERE kept.%3$I = ANY ($1) AND %4$s AND %5$s RETURNING kept.%3$I AS id)
         SELECT pg_catalog.array_agg(id) FROM back',
        pg_temp.cascade_table(kept.store), pg_temp.cascade_scan(kept.target), id_column,
        pg_temp.cascade_same_row(kept.store, kept.target, found_by),
        (SELECT pg_catalog.string_agg(
                pg_catalog.format('found.%I::text IS NOT DISTINCT FROM (%s)::text', back.name, back.value), ' AND ')
         FROM pg_temp.cascade_kept_back(kept.store, kept.target, 'kept') AS back WHERE back.name = ANY (altered)))
    INTO already USING ids;
    restored := restored || already;
    UPDATE pg_temp.cascade_entries AS entries
    SET done = entries.id = ANY (coalesce(restored, '{}')),
        problem = CASE WHEN entries.id = ANY (coalesce(restored, '{}')) THEN NULL
            ELSE 'the row is gone, or its value was changed since' END
    WHERE entries.store = kept.store AND entries.id = ANY (ids);
END
$cascade$;

-- Count what was put back and what stays, on top of what was counted before.
CREATE OR REPLACE FUNCTION pg_temp.cascade_count_restored() RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    IF pg_catalog.to_regclass('pg_temp.cascade_restored_rows') IS NULL THEN
        CREATE TEMPORARY TABLE cascade_restored_rows (
        source text, store text, changes boolean, problem text, done boolean, number bigint);
    END IF;
    IF pg_catalog.to_regclass('pg_temp.cascade_entries') IS NOT NULL THEN
        INSERT INTO pg_temp.cascade_restored_rows
        SELECT coalesce(target::regclass::text, source), pg_temp.cascade_table(store), changes, problem, done,
            pg_catalog.count(*)
        FROM pg_temp.cascade_entries JOIN pg_temp.cascade_stores USING (store)
        GROUP BY 1, 2, 3, 4, 5;
    END IF;
END
$cascade$;

-- What was put back and what stays, in words.
CREATE OR REPLACE FUNCTION pg_temp.cascade_told_of_restore() RETURNS TABLE (level text, message text)
LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN QUERY
    WITH counted AS (
        SELECT restored.source, restored.store, changes, problem, done, pg_catalog.sum(restored.number) AS number
        FROM pg_temp.cascade_restored_rows AS restored GROUP BY 1, 2, 3, 4, 5
    ), back AS (
        SELECT pg_catalog.string_agg(
            CASE WHEN changes THEN pg_catalog.format('values in %s', pg_temp.cascade_rows_of(number::bigint, source))
                ELSE pg_temp.cascade_rows_of(number::bigint, source) END, ', ' ORDER BY changes, source) AS message
        FROM counted WHERE done
    )
    SELECT 'info', 'restored ' || back.message FROM back WHERE back.message IS NOT NULL
    UNION ALL
    SELECT 'info', 'nothing to restore' WHERE NOT EXISTS (SELECT FROM counted)
    UNION ALL
    SELECT * FROM (
        SELECT 'warning', pg_catalog.format('%s%s %s in the quarantine table %s: %s', CASE WHEN changes
            THEN 'values of ' ELSE '' END,
            pg_temp.cascade_rows_of(number::bigint, source), CASE WHEN number = 1 AND NOT changes THEN 'stays' ELSE 'stay' END,
            store, problem)
        FROM counted WHERE NOT done ORDER BY source, changes, problem) AS staying;
END
$cascade$;
