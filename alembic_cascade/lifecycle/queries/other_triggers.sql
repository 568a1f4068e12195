-- TRIGGER_TYPE_ROW, _BEFORE, _INSERT and _UPDATE of PostgreSQL's catalog/pg_trigger.h are 1, 2, 4 and 16.
SELECT nspname, relname, tgtype & 19 = 19 AS before_update, tgtype & 6 = 4 AS after_insert, prosrc,
    pg_catalog.encode(tgargs, 'hex')
FROM pg_catalog.pg_trigger
JOIN pg_catalog.pg_class ON pg_class.oid = tgrelid
JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
JOIN pg_catalog.pg_proc ON pg_proc.oid = tgfoid
WHERE NOT tgisinternal AND tgenabled <> 'D' AND (tgtype & 19 = 19 OR tgtype & 6 = 4)
    AND NOT pg_catalog.starts_with(
        coalesce(pg_catalog.obj_description(pg_proc.oid, 'pg_proc'), ''), '{"alembic_cascade": "lifecycle"')
ORDER BY nspname, relname, tgname
