WITH link AS (
    SELECT number, pg_catalog.to_regclass(given ->> 'child')::oid AS child,
        pg_catalog.to_regclass(given ->> 'parent')::oid AS parent,
        ARRAY(SELECT pg_catalog.jsonb_array_elements_text(given -> 'columns')) AS columns,
        ARRAY(SELECT pg_catalog.jsonb_array_elements_text(given -> 'referred')) AS referred,
        ARRAY(SELECT pg_catalog.jsonb_array_elements_text(given -> 'filled')) AS filled
    FROM pg_catalog.jsonb_array_elements(CAST(:links AS jsonb)) WITH ORDINALITY AS listed (given, number)
), relation AS (
    -- What a foreign key looks at: a partitioned table with its partitions, any other without those that inherit.
    SELECT pg_class.oid, nspname, relname,
        pg_catalog.format('%s%I.%I', CASE WHEN relkind IN ('r', 'f') THEN 'ONLY ' END, nspname, relname) AS scan
    FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'f', 'v', 'm')
)
SELECT child.nspname AS child_schema, child.relname AS child_name, child.scan AS child_scan,
    parent.nspname AS parent_schema, parent.relname AS parent_name, parent.scan AS parent_scan,
    ARRAY(
        SELECT name FROM pg_catalog.unnest(columns) WITH ORDINALITY AS wanted (name, place)
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
            WHERE attrelid = child.oid AND attname = name AND attnum > 0 AND NOT attisdropped) ORDER BY place
    ) AS absent_columns,
    ARRAY(
        SELECT name FROM pg_catalog.unnest(referred || filled) WITH ORDINALITY AS wanted (name, place)
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
            WHERE attrelid = parent.oid AND attname = name AND attnum > 0 AND NOT attisdropped) ORDER BY place
    ) AS absent_referred,
    ARRAY(
        SELECT attname::text
        FROM pg_catalog.pg_index, pg_catalog.unnest(indkey::int2[]) WITH ORDINALITY AS member (number, place)
        JOIN pg_catalog.pg_attribute ON attnum = member.number
        WHERE indrelid = child.oid AND attrelid = child.oid AND indisprimary AND place <= indnkeyatts ORDER BY place
    ) AS row_key,
    -- As a foreign key compares: by the equality of the index on the referent, under the referent's collation.
    -- pg_temp.cascade_reference() says the same.
    (
        SELECT pg_catalog.string_agg(pg_catalog.format('parent.%I %s child.%I%s', theirs.attname,
            coalesce((
                SELECT pg_catalog.format('OPERATOR(%I.%s)', nspname, oprname)
                FROM pg_catalog.pg_type
                JOIN pg_catalog.pg_opclass ON opcintype = CASE typtype WHEN 'd' THEN typbasetype
                    ELSE pg_type.oid END AND opcdefault
                JOIN pg_catalog.pg_am ON pg_am.oid = opcmethod AND amname = 'btree'
                JOIN pg_catalog.pg_amop ON amopfamily = opcfamily AND amopstrategy = 3
                    AND amoplefttype = opcintype AND amoprighttype = opcintype
                JOIN pg_catalog.pg_operator ON pg_operator.oid = amopopr
                JOIN pg_catalog.pg_namespace ON pg_namespace.oid = oprnamespace
                WHERE pg_type.oid = theirs.atttypid), 'OPERATOR(pg_catalog.=)'),
            own.attname,
            CASE WHEN theirs.attcollation NOT IN (0, own.attcollation) AND own.attcollation <> 0 THEN (
                SELECT pg_catalog.format(' COLLATE %I.%I', nspname, collname)
                FROM pg_catalog.pg_collation JOIN pg_catalog.pg_namespace ON pg_namespace.oid = collnamespace
                WHERE pg_collation.oid = theirs.attcollation) END), ' AND ' ORDER BY place)
        FROM unnest(columns, referred) WITH ORDINALITY AS pair (name, other_name, place)
        JOIN pg_catalog.pg_attribute AS own ON own.attrelid = child.oid AND own.attname = name
        JOIN pg_catalog.pg_attribute AS theirs ON theirs.attrelid = parent.oid AND theirs.attname = other_name
    ) AS condition
FROM link
LEFT JOIN relation AS child ON child.oid = link.child
LEFT JOIN relation AS parent ON parent.oid = link.parent
ORDER BY number
