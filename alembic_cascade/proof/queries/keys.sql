SELECT key.oid::bigint AS oid, conname AS name, nspname AS schema, conrelid::bigint AS relation,
    confrelid::bigint AS parent, conparentid::bigint AS clone_of,
    ARRAY(
        SELECT attname::text FROM pg_catalog.unnest(conkey) WITH ORDINALITY AS listed (number, place)
        JOIN pg_catalog.pg_attribute ON attrelid = conrelid AND attnum = listed.number ORDER BY place
    ) AS columns,
    ARRAY(
        SELECT attname::text FROM pg_catalog.unnest(confkey) WITH ORDINALITY AS listed (number, place)
        JOIN pg_catalog.pg_attribute ON attrelid = confrelid AND attnum = listed.number ORDER BY place
    ) AS referred,
    ARRAY(
        SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = conrelid AND attnum = ANY (confdelsetcols)
        ORDER BY attnum
    ) AS set_columns,
    confdeltype::text AS rule, confmatchtype = 'f' AS is_full, condeferred AS deferred, convalidated AS validated,
    -- Columns of PostgreSQL 18.
    coalesce((pg_catalog.to_jsonb(key) ->> 'conenforced')::boolean, true) AS enforced,
    coalesce((pg_catalog.to_jsonb(key) ->> 'conperiod')::boolean, false) AS temporal,
    ARRAY(
        SELECT tgname::text FROM pg_catalog.pg_trigger WHERE tgconstraint = key.oid AND tgenabled IN ('D', 'R')
        ORDER BY tgname
    ) AS silent
FROM pg_catalog.pg_constraint AS key
JOIN pg_catalog.pg_namespace ON pg_namespace.oid = connamespace
WHERE contype = 'f' AND nspname !~ '^pg_' AND nspname <> 'information_schema'
ORDER BY conrelid, conname
