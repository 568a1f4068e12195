SELECT nspname, relname, tgtype & 16 <> 0, prosrc, pg_catalog.encode(tgargs, 'escape')
FROM pg_catalog.pg_trigger
JOIN pg_catalog.pg_class ON pg_class.oid = tgrelid
JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
JOIN pg_catalog.pg_proc ON pg_proc.oid = tgfoid
-- TRIGGER_TYPE_BEFORE, _INSERT and _UPDATE of PostgreSQL's catalog/pg_trigger.h.
WHERE NOT tgisinternal AND tgenabled <> 'D' AND (tgtype & 16 <> 0 AND tgtype & 2 <> 0 OR tgtype & 4 <> 0 AND tgtype & 2 = 0)
    AND NOT pg_catalog.starts_with(
        coalesce(pg_catalog.obj_description(pg_proc.oid, 'pg_proc'), ''), '{"alembic_cascade": "lifecycle"')
ORDER BY nspname, relname, tgname
