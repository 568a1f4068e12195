-- The tables that have rows of their own, with their columns by name: a column that was dropped and made again is at
-- another place. The key is the primary key's columns, in its order.
SELECT c.oid, n.nspname, c.relname,
    ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
        ORDER BY attname::text COLLATE "C") AS columns,
    ARRAY(SELECT attname::text FROM pg_catalog.pg_index, pg_catalog.unnest(indkey::int2[]) WITH ORDINALITY AS k (number, place)
        JOIN pg_catalog.pg_attribute ON attrelid = c.oid AND attnum = k.number
        WHERE indrelid = c.oid AND indisprimary AND k.place <= indnkeyatts ORDER BY k.place) AS key,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
        AND NOT pg_catalog.row_security_active(c.oid) AS readable,
    coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), '') AS remark
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname !~ '^pg_(toast|temp)'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend
        WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
