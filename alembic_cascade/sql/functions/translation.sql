-- Refuse a translation of references that can't be one; the message says why, the hint what to do instead.
CREATE OR REPLACE FUNCTION pg_temp.cascade_refuse_translation(problem text, advice text) RETURNS void
LANGUAGE plpgsql AS $cascade$
BEGIN
    IF problem IS NOT NULL THEN
        RAISE SQLSTATE 'CA001' USING MESSAGE = problem, HINT = advice;
    END IF;
END
$cascade$;

-- Refuse columns whose values can't take each other's place; "replaced" is a key that goes with the translation.
CREATE OR REPLACE FUNCTION pg_temp.cascade_check_translation(
    source oid, referent oid, local_cols text[], from_cols text[], to_cols text[], replaced oid[]
) RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    -- Columns that are unknown.
    PERFORM pg_temp.cascade_numbers(source, local_cols), pg_temp.cascade_numbers(referent, from_cols || to_cols);
    PERFORM pg_temp.cascade_refuse_translation(
        (SELECT pg_catalog.string_agg(pg_catalog.format('%I is %s, %I is %s', held_column.attname,
            pg_catalog.format_type(held_column.atttypid, held_column.atttypmod), new_column.attname,
            pg_catalog.format_type(new_column.atttypid, new_column.atttypmod)), '; ')
         FROM unnest(from_cols, to_cols) AS pair (held, new)
         JOIN pg_catalog.pg_attribute AS held_column
             ON held_column.attrelid = referent AND held_column.attname = pair.held
         JOIN pg_catalog.pg_attribute AS new_column ON new_column.attrelid = referent AND new_column.attname = pair.new
         WHERE held_column.atttypid <> new_column.atttypid
             AND NOT (held_column.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
                 AND new_column.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype))
             AND NOT (held_column.atttypid IN ('text'::regtype, 'varchar'::regtype)
                 AND new_column.atttypid IN ('text'::regtype, 'varchar'::regtype))),
        pg_catalog.format('Add a new column to %s, fill it from %s, and let the key stand on it.',
            source::regclass, referent::regclass));
    PERFORM pg_temp.cascade_refuse_translation(
        (SELECT pg_catalog.format('%s is not unique',
             pg_temp.cascade_words(referent, pg_temp.cascade_numbers(referent, names::text[])))
         FROM (VALUES (1, from_cols), (2, to_cols)) AS listed (place, names)
         WHERE NOT EXISTS (
             SELECT FROM pg_catalog.pg_index
             WHERE indrelid = referent AND indisunique AND indisvalid AND indpred IS NULL AND indexprs IS NULL
                 AND ARRAY(SELECT name FROM pg_catalog.unnest(names) AS name ORDER BY name COLLATE "C") = (
                     SELECT pg_catalog.array_agg(attname::text ORDER BY attname COLLATE "C") FROM pg_catalog.pg_attribute
                     WHERE attrelid = indrelid AND attnum = ANY ((indkey::int2[])[0:indnkeyatts - 1])))
         ORDER BY place LIMIT 1),
        'Make a UNIQUE constraint on it first.');
    PERFORM pg_temp.cascade_refuse_translation(
        (SELECT pg_catalog.format('the key %I of %s is in the way', conname, conrelid::regclass)
         FROM pg_catalog.pg_constraint AS other,
             LATERAL (SELECT pg_temp.cascade_family(source), ARRAY(
                 SELECT changing FROM unnest(local_cols, from_cols, to_cols) AS triple (changing, held, new)
                 WHERE held <> new)) AS changed (relations, columns)
         WHERE contype = 'f' AND conparentid = 0 AND other.oid <> ALL (replaced)
             AND (conrelid = ANY (relations) AND pg_temp.cascade_names(conrelid, conkey) && columns
                 OR confrelid = ANY (relations) AND confupdtype <> 'c'
                     AND pg_temp.cascade_names(confrelid, confkey) && columns)
         ORDER BY conname LIMIT 1),
        'Drop it before, and create it again afterwards.');
END
$cascade$;
