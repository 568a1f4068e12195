-- Make a trigger that keeps a lifecycle column, and its function, in the schema of the table that has it. "template" is
-- the function's body, without the schema of the kept column's table and without the columns that this table computes.
CREATE OR REPLACE FUNCTION pg_temp.cascade_create_lifecycle_trigger(
    label text, source_table text, source_cols text[], kept_table text, kept_cols text[], trigger_name text, function_name text, template text, events text,
    rows_fired_for text, definer boolean, settings text, remark text, definition text[], if_exists boolean
) RETURNS TABLE (level text, message text) LANGUAGE plpgsql AS $cascade$
DECLARE
    source oid := pg_catalog.to_regclass(source_table);
    kept oid := pg_catalog.to_regclass(kept_table);
    home text;
    statement text;
BEGIN
    level := 'info';
    message := pg_temp.cascade_skipped(label, source_table, kept_table, if_exists);
    IF message IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM pg_temp.cascade_numbers(source, source_cols), pg_temp.cascade_numbers(kept, kept_cols);
    FOREACH statement IN ARRAY definition LOOP
        EXECUTE statement;
    END LOOP;
    IF definition = '{}' THEN
        home := (SELECT pg_catalog.quote_ident(nspname) FROM pg_catalog.pg_class
            JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = source);
        EXECUTE pg_catalog.format('CREATE OR REPLACE FUNCTION %s.%I() RETURNS trigger LANGUAGE plpgsql SECURITY %s '
            'SET search_path TO %s AS %L', home, function_name, CASE WHEN definer THEN 'DEFINER' ELSE 'INVOKER' END,
            settings, pg_catalog.format(template,
                (SELECT '"' || pg_catalog.replace(nspname, '"', '""') || '"' FROM pg_catalog.pg_class
                 JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = kept),
                (SELECT coalesce(pg_catalog.string_agg(pg_catalog.format(
                    E'    before.%1$s := NULL;\n    after.%1$s := NULL;\n',
                    '"' || pg_catalog.replace(attname, '"', '""') || '"'), '' ORDER BY attnum), '')
                 FROM pg_catalog.pg_attribute
                 WHERE attrelid = source AND attgenerated <> '' AND NOT attisdropped)));
        EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s.%I() FROM PUBLIC', home, function_name);
        EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s.%I() IS %L', home, function_name, remark);
        EXECUTE pg_catalog.format('CREATE TRIGGER %I %s ON %s %s EXECUTE FUNCTION %s.%I()', trigger_name, events,
            pg_temp.cascade_table(source), rows_fired_for, home, function_name);
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
    home text := (SELECT pg_catalog.quote_ident(nspname) FROM pg_catalog.pg_class
        JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = source);
BEGIN
    level := 'info';
    message := pg_temp.cascade_skipped(label, source_table, source_table, if_exists);
    IF message IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = source AND tgname = trigger_name) THEN
        level := 'warning';
        message := 'its trigger is gone already';
        RETURN NEXT;
    ELSE
        EXECUTE pg_catalog.format('DROP TRIGGER %I ON %s', trigger_name, pg_temp.cascade_table(source));
    END IF;
    IF pg_catalog.to_regprocedure(pg_catalog.format('%s.%I()', home, function_name)) IS NOT NULL THEN
        EXECUTE pg_catalog.format('DROP FUNCTION %s.%I()', home, function_name);
    END IF;
    IF message IS NULL THEN
        message := 'its trigger is dropped';
        RETURN NEXT;
    END IF;
END
$cascade$;
