-- How to ask each sequence that may be read where it is: no transaction takes back what setval() does. One that cycles goes
-- back by itself.
SELECT pg_catalog.string_agg(pg_catalog.format('SELECT %s AS oid, %L AS label, last_value, is_called, %s AS step FROM %I.%I',
    c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), s.seqincrement, n.nspname, c.relname),
    ' UNION ALL ' ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C")
FROM pg_catalog.pg_sequence AS s JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT s.seqcycle AND c.relpersistence <> 't' AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    -- Of another relation it can't be asked, in whatever order this is looked at.
    AND CASE WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT') END
