-- What has a trigger that can wait for the commit: of constraints those that may, of triggers those that do.
SELECT nspname AS schema, conname AS name, contype = 't' AS is_trigger, bool_or(tgtype & 24 <> 0) AS sees_changes,
    -- Of partitions also the table that they are of.
    pg_catalog.array_agg(DISTINCT tgrelid::bigint)
        || pg_catalog.array_agg(DISTINCT coalesce(pg_catalog.pg_partition_root(tgrelid), tgrelid)::oid::bigint) AS tables
FROM pg_catalog.pg_constraint AS waiting
JOIN pg_catalog.pg_namespace ON pg_namespace.oid = connamespace
JOIN pg_catalog.pg_trigger ON tgconstraint = waiting.oid
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    AND CASE WHEN contype = 't' THEN condeferred AND tgenabled IN ('O', 'A') ELSE condeferrable END
GROUP BY nspname, conname, contype = 't'
ORDER BY nspname, conname, contype = 't'
