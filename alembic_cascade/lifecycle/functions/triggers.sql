-- What is wrong with a column that is to hold a time, or to be set from another one; NULL where nothing is.
CREATE OR REPLACE FUNCTION pg_temp.cascade_unfit(kept oid, name text, source oid, source_column text) RETURNS text
LANGUAGE sql STABLE AS $cascade$
    WITH types (place, words, type, base, category) AS (
        SELECT place, pg_catalog.format('%s.%I', relation::regclass, attname),
            pg_catalog.format_type(atttypid, NULL), coalesce(nullif(typbasetype, 0), pg_type.oid), typcategory
        FROM (VALUES (1, $1, $2), (2, $3, $4)) AS listed (place, relation, wanted)
        JOIN pg_catalog.pg_attribute ON attrelid = relation AND attname = wanted
        JOIN pg_catalog.pg_type ON pg_type.oid = atttypid)
    SELECT CASE WHEN $3 IS NULL AND kept.category <> 'D' THEN pg_catalog.format('%s is %s, and takes no time', kept.words, kept.type)
        WHEN $3 IS NOT NULL AND kept.base <> source.base THEN pg_catalog.format('%s is %s, and %s is %s: they have to be of one type',
            kept.words, kept.type, source.words, source.type)
        WHEN $3 IS NOT NULL AND kept.category <> 'D' AND kept.category <> 'N' THEN pg_catalog.format('%s is %s, of which none is the newest',
            kept.words, kept.type) END
    FROM (SELECT * FROM types WHERE place = 1) AS kept LEFT JOIN (SELECT * FROM types WHERE place = 2) AS source ON true
$cascade$;

-- Why a column can't be written to; NULL where it can.
CREATE OR REPLACE FUNCTION pg_temp.cascade_unwritable(kept oid, name text) RETURNS text LANGUAGE sql STABLE AS $cascade$
    SELECT CASE WHEN relkind NOT IN ('r', 'p') THEN pg_catalog.format('%s is no table', $1::regclass)
        WHEN attgenerated <> '' THEN pg_catalog.format('%s.%I is computed from other columns', $1::regclass, attname) END
    FROM pg_catalog.pg_class JOIN pg_catalog.pg_attribute ON attrelid = pg_class.oid AND attname = $2
    WHERE pg_class.oid = $1
$cascade$;

-- That a row "newest", whose key is in columns "key_1" and so on, refers to a row "parent", as a foreign key compares them.
CREATE OR REPLACE FUNCTION pg_temp.cascade_newest_of(source oid, source_cols text[], kept oid, kept_cols text[]) RETURNS text
LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.string_agg(pg_catalog.format('parent.%s %s newest.key_%s%s',
            '"' || pg_catalog.replace(remote, '"', '""') || '"',
            pg_temp.cascade_equality($3, (pg_temp.cascade_numbers($3, ARRAY[remote]))[1]), place,
            pg_temp.cascade_collation($1, (pg_temp.cascade_numbers($1, ARRAY[local]))[1], $3,
                (pg_temp.cascade_numbers($3, ARRAY[remote]))[1])), ' AND ' ORDER BY place)
    FROM unnest($2, $4) WITH ORDINALITY AS pair (local, remote, place)
$cascade$;

-- The declarations of the rows that are compared, and the statements that leave computed columns out of that.
CREATE OR REPLACE FUNCTION pg_temp.cascade_compared_part(relation oid) RETURNS text LANGUAGE sql STABLE AS $cascade$
    SELECT coalesce(E'    before record := OLD;\n    after record := NEW;\nBEGIN\n' || pg_catalog.string_agg(pg_catalog.format(
        E'    BEGIN\n        before.%1$s := NULL;\n        after.%1$s := NULL;\n'
        '    EXCEPTION WHEN undefined_column THEN\n        NULL;\n    END;\n',
        '"' || pg_catalog.replace(attname, '"', '""') || '"'), '' ORDER BY attnum),
        E'    before ALIAS FOR OLD;\n    after ALIAS FOR NEW;\nBEGIN\n')
    FROM pg_catalog.pg_attribute WHERE attrelid = $1 AND attgenerated <> '' AND NOT attisdropped
$cascade$;

-- Make a trigger that keeps a lifecycle column, and its function, in the schema of the table that has it: what
-- "definition" says, if it says something, else of "template". The first of "kept_cols" is the column, and of
-- "source_cols" the child's; those of the key follow.
CREATE OR REPLACE FUNCTION pg_temp.cascade_create_lifecycle_trigger(
    label text, source_table text, source_cols text[], kept_table text, kept_cols text[], trigger_name text,
    function_name text, template text, events text, rows_fired_for text, definer boolean, settings text, remark text,
    definition text[], if_exists boolean
) RETURNS TABLE (level text, message text) LANGUAGE plpgsql AS $cascade$
DECLARE
    source oid := pg_catalog.to_regclass(source_table);
    kept oid := pg_catalog.to_regclass(kept_table);
    home text;
    child oid := CASE WHEN source_cols <> '{}' THEN source END;
    problem text;
    statement text;
BEGIN
    level := 'info';
    -- What is brought back is what there was, whatever has become of the other table.
    message := pg_temp.cascade_skipped(label, source_table, CASE definition WHEN '{}' THEN kept_table ELSE source_table END,
        if_exists);
    IF message IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    FOREACH statement IN ARRAY definition LOOP
        EXECUTE statement;
    END LOOP;
    IF definition = '{}' THEN
        PERFORM pg_temp.cascade_numbers(source, source_cols), pg_temp.cascade_numbers(kept, kept_cols);
        problem := coalesce(pg_temp.cascade_unwritable(kept, kept_cols[1]),
            pg_temp.cascade_unfit(kept, kept_cols[1], child, source_cols[1]));
        IF problem IS NOT NULL THEN
            RAISE SQLSTATE 'CA004' USING MESSAGE = problem, HINT = 'Correct LifecycleColumn(type_=..., set_from=...).';
        END IF;
        home := pg_temp.cascade_schema_of(source);
        EXECUTE pg_catalog.format('CREATE OR REPLACE FUNCTION %s.%I() RETURNS trigger LANGUAGE plpgsql SECURITY %s '
            'SET search_path TO %s AS %L', home, function_name, CASE WHEN definer THEN 'DEFINER' ELSE 'INVOKER' END,
            settings, pg_catalog.format(template,
                (SELECT '"' || pg_catalog.replace(nspname, '"', '""') || '"' FROM pg_catalog.pg_class
                 JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = kept),
                pg_temp.cascade_compared_part(source),
                pg_temp.cascade_newest_of(source, source_cols[2:], kept, kept_cols[2:])));
        EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s.%I() FROM PUBLIC', home, function_name);
        EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s.%I() IS %L', home, function_name, remark);
        EXECUTE pg_catalog.format('CREATE TRIGGER %I %s ON %s %s EXECUTE FUNCTION %s.%I()', trigger_name, events,
            pg_temp.cascade_table(source), rows_fired_for, home, function_name);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = source AND tgname = trigger_name) THEN
        RAISE SQLSTATE 'CA004' USING MESSAGE = pg_catalog.format('its definition makes no trigger %I on %s', trigger_name,
            source::regclass);
    END IF;
    message := 'a trigger keeps it';
    RETURN NEXT;
END
$cascade$;

-- Drop such a trigger, and its function; one that is gone is passed over.
CREATE OR REPLACE FUNCTION pg_temp.cascade_drop_lifecycle_trigger(
    label text, source_table text, trigger_name text, function_name text, if_exists boolean
) RETURNS TABLE (level text, message text) LANGUAGE plpgsql AS $cascade$
DECLARE
    source oid := pg_catalog.to_regclass(source_table);
    -- The one that it calls: a table that was renamed since would have given it another name.
    called regprocedure := (
        SELECT tgfoid FROM pg_catalog.pg_trigger JOIN pg_catalog.pg_proc ON pg_proc.oid = tgfoid
        WHERE tgrelid = source AND tgname = trigger_name AND (pg_temp.cascade_keeps_quiet(tgfoid) OR proname = function_name));
BEGIN
    level := 'info';
    message := pg_temp.cascade_skipped(label, source_table, source_table, if_exists);
    IF message IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = source AND tgname = trigger_name) THEN
        EXECUTE pg_catalog.format('DROP TRIGGER %I ON %s', trigger_name, pg_temp.cascade_table(source));
        message := 'its trigger is dropped';
    ELSE
        level := 'warning';
        message := 'its trigger is gone already';
        called := pg_catalog.to_regprocedure(pg_catalog.format('%s.%I()', pg_temp.cascade_schema_of(source), function_name));
    END IF;
    IF called IS NOT NULL THEN
        EXECUTE pg_catalog.format('DROP FUNCTION %s', called);
    END IF;
    RETURN NEXT;
END
$cascade$;
