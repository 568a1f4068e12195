SELECT pg_class.oid::bigint AS oid, nspname AS schema, relname AS name, relkind = 'p' AS partitioned,
    pg_catalog.pg_table_is_visible(pg_class.oid) AS shown,
    (SELECT inhparent::bigint FROM pg_catalog.pg_inherits WHERE inhrelid = pg_class.oid AND relispartition) AS part_of,
    CASE WHEN relispartition THEN pg_catalog.pg_get_partition_constraintdef(pg_class.oid) END AS bound
FROM pg_catalog.pg_class
JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p') AND relpersistence <> 't' AND nspname !~ '^pg_' AND nspname <> 'information_schema'
ORDER BY nspname, relname
