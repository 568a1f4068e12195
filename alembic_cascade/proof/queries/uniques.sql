-- Exclusion constraints as well: they, too, let some rows not be beside others.
SELECT indrelid::bigint AS relation, relname AS name, indisprimary AS is_primary,
    indisunique AND indpred IS NULL AND 0 <> ALL (indkey::int2[]) AS is_plain,
    ARRAY(
        SELECT attname::text FROM pg_catalog.pg_attribute
        WHERE attrelid = indrelid AND attnum > 0 AND (
            attnum = ANY ((indkey::int2[])[0:indnkeyatts - 1])
            -- Columns in expressions.
            OR (0 = ANY (indkey::int2[]) AND EXISTS (
                SELECT FROM pg_catalog.pg_depend
                WHERE classid = 'pg_catalog.pg_class'::regclass AND objid = indexrelid
                    AND refclassid = 'pg_catalog.pg_class'::regclass AND refobjid = indrelid AND refobjsubid = attnum)))
        ORDER BY attnum
    ) AS columns
FROM pg_catalog.pg_index
JOIN pg_catalog.pg_class ON pg_class.oid = indexrelid
JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
WHERE (indisunique OR indisexclusion) AND indislive AND nspname !~ '^pg_'
ORDER BY indrelid, NOT indisprimary, relname
