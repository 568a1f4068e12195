-- Find out which rows to be put back something is in the way of: values that can't be read any more, columns that
-- allow no NULL, checks, unique keys taken by other rows, parents that are gone; the last as long as more of them show.
CREATE OR REPLACE FUNCTION pg_temp.cascade_find_conflicts(this_key text) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    kept record;
    found_more bigint;
BEGIN
    FOR kept IN
        SELECT stores.* FROM pg_temp.cascade_stores AS stores
        WHERE EXISTS (SELECT FROM pg_temp.cascade_entries AS entries WHERE entries.store = stores.store
            AND entries.key = this_key AND NOT entries.changes AND entries.problem IS NULL)
        ORDER BY store
    LOOP
        PERFORM pg_temp.cascade_find_unreadable(kept, this_key);
        PERFORM pg_temp.cascade_find_refused(kept, this_key);
        PERFORM pg_temp.cascade_find_taken(kept, this_key);
    END LOOP;
    LOOP
        found_more := pg_temp.cascade_keep_with_parents(this_key, false) + pg_temp.cascade_find_parentless(this_key);
        EXIT WHEN found_more = 0;
    END LOOP;
END
$cascade$;

-- Mark the entries that a query over "restored" selects by their id; returns their number.
CREATE OR REPLACE FUNCTION pg_temp.cascade_mark(kept record, this_key text, problem text, condition text) RETURNS bigint
LANGUAGE plpgsql AS $cascade$
DECLARE
    marked bigint;
BEGIN
    EXECUTE pg_catalog.format(
        -- The condition names the table's columns, which may be called as ours are: it stands in a query of its own.
        'UPDATE pg_temp.cascade_entries AS entries SET problem = %L
         WHERE entries.store = %s AND entries.id IN (SELECT restored.%I FROM (%s) AS restored WHERE %s)',
        problem, kept.store, kept.prefix || 'id', pg_temp.cascade_restored(kept, this_key), condition);
    GET DIAGNOSTICS marked = ROW_COUNT;
    RETURN marked;
END
$cascade$;

-- The rows to be put back as they will stand in their table, under the names of its columns.
CREATE OR REPLACE FUNCTION pg_temp.cascade_restored(kept record, this_key text) RETURNS text
LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN pg_temp.cascade_as_in_table(kept, pg_catalog.format(
        'kept.%I = ANY (ARRAY(
             SELECT id FROM pg_temp.cascade_entries
             WHERE store = %s AND key = %L AND NOT changes AND problem IS NULL))',
        kept.prefix || 'id', kept.store, this_key));
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
BEGIN
    EXECUTE pg_catalog.format('SELECT $1::%s', type) USING value;
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN false;
END
$cascade$;

CREATE OR REPLACE FUNCTION pg_temp.cascade_find_unreadable(kept record, this_key text) RETURNS void
LANGUAGE plpgsql AS $cascade$
DECLARE
    checked record;
BEGIN
    FOR checked IN
        SELECT wanted.name, wanted.type
        FROM pg_temp.cascade_kept_columns(kept.target) AS wanted
        JOIN pg_temp.cascade_kept_columns(kept.store) AS present USING (name)
        WHERE present.type <> wanted.type
    LOOP
        EXECUTE pg_catalog.format(
            'UPDATE pg_temp.cascade_entries AS entries SET problem = %L FROM %s AS kept
             WHERE entries.store = %s AND entries.id = kept.%I AND entries.key = %L AND NOT entries.changes
                 AND entries.problem IS NULL AND NOT pg_temp.cascade_is_readable(kept.%I::text, %L)',
            pg_catalog.format('%s takes no such value any more', checked.name), pg_temp.cascade_table(kept.store),
                kept.store,
            kept.prefix || 'id', this_key, checked.name, checked.type);
    END LOOP;
END
$cascade$;

CREATE OR REPLACE FUNCTION pg_temp.cascade_find_refused(kept record, this_key text) RETURNS void
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
            PERFORM pg_temp.cascade_mark(kept, this_key, refusing.problem, refusing.condition);
        EXCEPTION WHEN data_exception OR plpgsql_error OR program_limit_exceeded THEN
            -- A check that fails by itself refuses some row; which one shows when each is tried.
            NULL;
        END;
    END LOOP;
END
$cascade$;

CREATE OR REPLACE FUNCTION pg_temp.cascade_find_taken(kept record, this_key text) RETURNS void
LANGUAGE plpgsql AS $cascade$
DECLARE
    uniqueness record;
BEGIN
    FOR uniqueness IN
        SELECT indexrelid::regclass AS name, coalesce(pg_catalog.pg_get_expr(indpred, indrelid), 'true') AS predicate,
            coalesce((pg_catalog.to_jsonb(pg_index) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_equal,
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
            PERFORM pg_temp.cascade_mark(kept, this_key,
                pg_catalog.format('their values in %s are taken by other rows', uniqueness.name),
            pg_catalog.format('restored.%1$I IN (
                SELECT coming.cascade_entry FROM (SELECT %1$I AS cascade_entry, %2$s FROM (%3$s) AS restored
                    WHERE %4$s) AS coming
                JOIN (SELECT %2$s FROM %5$s WHERE %4$s) AS present ON %6$s)',
                kept.prefix || 'id', uniqueness.parts, pg_temp.cascade_restored(kept, this_key), uniqueness.predicate,
                pg_temp.cascade_scan(kept.target), uniqueness.equality));
        EXCEPTION WHEN data_exception OR plpgsql_error OR program_limit_exceeded THEN
            NULL;
        END;
    END LOOP;
END
$cascade$;

-- Mark the entries that refer to an entry that stays: another row may have its key by now. Returns their number.
CREATE OR REPLACE FUNCTION pg_temp.cascade_keep_with_parents(this_key text, changed boolean) RETURNS bigint
LANGUAGE plpgsql AS $cascade$
DECLARE
    passing record;
    marked bigint;
    all_marked bigint := 0;
BEGIN
    FOR passing IN
        SELECT conname, confrelid AS parent, conkey, confkey, children AS child_store, parents AS parent_store
        FROM pg_temp.cascade_stores AS children
        JOIN pg_catalog.pg_constraint AS constrained ON contype = 'f' AND conparentid = 0 AND conrelid = children.target
            AND coalesce((pg_catalog.to_jsonb(constrained) ->> 'conenforced')::boolean, true)
        JOIN pg_temp.cascade_stores AS parents ON parents.target = pg_temp.cascade_filed(confrelid)
        WHERE EXISTS (SELECT FROM pg_temp.cascade_entries AS entries WHERE entries.store = parents.store
            AND entries.key = this_key AND NOT entries.changes AND entries.problem IS NOT NULL)
        ORDER BY children.store, conname
    LOOP
        EXECUTE pg_catalog.format(
            'UPDATE pg_temp.cascade_entries AS entries SET problem = %L
             WHERE entries.store = %s AND entries.key = %L AND entries.changes = %L AND entries.problem IS NULL
                 AND NOT entries.done AND entries.id IN (
                     SELECT child.%I FROM %s AS child JOIN (%s) AS parent ON %s)',
            pg_catalog.format('their parent by %I stays, too', passing.conname), (passing.child_store).store,
                this_key, changed,
            (passing.child_store).prefix || 'id',
            pg_catalog.format('(%s)', pg_temp.cascade_as_in_table(passing.child_store, 'true')),
            pg_temp.cascade_as_in_table(passing.parent_store, pg_catalog.format(
                'kept.%I IN (SELECT id FROM pg_temp.cascade_entries
                    WHERE store = %s AND key = %L AND NOT changes AND problem IS NOT NULL)',
                (passing.parent_store).prefix || 'id', (passing.parent_store).store, this_key)),
            pg_temp.cascade_reference((passing.child_store).target, passing.conkey, passing.parent, passing.confkey));
        GET DIAGNOSTICS marked = ROW_COUNT;
        all_marked := all_marked + marked;
    END LOOP;
    RETURN all_marked;
END
$cascade$;

-- Mark the entries whose parent is neither there nor put back with them; returns their number.
CREATE OR REPLACE FUNCTION pg_temp.cascade_find_parentless(this_key text) RETURNS bigint LANGUAGE plpgsql AS $cascade$
DECLARE
    kept record;
    passing record;
    beside text;
    marked bigint := 0;
BEGIN
    FOR kept IN
        SELECT stores.* FROM pg_temp.cascade_stores AS stores
        WHERE EXISTS (SELECT FROM pg_temp.cascade_entries AS entries WHERE entries.store = stores.store
            AND entries.key = this_key AND NOT entries.changes AND entries.problem IS NULL)
        ORDER BY store
    LOOP
        FOR passing IN
            SELECT conname, confrelid AS parent, conkey, confkey FROM pg_catalog.pg_constraint AS constrained
            WHERE contype = 'f' AND conparentid = 0 AND conrelid = kept.target
                AND coalesce((pg_catalog.to_jsonb(constrained) ->> 'conenforced')::boolean, true)
            ORDER BY conname
        LOOP
            SELECT pg_catalog.string_agg(pg_catalog.format(' AND NOT EXISTS (SELECT FROM (%s) AS parent WHERE %s)',
                pg_temp.cascade_restored(parents, this_key),
                pg_temp.cascade_reference(kept.target, passing.conkey, passing.parent, passing.confkey)),
                    '') INTO beside
            FROM pg_temp.cascade_stores AS parents WHERE parents.target = passing.parent;
            marked := marked + pg_temp.cascade_mark(kept, this_key,
                pg_catalog.format('their parent by %I is gone', passing.conname),
                pg_catalog.format('restored.%I IN (SELECT child.%1$I FROM (%s) AS child
                    WHERE %s AND NOT EXISTS (SELECT FROM %s AS parent WHERE %s)%s)',
                    kept.prefix || 'id', pg_temp.cascade_restored(kept, this_key),
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
