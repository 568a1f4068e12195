-- What a settling of the orphans would do, or refuse; nothing is settled, and nothing is locked. A row for the orphans,
-- then one for what they take along of each table by each key.
CREATE OR REPLACE FUNCTION pg_temp.cascade_foresee(
    label text, source_table text, referent_table text, local_cols text[], remote_cols text[], strategy text,
    revision text, cleared_cols text[], match_full boolean, to_cols text[], max_share float, max_count bigint,
    trust_valid_keys boolean, home text, prefix text, if_exists boolean, advice text
) RETURNS TABLE (
    schema_name text, table_name text, orphans boolean, removed boolean, columns text[], key_name text, reason text,
    number bigint
) LANGUAGE plpgsql AS $cascade$
DECLARE
    source oid := pg_catalog.to_regclass(source_table);
    referent oid := pg_catalog.to_regclass(referent_table);
    local_numbers int2[] := pg_temp.cascade_numbers(source, local_cols);
BEGIN
    PERFORM pg_temp.cascade_list_keys(source, referent, local_numbers, pg_temp.cascade_numbers(referent, remote_cols),
        CASE strategy WHEN 'set_null' THEN 'n' WHEN 'set_default' THEN 'd' ELSE 'c' END::"char",
        CASE WHEN cleared_cols IS NULL THEN local_numbers ELSE pg_temp.cascade_numbers(source, cleared_cols) END);
    CREATE TEMPORARY TABLE cascade_rows (relation oid, place tid, round int, action "char", key oid);
    PERFORM pg_temp.cascade_look(label, strategy, match_full, to_cols, max_share, max_count, home, advice);
    RETURN QUERY
    SELECT nspname::text, relname::text, listed.first, listed.action = 'r', CASE listed.action WHEN 'r' THEN NULL
        ELSE pg_temp.cascade_losing(ARRAY[listed.action::text || ':' || listed.key]) END, keys.known_as,
        pg_temp.cascade_reason(listed.key, listed.action), pg_catalog.sum(listed.amount)::bigint
    FROM (SELECT relation, round = 0 AS first, action, key, pg_catalog.count(DISTINCT place) AS amount
          FROM pg_temp.cascade_rows GROUP BY 1, 2, 3, 4) AS listed
    JOIN pg_temp.cascade_keys AS keys USING (key),
    LATERAL (SELECT pg_temp.cascade_filed(relation)) AS known (filed)
    JOIN pg_catalog.pg_class ON pg_class.oid = known.filed
    JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
    GROUP BY nspname, relname, listed.first, listed.action, listed.key, keys.known_as
    ORDER BY listed.first DESC, nspname, relname, keys.known_as, listed.action;
    DROP TABLE pg_temp.cascade_rows, pg_temp.cascade_keys;
END
$cascade$;
