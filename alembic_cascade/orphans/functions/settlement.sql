-- The condition by which a statement on a table reaches listed rows, of its partitions too; "listed" is what follows
-- "SELECT relation, place".
CREATE OR REPLACE FUNCTION pg_temp.cascade_reaches(relation oid, alias text, listed text) RETURNS text
LANGUAGE sql STABLE AS $cascade$
    -- The list as an array keeps the planner to a scan by ctid, whatever it thinks of the number of rows.
    SELECT pg_catalog.format('%1$s.ctid = ANY (ARRAY(SELECT place %2$s))', $2, $3)
        || CASE relkind WHEN 'p'
            THEN pg_catalog.format(' AND (%1$s.tableoid, %1$s.ctid) IN (SELECT relation, place %2$s)', $2, $3)
                ELSE '' END
    FROM pg_catalog.pg_class WHERE oid = $1
$cascade$;

-- Refuse to go on, with nothing changed.
CREATE OR REPLACE FUNCTION pg_temp.cascade_refuse(relation oid, problem text, advice text) RETURNS void
LANGUAGE plpgsql AS $cascade$
BEGIN
    RAISE SQLSTATE 'CA004' USING MESSAGE = problem, HINT = 'Nothing was changed. ' || advice,
        TABLE = relation::regclass::text;
END
$cascade$;

-- Why a row was touched, as the quarantine says it.
CREATE OR REPLACE FUNCTION pg_temp.cascade_reason(key oid, action "char") RETURNS text
LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN (
        SELECT CASE WHEN keys.key = 0 THEN 'orphan'
            ELSE CASE $2 WHEN 'f' THEN 'ON UPDATE ' ELSE 'ON DELETE ' END
                || CASE CASE $2 WHEN 'f' THEN keys.onupdate ELSE keys.ondelete END
                    WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END END
        FROM pg_temp.cascade_keys AS keys WHERE keys.key = $1);
END
$cascade$;

-- The primary or unique key by which a row can be found again while other columns of it change.
CREATE OR REPLACE FUNCTION pg_temp.cascade_row_key(relation oid, changing text[]) RETURNS text[]
LANGUAGE sql STABLE AS $cascade$
    SELECT found.names
    FROM pg_catalog.pg_index,
    LATERAL (
        SELECT pg_catalog.array_agg(attname::text ORDER BY place), pg_catalog.bool_and(attnotnull)
        FROM pg_catalog.unnest((indkey::int2[])[0:indnkeyatts - 1]) WITH ORDINALITY AS member (number, place)
        JOIN pg_catalog.pg_attribute ON attrelid = indrelid AND attnum = member.number
    ) AS found (names, filled)
    WHERE indrelid = $1 AND indisunique AND indisvalid AND indpred IS NULL AND indexprs IS NULL
        AND NOT found.names && $2
    ORDER BY indisprimary DESC, found.filled DESC, pg_catalog.cardinality(found.names), indexrelid
    LIMIT 1
$cascade$;

-- That the row "found" of a table is the one that the row "kept" of its quarantine was.
CREATE OR REPLACE FUNCTION pg_temp.cascade_same_row(store oid, relation oid, row_key text[]) RETURNS text
LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.string_agg(
        pg_catalog.format('found.%1$I %2$s kept.%1$I%3$s', name, pg_temp.cascade_equality($2, kept.number),
            CASE WHEN present.type = kept.type THEN '' ELSE '::text::' || kept.type END), ' AND ')
    FROM pg_temp.cascade_kept_columns($2) AS kept JOIN pg_temp.cascade_kept_columns($1) AS present USING (name)
    WHERE name = ANY ($3)
$cascade$;

-- The values that a changed row was left with where they are others than those kept, as text by column.
CREATE OR REPLACE FUNCTION pg_temp.cascade_left(store oid, relation oid) RETURNS text LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.string_agg(
        pg_catalog.format('CASE WHEN found.%1$I::text IS DISTINCT FROM kept.%1$I::text '
            'THEN pg_catalog.jsonb_build_object(%1$L, found.%1$I::text) ELSE ''{}'' END', name),
                ' || ' ORDER BY kept.number)
    FROM pg_temp.cascade_kept_columns($2) AS kept JOIN pg_temp.cascade_kept_columns($1) AS present USING (name)
    WHERE NOT kept.generated
$cascade$;

-- Number the rows that lose a value by how they lose it.
CREATE OR REPLACE FUNCTION pg_temp.cascade_group_changes() RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    CREATE TEMPORARY TABLE cascade_changed AS
    SELECT relation, place, filed, ways, pg_catalog.dense_rank() OVER (ORDER BY first_round, filed, ways) AS number
    FROM (
        SELECT relation, place, filed, pg_catalog.min(round) AS first_round,
            pg_catalog.array_agg(action::text || ':' || key ORDER BY action, key) AS ways
        FROM pg_temp.cascade_rows
        JOIN (SELECT relation, pg_temp.cascade_filed(relation) AS filed
              FROM (SELECT DISTINCT relation FROM pg_temp.cascade_rows) AS listed) AS tables USING (relation)
        WHERE action <> 'r'
        GROUP BY relation, place, filed
    ) AS changing;
    ANALYZE pg_temp.cascade_changed;
END
$cascade$;

-- Keep the rows that lose a value, and add the statements' parts that change them: one for the rows with the same
-- changes. Returns what cascade_note_left needs to know afterwards.
CREATE OR REPLACE FUNCTION pg_temp.cascade_add_changes(
    key_text text, revision text, home text, prefix text, kept boolean, taken_at timestamptz
) RETURNS jsonb[] LANGUAGE plpgsql AS $cascade$
DECLARE
    changed record;
    setters text;
    notes jsonb[] := '{}';
BEGIN
    PERFORM pg_temp.cascade_group_changes();
    FOR changed IN
        SELECT number, filed, ways, pg_catalog.count(*) AS count FROM pg_temp.cascade_changed
        GROUP BY 1, 2, 3 ORDER BY 1
    LOOP
        IF kept THEN
            notes := notes || pg_temp.cascade_keep_changed(
                changed.number, changed.filed, changed.ways, key_text, revision, home, prefix, taken_at);
        END IF;
        setters := pg_temp.cascade_setters(changed.filed, changed.ways);
        CONTINUE WHEN setters IS NULL;
        INSERT INTO pg_temp.cascade_parts (part, counted, wanted, changes) SELECT
            pg_catalog.format('changed_%s AS (UPDATE %s AS changed SET %s WHERE %s RETURNING 1)', changed.number,
                pg_temp.cascade_scan(changed.filed), setters,
                pg_temp.cascade_reaches(changed.filed, 'changed',
                    pg_catalog.format('FROM pg_temp.cascade_changed WHERE number = %s', changed.number))),
            'changed_' || changed.number, changed.count, changed.filed;
    END LOOP;
    RETURN notes;
END
$cascade$;

-- The SET clause for rows that lose their values in some ways, NULL where the database itself changes them.
CREATE OR REPLACE FUNCTION pg_temp.cascade_setters(relation oid, ways text[]) RETURNS text
LANGUAGE plpgsql AS $cascade$
DECLARE
    setters text;
    filled text;
    generated text;
BEGIN
    SELECT pg_catalog.string_agg(pg_catalog.format('%I = %s', name, CASE WHEN by_default THEN 'DEFAULT'
        ELSE 'NULL' END), ', ' ORDER BY name),
        pg_catalog.min(name) FILTER (WHERE attnotnull AND (NOT by_default OR NOT atthasdef AND typdefaultbin IS NULL)),
        pg_catalog.min(name) FILTER (WHERE attgenerated <> '' AND NOT by_default)
    INTO setters, filled, generated
    FROM (
        SELECT name, pg_catalog.bool_and(keys.ondelete = 'd') AS by_default
        FROM pg_temp.cascade_keys AS keys, pg_catalog.unnest(pg_temp.cascade_names(keys.child, keys.cleared)) AS name
        WHERE 'c:' || keys.key = ANY (ways)
        GROUP BY name
    ) AS cleared
    JOIN pg_catalog.pg_attribute ON attrelid = relation AND attname = name
    JOIN pg_catalog.pg_type ON pg_type.oid = atttypid;
    IF generated IS NOT NULL THEN
        PERFORM pg_temp.cascade_refuse(relation,
            pg_catalog.format('the orphans'' %s.%I can''t be set to NULL: the column is generated',
                relation::regclass, generated),
            'Change what it is made of, or settle the orphans by another strategy, such as ''quarantine''.');
    END IF;
    IF filled IS NOT NULL THEN
        PERFORM pg_temp.cascade_refuse(relation,
            pg_catalog.format('the orphans'' %s.%I can''t be set to NULL: the column is NOT NULL',
                relation::regclass, filled),
            'Make the column nullable, or settle the orphans by another strategy, such as ''quarantine''.');
    END IF;
    RETURN setters;
END
$cascade$;

-- The columns whose values rows lose in some ways.
CREATE OR REPLACE FUNCTION pg_temp.cascade_losing(ways text[]) RETURNS text[] LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN ARRAY(
        SELECT DISTINCT name FROM pg_temp.cascade_keys AS keys,
            pg_catalog.unnest(pg_temp.cascade_names(keys.child, CASE WHEN 'c:' || keys.key = ANY (ways)
                THEN keys.cleared ELSE keys.child_columns END)) AS name
        WHERE 'c:' || keys.key = ANY (ways) OR 'f:' || keys.key = ANY (ways) ORDER BY name);
END
$cascade$;

-- The columns by which rows with the same changes are found again; refuse where there are none.
CREATE OR REPLACE FUNCTION pg_temp.cascade_found_by(filed oid, ways text[], number bigint) RETURNS text[]
LANGUAGE plpgsql SET row_security TO off AS $cascade$
DECLARE
    names text[] := pg_temp.cascade_losing(ways);
    row_key text[] := pg_temp.cascade_row_key(filed, pg_temp.cascade_with_generated(filed, names));
    nameless bigint;
BEGIN
    IF row_key IS NOT NULL THEN
        EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM %s AS found WHERE %s AND (%s)',
            pg_temp.cascade_scan(filed),
            pg_temp.cascade_reaches(filed, 'found',
                pg_catalog.format('FROM pg_temp.cascade_changed WHERE number = %s', number)),
            (SELECT pg_catalog.string_agg(pg_catalog.format('found.%I IS NULL', name), ' OR ')
                FROM pg_catalog.unnest(row_key) AS name)) INTO nameless;
    END IF;
    IF row_key IS NULL OR nameless > 0 THEN
        PERFORM pg_temp.cascade_refuse(filed,
            pg_catalog.format('%s of %s can''t be changed: it has no primary or unique key by which %s row could be found again',
                pg_catalog.array_to_string(names, ', '), filed::regclass, CASE WHEN row_key IS NULL THEN 'a'
                    ELSE 'every' END),
            'Give the table a primary key first, or settle the orphans by strategy ''quarantine''.');
    END IF;
    RETURN row_key;
END
$cascade$;

-- Set aside what rows with the same changes have now. Returns what cascade_note_left needs to know. Here as there no
-- trigger of the user's runs under these settings, by which a session with others reads the same from the text.
CREATE OR REPLACE FUNCTION pg_temp.cascade_keep_changed(
    number bigint, filed oid, ways text[], key_text text, revision text, home text, prefix text, taken_at timestamptz
) RETURNS jsonb LANGUAGE plpgsql
SET row_security TO off SET datestyle TO 'ISO, YMD' SET intervalstyle TO 'postgres' SET extra_float_digits TO 1
SET bytea_output TO 'hex' SET timezone TO 'UTC' AS $cascade$
DECLARE
    names text[] := pg_temp.cascade_losing(ways);
    row_key text[] := pg_temp.cascade_found_by(filed, ways, number);
    listed text := pg_catalog.format('FROM pg_temp.cascade_changed WHERE number = %s', number);
    store oid;
    own text;
    first_id bigint;
    last_id bigint;
    first_key oid := (SELECT pg_catalog.substr(way, 3)::oid FROM pg_catalog.unnest(ways) AS way ORDER BY way LIMIT 1);
    first_action "char" := (SELECT pg_catalog.left(way, 1)
        FROM pg_catalog.unnest(ways) AS way ORDER BY way LIMIT 1)::"char";
BEGIN
    store := pg_temp.cascade_store(filed, revision, home, prefix);
    own := pg_temp.cascade_prefix_of(store);
    EXECUTE pg_catalog.format('SELECT coalesce(pg_catalog.max(%I), 0) FROM %s', own || 'id',
        pg_temp.cascade_table(store)) INTO first_id;
    EXECUTE pg_catalog.format(
        'INSERT INTO %s (%I, %I, %I, %I, %I%s) SELECT %L, %L, %L, %L, %L%s FROM %s AS found WHERE %s',
        pg_temp.cascade_table(store), own || 'key', own || 'constraint', own || 'reason', own || 'at', own || 'change',
        pg_temp.cascade_kept_names(filed),
        key_text, coalesce((SELECT keys.known_as FROM pg_temp.cascade_keys AS keys WHERE keys.key = first_key),
            key_text), pg_temp.cascade_reason(first_key, first_action), taken_at,
        pg_catalog.jsonb_build_object('found_by', row_key, 'set', names,
            'left', (SELECT pg_catalog.jsonb_object_agg(name, NULL) FROM pg_catalog.unnest(names) AS name)),
        pg_temp.cascade_kept_values(store, filed, 'found'), pg_temp.cascade_scan(filed),
        pg_temp.cascade_reaches(filed, 'found', listed));
    EXECUTE pg_catalog.format('SELECT pg_catalog.max(%I) FROM %s', own || 'id',
        pg_temp.cascade_table(store)) INTO last_id;
    -- Nothing but NULL can be left where no trigger, no default and no other key has a say.
    IF NOT EXISTS (
            SELECT FROM pg_catalog.pg_trigger
            WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgrelid = ANY (pg_temp.cascade_family(filed)))
        AND NOT EXISTS (
            SELECT FROM pg_catalog.unnest(ways) AS way
                JOIN pg_temp.cascade_keys AS keys ON keys.key = pg_catalog.substr(way, 3)::oid
            WHERE pg_catalog.left(way, 1) = 'f' OR keys.ondelete = 'd')
    THEN
        RETURN NULL;
    END IF;
    RETURN pg_catalog.jsonb_build_object('store', store, 'filed', filed, 'own', own, 'row_key', row_key,
        'after', first_id, 'upto', last_id);
END
$cascade$;

-- Write into the quarantine what changed rows were left with: by it a restore knows whether somebody changed them since.
CREATE OR REPLACE FUNCTION pg_temp.cascade_note_left(note jsonb) RETURNS void LANGUAGE plpgsql
SET row_security TO off SET datestyle TO 'ISO, YMD' SET intervalstyle TO 'postgres' SET extra_float_digits TO 1
SET bytea_output TO 'hex' SET timezone TO 'UTC' AS $cascade$
DECLARE
    store oid := note ->> 'store';
    filed oid := note ->> 'filed';
    own text := note ->> 'own';
    row_key text[] := ARRAY(SELECT pg_catalog.jsonb_array_elements_text(note -> 'row_key'));
    kept bigint;
    noted bigint;
BEGIN
    IF note IS NULL THEN
        RETURN;
    END IF;
    EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM %1$s WHERE %2$I > %3$s AND %2$I <= %4$s',
        pg_temp.cascade_table(store), own || 'id',
        note ->> 'after', note ->> 'upto') INTO kept;
    EXECUTE pg_catalog.format(
        'UPDATE %1$s AS kept SET %2$I = pg_catalog.jsonb_set(kept.%2$I, ''{left}'', %3$s) FROM %4$s AS found
         WHERE kept.%5$I > %6$s AND kept.%5$I <= %7$s AND %8$s',
        pg_temp.cascade_table(store), own || 'change', pg_temp.cascade_left(store, filed),
        pg_temp.cascade_scan(filed), own || 'id', note ->> 'after', note ->> 'upto',
        pg_temp.cascade_same_row(store, filed, row_key));
    GET DIAGNOSTICS noted = ROW_COUNT;
    IF noted <> kept THEN
        PERFORM pg_temp.cascade_refuse(filed,
            pg_catalog.format('%s can''t be found again: a trigger changed or removed them',
                pg_temp.cascade_rows_of(kept - noted, filed::regclass::text)),
            'Switch it off meanwhile, or settle these rows by statements of your own.');
    END IF;
    EXECUTE pg_catalog.format('DELETE FROM %1$s WHERE %2$I > %3$s AND %2$I <= %4$s AND %5$I -> ''left'' = ''{}''',
        pg_temp.cascade_table(store), own || 'id', note ->> 'after', note ->> 'upto', own || 'change');
END
$cascade$;

-- Add the statement's parts that remove the listed rows, and keep them.
CREATE OR REPLACE FUNCTION pg_temp.cascade_add_removals(
    key_text text, revision text, home text, prefix text, kept boolean, taken_at timestamptz
) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    part record;
    store oid;
    own text;
    name text;
BEGIN
    FOR part IN
        SELECT filed, key, pg_catalog.array_agg(relation) AS relations, pg_catalog.sum(count) AS count,
            pg_catalog.row_number() OVER (ORDER BY filed, key) AS number
        FROM (SELECT relation, key, pg_catalog.count(*) AS count FROM pg_temp.cascade_rows
              WHERE action = 'r' GROUP BY relation, key) AS listed,
        LATERAL (SELECT pg_temp.cascade_filed(relation)) AS known (filed)
        GROUP BY filed, key ORDER BY filed, key
    LOOP
        name := 'removed_' || part.number;
        INSERT INTO pg_temp.cascade_parts (part, counted, wanted) SELECT
            pg_catalog.format('%s AS (DELETE FROM %s AS removed WHERE %s RETURNING removed.*)', name,
                pg_temp.cascade_scan(part.filed), pg_temp.cascade_reaches(part.filed, 'removed', pg_catalog.format(
                    'FROM pg_temp.cascade_rows WHERE action = ''r'' AND key = %s AND relation = ANY (%L::oid[])',
                    part.key, part.relations))),
            CASE WHEN kept THEN NULL ELSE name END, part.count;
        CONTINUE WHEN NOT kept;
        store := pg_temp.cascade_store(part.filed, revision, home, prefix);
        own := pg_temp.cascade_prefix_of(store);
        INSERT INTO pg_temp.cascade_parts (part, counted, wanted) SELECT
            pg_catalog.format(
                'kept_%s AS (INSERT INTO %s (%I, %I, %I, %I%s) SELECT %L, %L, %L, %L::timestamptz%s FROM %1$s RETURNING 1)',
                name, pg_temp.cascade_table(store), own || 'key', own || 'constraint', own || 'reason', own || 'at',
                pg_temp.cascade_kept_names(part.filed), key_text,
                coalesce((SELECT keys.known_as FROM pg_temp.cascade_keys AS keys WHERE keys.key = part.key), key_text),
                pg_temp.cascade_reason(part.key, 'r'), taken_at,
                pg_temp.cascade_kept_values(store, part.filed, name)),
            'kept_' || name, part.count;
    END LOOP;
END
$cascade$;

-- Change and remove all listed rows by one statement, so that no order among them can make a key refuse it: keys act at
-- its end.
CREATE OR REPLACE FUNCTION pg_temp.cascade_run_parts() RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    statement text := (
        SELECT pg_catalog.format('WITH %s SELECT ARRAY[%s]', pg_catalog.string_agg(part, ', ' ORDER BY place),
            pg_catalog.string_agg(pg_catalog.format('(SELECT pg_catalog.count(*) FROM %s)', counted), ', ' ORDER BY place)
                FILTER (WHERE counted IS NOT NULL))
        FROM pg_temp.cascade_parts);
    counts bigint[];
    missed record;
    resume text[] := pg_temp.cascade_suspend(
        ARRAY(SELECT DISTINCT filed FROM pg_temp.cascade_changed ORDER BY filed), false, ARRAY(
            SELECT DISTINCT lost
            FROM (SELECT DISTINCT way FROM pg_temp.cascade_changed, pg_catalog.unnest(cascade_changed.ways) AS way) AS used
            JOIN pg_temp.cascade_keys AS keys ON keys.key = pg_catalog.substr(way, 3)::oid,
            pg_catalog.unnest(pg_temp.cascade_lost(keys, pg_catalog.left(way, 1)::"char")) AS lost),
        ARRAY(SELECT DISTINCT relation FROM pg_temp.cascade_rows WHERE action = 'r'));
BEGIN
    EXECUTE statement INTO counts;
    PERFORM pg_temp.cascade_resume(resume);
    FOR missed IN
        SELECT changes, pg_catalog.sum(wanted) AS wanted, pg_catalog.sum(counts[number]) AS touched
        FROM (SELECT parts.*, pg_catalog.row_number() OVER (ORDER BY place) AS number
              FROM pg_temp.cascade_parts AS parts WHERE counted IS NOT NULL) AS numbered
        GROUP BY changes HAVING pg_catalog.sum(wanted) <> pg_catalog.sum(counts[number]) ORDER BY changes
    LOOP
        RAISE SQLSTATE 'CA004' USING
            MESSAGE = pg_catalog.format('%s of %s could be %s: a trigger or a rule of the table keeps the others as they are',
                missed.touched, CASE WHEN missed.changes IS NULL THEN missed.wanted || ' rows'
                    ELSE pg_temp.cascade_rows_of(missed.wanted::bigint, missed.changes::regclass::text) END,
                CASE WHEN missed.changes IS NULL THEN 'removed' ELSE 'changed' END),
            HINT = 'Nothing was changed. Switch it off meanwhile, or settle these rows by statements of your own.';
    END LOOP;
END
$cascade$;
