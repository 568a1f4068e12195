SELECT conrelid::bigint AS relation, conname AS name, pg_catalog.pg_get_expr(conbin, conrelid) AS expression,
    ARRAY(
        SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)
        ORDER BY attnum
    ) AS columns
FROM pg_catalog.pg_constraint AS checked
WHERE contype = 'c' AND conrelid <> 0
    -- Before PostgreSQL 18 each one is enforced, and there is no such column.
    AND coalesce((pg_catalog.to_jsonb(checked) ->> 'conenforced')::boolean, true)
ORDER BY conrelid, conname
