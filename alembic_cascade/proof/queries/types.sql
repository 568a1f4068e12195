SELECT pg_type.oid::bigint AS oid, pg_catalog.format_type(pg_type.oid, NULL) AS name, typname AS plain_name,
    typtype::text AS kind, typcategory::text AS category, typbasetype::bigint AS base, typtypmod AS modifier,
    typnotnull AS not_null, typdefault IS NOT NULL AS has_default, typelem::bigint AS element,
    ARRAY(SELECT enumlabel::text FROM pg_catalog.pg_enum WHERE enumtypid = pg_type.oid ORDER BY enumsortorder) AS labels,
    ARRAY(
        SELECT pg_catalog.pg_get_expr(conbin, 0) FROM pg_catalog.pg_constraint
        WHERE contypid = pg_type.oid AND contype = 'c' ORDER BY conname
    ) AS checks
FROM pg_catalog.pg_type
LEFT JOIN pg_catalog.pg_class ON pg_class.oid = typrelid
WHERE typtype <> 'p' AND (typrelid = 0 OR relkind = 'c')
