SELECT pg_namespace.nspname AS schema, relname AS table, tgname AS name, proname AS function, prosrc AS body, description AS remark,
    prosecdef AS definer, tgtype AS kind, tgnewtable AS transition, proconfig AS settings,
    tgenabled = 'O' AND tgqual IS NULL AND tgnargs = 0 AND tgattr::text = '' AND tgoldtable IS NULL
        AND pronamespace = relnamespace AND NOT EXISTS (
            SELECT FROM pg_catalog.aclexplode(coalesce(proacl, pg_catalog.acldefault('f', proowner))) AS granted
            WHERE granted.grantee = 0) AS is_plain,
    ARRAY(
        SELECT attname::text FROM pg_catalog.pg_attribute
        WHERE attrelid = pg_class.oid AND attgenerated <> '' AND NOT attisdropped ORDER BY attnum) AS computed,
    -- What brings it back as it is.
    ARRAY[
        pg_catalog.pg_get_functiondef(pg_proc.oid),
        pg_catalog.format('COMMENT ON FUNCTION %I.%I() IS %L', function_schema.nspname, proname, description),
        pg_catalog.format('REVOKE ALL ON FUNCTION %I.%I() FROM PUBLIC', function_schema.nspname, proname)
    ] || CASE WHEN EXISTS (
            SELECT FROM pg_catalog.aclexplode(coalesce(proacl, pg_catalog.acldefault('f', proowner))) AS granted
            WHERE granted.grantee = 0)
        THEN ARRAY[pg_catalog.format('GRANT EXECUTE ON FUNCTION %I.%I() TO PUBLIC', function_schema.nspname, proname)]
        ELSE '{}' END
    || ARRAY[pg_catalog.pg_get_triggerdef(pg_trigger.oid)]
    || CASE WHEN tgenabled = 'O' THEN '{}' ELSE ARRAY[pg_catalog.format('ALTER TABLE %I.%I %s TRIGGER %I',
        pg_namespace.nspname, relname,
        CASE tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END, tgname)] END
        AS definition
FROM pg_catalog.pg_description
JOIN pg_catalog.pg_proc ON pg_proc.oid = objoid
JOIN pg_catalog.pg_namespace AS function_schema ON function_schema.oid = pronamespace
-- Those that a partitioned table gives to its partitions go with it.
JOIN pg_catalog.pg_trigger ON tgfoid = pg_proc.oid AND NOT tgisinternal AND tgparentid = 0
JOIN pg_catalog.pg_class ON pg_class.oid = tgrelid
JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
WHERE classoid = 'pg_catalog.pg_proc'::regclass AND pg_catalog.starts_with(description, '{"alembic_cascade": "lifecycle"')
ORDER BY pg_namespace.nspname, relname, tgname
