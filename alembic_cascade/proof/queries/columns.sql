SELECT attrelid::bigint AS relation, attname AS name, atttypid::bigint AS type_oid, atttypmod AS modifier,
    pg_catalog.format_type(atttypid, atttypmod) AS type, attnotnull AS not_null, attidentity::text AS identity,
    attgenerated <> '' AS generated, pg_catalog.pg_get_expr(adbin, adrelid) AS expression
FROM pg_catalog.pg_attribute
JOIN pg_catalog.pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p') AND relpersistence <> 't'
JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attnum > 0 AND NOT attisdropped AND nspname !~ '^pg_' AND nspname <> 'information_schema'
ORDER BY attrelid, attnum
