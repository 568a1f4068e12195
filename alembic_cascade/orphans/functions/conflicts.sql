-- Find out which rows to be put back something is in the way of: values that can't be read any more, columns that
-- allow no NULL, checks, unique keys taken by other rows, parents that are gone; the last as long as more of them show.
CREATE OR REPLACE FUNCTION pg_temp.cascade_find_conflicts(this_batch int) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    kept record;
    found_more bigint;
BEGIN
    FOR kept IN
        SELECT stores.* FROM pg_temp.cascade_stores AS stores
        WHERE EXISTS (SELECT FROM pg_temp.cascade_entries AS entries WHERE entries.store = stores.store
            AND entries.batch = this_batch AND NOT entries.changes AND entries.problem IS NULL)
        ORDER BY store
    LOOP
        PERFORM pg_temp.cascade_find_unreadable(kept, this_batch, false);
        PERFORM pg_temp.cascade_find_refused(kept, this_batch);
        PERFORM pg_temp.cascade_find_taken(kept, this_batch);
    END LOOP;
    LOOP
        found_more := pg_temp.cascade_keep_with_parents(this_batch, false) + pg_temp.cascade_find_parentless(this_batch);
        EXIT WHEN found_more = 0;
    END LOOP;
END
$cascade$;

-- Mark the entries that a query over "restored" selects by their id; returns their number.
CREATE OR REPLACE FUNCTION pg_temp.cascade_mark(kept record, this_batch int, problem text, condition text) RETURNS bigint
LANGUAGE plpgsql AS $cascade$
DECLARE
    marked bigint;
BEGIN
    EXECUTE pg_catalog.format(
        -- The condition names the table's columns, which may be called as ours are: it stands in a query of its own.
        'UPDATE pg_temp.cascade_entries AS entries SET problem = %L
         WHERE entries.store = %s AND entries.id IN (SELECT restored.%I FROM (%s) AS restored WHERE %s)',
        problem, kept.store, kept.prefix || 'id', pg_temp.cascade_restored(kept, this_batch), condition);
    GET DIAGNOSTICS marked = ROW_COUNT;
    RETURN marked;
END
$cascade$;

-- The rows to be put back as they will stand in their table, under the names of its columns.
CREATE OR REPLACE FUNCTION pg_temp.cascade_restored(kept record, this_batch int) RETURNS text
LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN pg_temp.cascade_as_in_table(kept, pg_catalog.format(
        'kept.%I = ANY (ARRAY(
             SELECT id FROM pg_temp.cascade_entries
             WHERE store = %s AND batch = %L AND NOT changes AND problem IS NULL))',
        kept.prefix || 'id', kept.store, this_batch));
END
$cascade$;

-- Kept rows that a condition selects, as they would stand in their table.
CREATE OR REPLACE FUNCTION pg_temp.cascade_as_in_table(kept record, condition text) RETURNS text
LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN pg_catalog.format(
        'SELECT kept.%1$I%2$s FROM %3$s AS kept WHERE %4$s',
        kept.prefix || 'id',
        (SELECT pg_catalog.string_agg(pg_catalog.format(', %s AS %I', CASE
                WHEN present.name IS NULL THEN pg_catalog.format('(%s)::%s', coalesce(
                    (SELECT pg_catalog.pg_get_expr(adbin, adrelid) FROM pg_catalog.pg_attrdef
                     WHERE adrelid = kept.target AND adnum = wanted.number AND NOT wanted.generated), 'NULL'),
                         wanted.type)
                WHEN present.type = wanted.type THEN pg_catalog.format('kept.%I', wanted.name)
                ELSE pg_catalog.format('kept.%I::text::%s', wanted.name, wanted.type) END, wanted.name),
                    '' ORDER BY wanted.number)
         FROM pg_temp.cascade_kept_columns(kept.target) AS wanted
         LEFT JOIN pg_temp.cascade_kept_columns(kept.store) AS present USING (name)),
        pg_temp.cascade_table(kept.store), condition);
END
$cascade$;

-- Whether a text is a value of a type.
CREATE OR REPLACE FUNCTION pg_temp.cascade_is_readable(value text, type text) RETURNS boolean
LANGUAGE plpgsql AS $cascade$
DECLARE
    read_back text;
BEGIN
    EXECUTE pg_catalog.format('SELECT ($1::%s)::text', type) INTO read_back USING value;
    -- Cut or rounded is not the same; longer, as a date that has become a timestamp, is.
    RETURN value IS NULL OR pg_catalog.starts_with(read_back, value);
EXCEPTION WHEN OTHERS THEN
    RETURN false;
END
$cascade$;

-- Mark the entries with a value that its column does not take any more, or would cut; with "changed_types" only where
-- the column's type is another one than it was.
CREATE OR REPLACE FUNCTION pg_temp.cascade_find_unreadable(kept record, this_batch int, changed_types boolean)
RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    checked record;
BEGIN
    FOR checked IN
        SELECT wanted.name, wanted.type
        FROM pg_temp.cascade_kept_columns(kept.target) AS wanted
        JOIN pg_temp.cascade_kept_columns(kept.store) AS present USING (name)
        WHERE present.type <> wanted.type AND NOT wanted.generated AND (wanted.own OR NOT changed_types)
    LOOP
        EXECUTE pg_catalog.format(
            'UPDATE pg_temp.cascade_entries AS entries SET problem = %L FROM %s AS kept
             WHERE entries.store = %s AND entries.id = kept.%I AND entries.batch = %L
                 AND entries.problem IS NULL AND NOT pg_temp.cascade_is_readable(kept.%I::text, %L)',
            pg_catalog.format('%s takes no such value any more', checked.name), pg_temp.cascade_table(kept.store),
            kept.store, kept.prefix || 'id', this_batch, checked.name, checked.type);
    END LOOP;
END
$cascade$;

CREATE OR REPLACE FUNCTION pg_temp.cascade_find_refused(kept record, this_batch int) RETURNS void
LANGUAGE plpgsql AS $cascade$
DECLARE
    refusing record;
BEGIN
    FOR refusing IN
        SELECT pg_catalog.format('%I allows no NULL', attname) AS problem, pg_catalog.format('restored.%I IS NULL',
            attname) AS condition
        FROM pg_catalog.pg_attribute
        WHERE attrelid = kept.target AND attnum > 0 AND NOT attisdropped AND attnotnull AND attgenerated = ''
            -- A column that came since fills itself by its default.
            AND (NOT atthasdef AND attidentity = '' OR EXISTS (SELECT
                FROM pg_temp.cascade_kept_columns(kept.store) AS present
                WHERE present.name = attname))
        UNION ALL
        SELECT pg_catalog.format('the check %I refuses them', conname), pg_catalog.format('NOT (%s)',
            pg_catalog.pg_get_expr(conbin, conrelid))
        FROM pg_catalog.pg_constraint AS checked WHERE contype = 'c' AND conrelid = kept.target
            AND coalesce((pg_catalog.to_jsonb(checked) ->> 'conenforced')::boolean, true)
    LOOP
        BEGIN
            PERFORM pg_temp.cascade_mark(kept, this_batch, refusing.problem, refusing.condition);
        EXCEPTION WHEN data_exception OR plpgsql_error OR program_limit_exceeded
            OR syntax_error_or_access_rule_violation THEN
            -- A check that fails by itself refuses some row; which one shows when each is tried.
            NULL;
        END;
    END LOOP;
END
$cascade$;

CREATE OR REPLACE FUNCTION pg_temp.cascade_find_taken(kept record, this_batch int) RETURNS void
LANGUAGE plpgsql AS $cascade$
DECLARE
    uniqueness record;
BEGIN
    FOR uniqueness IN
        SELECT indexrelid::regclass AS name, coalesce(pg_catalog.pg_get_expr(indpred, indrelid), 'true') AS predicate,
            (SELECT pg_catalog.string_agg(pg_catalog.format('%s AS part_%s', pg_catalog.pg_get_indexdef(indexrelid,
                place, true), place), ', ')
             FROM pg_catalog.generate_series(1, indnkeyatts) AS place) AS parts,
            (SELECT pg_catalog.string_agg(pg_catalog.format('present.part_%s %s coming.part_%1$s', place, CASE
                    WHEN coalesce((pg_catalog.to_jsonb(pg_index) ->> 'indnullsnotdistinct')::boolean, false)
                    THEN 'IS NOT DISTINCT FROM' ELSE '=' END), ' AND ')
             FROM pg_catalog.generate_series(1, indnkeyatts) AS place) AS equality
        FROM pg_catalog.pg_index WHERE indrelid = kept.target AND indisunique AND indisvalid
        ORDER BY indexrelid
    LOOP
        BEGIN
            PERFORM pg_temp.cascade_mark(kept, this_batch,
                pg_catalog.format('their values in %s are taken by other rows', uniqueness.name),
            pg_catalog.format('restored.%1$I IN (
                SELECT coming.cascade_entry FROM (SELECT %1$I AS cascade_entry, %2$s FROM (%3$s) AS restored
                    WHERE %4$s) AS coming
                JOIN (SELECT %2$s FROM %5$s WHERE %4$s) AS present ON %6$s)',
                kept.prefix || 'id', uniqueness.parts, pg_temp.cascade_restored(kept, this_batch), uniqueness.predicate,
                pg_temp.cascade_scan(kept.target), uniqueness.equality));
        EXCEPTION WHEN data_exception OR plpgsql_error OR program_limit_exceeded
            OR syntax_error_or_access_rule_violation THEN
            NULL;
        END;
    END LOOP;
END
$cascade$;

-- Mark the entries whose parent is still kept: another row may have its key by now. Of several the parent is one that
-- went with the row, or after it; what went before had its key before. Returns their number.
CREATE OR REPLACE FUNCTION pg_temp.cascade_keep_with_parents(this_batch int, changed boolean) RETURNS bigint
LANGUAGE plpgsql AS $cascade$
DECLARE
    child record;
    parent record;
    passing record;
    marked bigint;
    all_marked bigint := 0;
BEGIN
    FOR child IN
        SELECT stores.* FROM pg_temp.cascade_stores AS stores
        WHERE target IS NOT NULL AND EXISTS (
            SELECT FROM pg_temp.cascade_entries AS entries WHERE entries.store = stores.store
                AND entries.batch = this_batch AND entries.changes = changed AND entries.problem IS NULL)
        ORDER BY store
    LOOP
        FOR passing IN
            SELECT * FROM pg_temp.cascade_keys_of(child.target) ORDER BY conname
        LOOP
            FOR parent IN
                SELECT all_stores.* FROM pg_temp.cascade_all_stores AS all_stores
                WHERE target = pg_temp.cascade_filed(passing.parent) ORDER BY store
            LOOP
                EXECUTE pg_catalog.format(
                    'UPDATE pg_temp.cascade_entries AS entries SET problem = %1$L
                     WHERE entries.store = %2$s AND entries.batch = %3$s AND entries.changes = %4$L
                         AND entries.problem IS NULL AND NOT entries.done AND entries.id IN (
                             SELECT child.%5$I FROM (%6$s) AS child JOIN (%7$s) AS parent ON %8$s
                             JOIN %9$s AS gone ON gone.%10$I = parent.%10$I WHERE gone.%11$I >= entries.at)',
                    pg_catalog.format('their parent by %I stays, too', passing.conname), child.store, this_batch,
                    changed, child.prefix || 'id', pg_temp.cascade_as_in_table(child, 'true'),
                    pg_temp.cascade_as_in_table(parent, pg_catalog.format(
                        'kept.%I IS NULL AND NOT EXISTS (SELECT FROM pg_temp.cascade_entries AS pending
                            WHERE pending.store = %s AND pending.id = kept.%I AND pending.batch = %s
                                AND NOT pending.changes AND pending.problem IS NULL AND NOT pending.done)',
                        parent.prefix || 'change', parent.store, parent.prefix || 'id', this_batch)),
                    pg_temp.cascade_reference(child.target, passing.conkey, passing.parent, passing.confkey),
                    pg_temp.cascade_table(parent.store), parent.prefix || 'id', parent.prefix || 'at');
                GET DIAGNOSTICS marked = ROW_COUNT;
                all_marked := all_marked + marked;
            END LOOP;
        END LOOP;
    END LOOP;
    RETURN all_marked;
END
$cascade$;

-- Mark the entries whose parent is neither there nor put back with them; returns their number.
CREATE OR REPLACE FUNCTION pg_temp.cascade_find_parentless(this_batch int) RETURNS bigint LANGUAGE plpgsql AS $cascade$
DECLARE
    kept record;
    passing record;
    beside text;
    marked bigint := 0;
BEGIN
    FOR kept IN
        SELECT stores.* FROM pg_temp.cascade_stores AS stores
        WHERE EXISTS (SELECT FROM pg_temp.cascade_entries AS entries WHERE entries.store = stores.store
            AND entries.batch = this_batch AND NOT entries.changes AND entries.problem IS NULL)
        ORDER BY store
    LOOP
        FOR passing IN
            SELECT * FROM pg_temp.cascade_keys_of(kept.target) ORDER BY conname
        LOOP
            SELECT pg_catalog.string_agg(pg_catalog.format(' AND NOT EXISTS (SELECT FROM (%s) AS parent WHERE %s)',
                pg_temp.cascade_restored(parents, this_batch),
                pg_temp.cascade_reference(kept.target, passing.conkey, passing.parent, passing.confkey)),
                    '') INTO beside
            FROM pg_temp.cascade_stores AS parents WHERE parents.target = pg_temp.cascade_filed(passing.parent);
            marked := marked + pg_temp.cascade_mark(kept, this_batch,
                pg_catalog.format('their parent by %I is gone', passing.conname),
                pg_catalog.format('restored.%I IN (SELECT child.%1$I FROM (%s) AS child
                    WHERE %s AND NOT EXISTS (SELECT FROM %s AS parent WHERE %s)%s)',
                    kept.prefix || 'id', pg_temp.cascade_restored(kept, this_batch),
                    (SELECT pg_catalog.string_agg(pg_catalog.format('child.%I IS NOT NULL', name), ' AND ')
                     FROM pg_catalog.unnest(pg_temp.cascade_names(kept.target, passing.conkey)) AS name),
                    pg_temp.cascade_scan(passing.parent),
                    pg_temp.cascade_reference(kept.target, passing.conkey, passing.parent, passing.confkey),
                    coalesce(beside, '')));
        END LOOP;
    END LOOP;
    RETURN marked;
END
$cascade$;
