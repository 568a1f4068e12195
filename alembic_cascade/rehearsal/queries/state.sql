-- What the session has done so far: to each table, in this transaction and in those before; its locks; and whether it
-- still is the same transaction.
WITH locks AS (
    SELECT relation, pg_catalog.array_agg(mode) AS modes FROM pg_catalog.pg_locks
    WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation' AND granted
        AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
    GROUP BY relation
),
-- Whose rows a table of the quarantine holds.
quarantine AS (
    SELECT objoid AS oid, pg_catalog.format('%I.%I', told ->> 'schema', told ->> 'table') AS source
    FROM pg_catalog.pg_description
        CROSS JOIN LATERAL (SELECT CASE WHEN pg_catalog.starts_with(description, '{"alembic_cascade" : "quarantine"')
            THEN description::json END AS told) AS remark
    WHERE classoid = 'pg_class'::regclass AND objsubid = 0 AND told IS NOT NULL
)
SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS label, c.relkind <> 'p' AS stored, c.relfilenode,
    quarantine.source,
    coalesce(pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid), 0) AS inserted,
    coalesce(pg_catalog.pg_stat_get_xact_tuples_updated(c.oid), 0) AS updated,
    coalesce(pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid), 0) AS deleted,
    coalesce(pg_catalog.pg_stat_get_tuples_inserted(c.oid), 0) AS all_inserted,
    coalesce(pg_catalog.pg_stat_get_tuples_updated(c.oid), 0) AS all_updated,
    coalesce(pg_catalog.pg_stat_get_tuples_deleted(c.oid), 0) AS all_deleted,
    coalesce(locks.modes, '{}') AS modes
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN locks ON locks.relation = c.oid
    LEFT JOIN quarantine ON quarantine.oid = c.oid
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname !~ '^pg_(toast|temp)'
