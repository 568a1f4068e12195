-- The constraints that are INITIALLY DEFERRED, as SET CONSTRAINTS names them; it means all of a name.
SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('%I.%I', nspname, conname), ', ')
FROM pg_catalog.pg_constraint AS put_off JOIN pg_catalog.pg_namespace ON pg_namespace.oid = connamespace
WHERE condeferred AND pg_catalog.has_schema_privilege(connamespace, 'USAGE')
    AND NOT pg_catalog.pg_is_other_temp_schema(connamespace) AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint AS namesake
    WHERE namesake.conname = put_off.conname AND namesake.connamespace = put_off.connamespace
        AND NOT namesake.condeferrable)
