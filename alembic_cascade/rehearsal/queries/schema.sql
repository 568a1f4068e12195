-- Everything that a migration could leave changed, by kind, name and definition. Not the order of columns, which nothing
-- but a new table can give back; nor what belongs to an extension, to the quarantine, or to a system schema.
WITH schemas AS (
    SELECT oid, nspname FROM pg_catalog.pg_namespace
    WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)'
),
quarantine AS (
    SELECT objoid AS oid FROM pg_catalog.pg_description WHERE classoid = 'pg_class'::regclass AND objsubid = 0
        AND pg_catalog.starts_with(description, '{"alembic_cascade" : "quarantine"')
),
of_extensions AS (
    SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
),
relations AS (
    SELECT c.*, pg_catalog.format('%I.%I', n.nspname, c.relname) AS label
    FROM pg_catalog.pg_class AS c JOIN schemas AS n ON n.oid = c.relnamespace
    WHERE NOT EXISTS (SELECT FROM of_extensions WHERE classid = 'pg_class'::regclass AND objid = c.oid)
        AND NOT EXISTS (SELECT FROM quarantine WHERE quarantine.oid = c.oid)
        AND NOT EXISTS (SELECT FROM quarantine JOIN pg_catalog.pg_depend ON refclassid = 'pg_class'::regclass
            AND refobjid = quarantine.oid WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i'))
),
tables AS (SELECT * FROM relations WHERE relkind IN ('r', 'p', 'f')),
functions AS (
    SELECT p.*, pg_catalog.format('%I.%s', n.nspname, pg_catalog.format('%I(%s)', proname,
        pg_catalog.pg_get_function_identity_arguments(p.oid))) AS label
    FROM pg_catalog.pg_proc AS p JOIN schemas AS n ON n.oid = pronamespace
    WHERE NOT EXISTS (SELECT FROM of_extensions WHERE classid = 'pg_proc'::regclass AND objid = p.oid)
        -- Nor those that a range type brings along.
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend
            WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'i')
),
types AS (
    SELECT t.*, pg_catalog.format('%I.%I', n.nspname, typname) AS label
    FROM pg_catalog.pg_type AS t JOIN schemas AS n ON n.oid = typnamespace
    WHERE NOT EXISTS (SELECT FROM of_extensions WHERE classid = 'pg_type'::regclass AND objid = t.oid)
),
found (kind, name, definition) AS (
    SELECT 'schema', pg_catalog.quote_ident(s.nspname), pg_catalog.concat_ws(E'\n',
        'owner ' || pg_catalog.pg_get_userbyid(nspowner), 'privileges ' || nspacl::text,
        'comment ' || pg_catalog.obj_description(s.oid, 'pg_namespace'))
    FROM schemas AS s JOIN pg_catalog.pg_namespace AS n USING (oid)
    WHERE pg_catalog.obj_description(s.oid, 'pg_namespace') IS DISTINCT FROM 'Rows that alembic_cascade set aside.'
    UNION ALL
    SELECT 'extension', extname::text, extversion FROM pg_catalog.pg_extension
    UNION ALL
    SELECT 'table', label, pg_catalog.concat_ws(E'\n',
        'kind ' || relkind::text || relpersistence::text, 'owner ' || pg_catalog.pg_get_userbyid(relowner),
        'partitioned by ' || pg_catalog.pg_get_partkeydef(oid),
        'partition ' || pg_catalog.pg_get_expr(relpartbound, oid),
        'inherits ' || (SELECT pg_catalog.string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno)
            FROM pg_catalog.pg_inherits WHERE inhrelid = tables.oid),
        'options ' || reloptions::text, 'privileges ' || relacl::text, 'replica identity ' || relreplident::text,
        CASE WHEN relrowsecurity THEN 'row security' END, CASE WHEN relforcerowsecurity THEN 'forced row security' END,
        'tablespace ' || (SELECT spcname FROM pg_catalog.pg_tablespace AS s WHERE s.oid = reltablespace),
        'comment ' || pg_catalog.obj_description(oid, 'pg_class'))
    FROM tables
    UNION ALL
    SELECT 'column', label || '.' || pg_catalog.quote_ident(attname), pg_catalog.concat_ws(E'\n',
        pg_catalog.format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'not null' END,
        CASE attgenerated WHEN '' THEN 'default ' ELSE 'generated ' || attgenerated::text || ' ' END
            || pg_catalog.pg_get_expr(adbin, adrelid),
        'identity ' || nullif(attidentity::text, ''),
        'collation ' || (SELECT collname FROM pg_catalog.pg_collation AS c WHERE c.oid = attcollation
            AND attcollation <> typcollation),
        'storage ' || CASE WHEN attstorage <> typstorage THEN attstorage::text END,
        'compression ' || nullif(attcompression::text, ''), 'statistics ' || nullif(attstattarget, -1)::text,
        'options ' || attoptions::text, 'privileges ' || attacl::text,
        'comment ' || pg_catalog.col_description(attrelid, attnum))
    FROM pg_catalog.pg_attribute AS a JOIN tables ON tables.oid = attrelid
        JOIN pg_catalog.pg_type AS t ON t.oid = atttypid
        LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT CASE contype WHEN 'f' THEN 'foreign key' ELSE 'constraint' END,
        label || '.' || pg_catalog.quote_ident(conname), pg_catalog.concat_ws(E'\n',
        pg_catalog.pg_get_constraintdef(k.oid), CASE WHEN NOT convalidated THEN 'not valid' END,
        'triggers ' || (SELECT pg_catalog.string_agg(tgenabled::text, '' ORDER BY tgtype, tgfoid)
            FROM pg_catalog.pg_trigger WHERE tgconstraint = k.oid AND tgisinternal AND tgenabled <> 'O'),
        'comment ' || pg_catalog.obj_description(k.oid, 'pg_constraint'))
    FROM pg_catalog.pg_constraint AS k JOIN tables ON tables.oid = conrelid
    -- NOT NULL is told of the column, a constraint trigger as a trigger; a clone's name is PostgreSQL's own.
    WHERE contype NOT IN ('n', 't') AND conparentid = 0
    UNION ALL
    SELECT 'index', t.label || '.' || pg_catalog.quote_ident(relations.relname), pg_catalog.concat_ws(E'\n',
        pg_catalog.pg_get_indexdef(i.indexrelid), CASE WHEN NOT indisvalid THEN 'not valid' END,
        CASE WHEN indisclustered THEN 'clustered' END, CASE WHEN indisreplident THEN 'replica identity' END,
        'comment ' || pg_catalog.obj_description(i.indexrelid, 'pg_class'))
    FROM pg_catalog.pg_index AS i JOIN relations ON relations.oid = i.indexrelid JOIN relations AS t ON t.oid = indrelid
    -- That of a constraint is told with it, that of a partition with the partitioned table's.
    WHERE NOT relations.relispartition AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
        WHERE conindid = i.indexrelid AND contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT 'trigger', label || '.' || pg_catalog.quote_ident(tgname), pg_catalog.concat_ws(E'\n',
        pg_catalog.pg_get_triggerdef(t.oid), 'enabled ' || tgenabled::text,
        'comment ' || pg_catalog.obj_description(t.oid, 'pg_trigger'))
    FROM pg_catalog.pg_trigger AS t JOIN relations ON relations.oid = tgrelid
    WHERE NOT tgisinternal AND tgparentid = 0
    UNION ALL
    SELECT 'policy', label || '.' || pg_catalog.quote_ident(polname), pg_catalog.concat_ws(E'\n',
        polcmd::text, CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END,
        (SELECT pg_catalog.string_agg(CASE role WHEN 0 THEN 'public' ELSE role::regrole::text END, ', ' ORDER BY role)
            FROM pg_catalog.unnest(polroles) AS role),
        'using ' || pg_catalog.pg_get_expr(polqual, polrelid),
        'with check ' || pg_catalog.pg_get_expr(polwithcheck, polrelid))
    FROM pg_catalog.pg_policy JOIN tables ON tables.oid = polrelid
    UNION ALL
    SELECT CASE relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END, label, pg_catalog.concat_ws(E'\n',
        pg_catalog.pg_get_viewdef(oid), 'owner ' || pg_catalog.pg_get_userbyid(relowner),
        'options ' || reloptions::text, 'privileges ' || relacl::text,
        CASE WHEN NOT relispopulated THEN 'not populated' END,
        'comment ' || pg_catalog.obj_description(oid, 'pg_class'))
    FROM relations WHERE relkind IN ('v', 'm')
    UNION ALL
    SELECT 'rule', label || '.' || pg_catalog.quote_ident(rulename), pg_catalog.concat_ws(E'\n',
        pg_catalog.pg_get_ruledef(r.oid), 'enabled ' || ev_enabled::text)
    FROM pg_catalog.pg_rewrite AS r JOIN relations ON relations.oid = ev_class
    WHERE rulename <> '_RETURN'
    UNION ALL
    SELECT 'sequence', coalesce(owner.label || '.' || pg_catalog.quote_ident(relname), relations.label),
        pg_catalog.concat_ws(E'\n',
        pg_catalog.format('%s start %s min %s max %s increment %s cache %s', seqtypid::regtype, seqstart, seqmin, seqmax,
            seqincrement, seqcache), CASE WHEN seqcycle THEN 'cycle' END,
        'owner ' || pg_catalog.pg_get_userbyid(relowner), 'privileges ' || relacl::text,
        'owned by ' || owner.attname,
        'comment ' || pg_catalog.obj_description(relations.oid, 'pg_class'))
    FROM relations JOIN pg_catalog.pg_sequence ON seqrelid = relations.oid
        LEFT JOIN (SELECT objid, tables.label, attname FROM pg_catalog.pg_depend
            JOIN tables ON refclassid = 'pg_class'::regclass AND refobjid = tables.oid
            JOIN pg_catalog.pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
            WHERE classid = 'pg_class'::regclass AND deptype IN ('a', 'i')) AS owner ON owner.objid = relations.oid
    UNION ALL
    SELECT CASE prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END, label,
        pg_catalog.concat_ws(E'\n',
        CASE WHEN prokind <> 'a' THEN pg_catalog.pg_get_functiondef(oid) END,
        'owner ' || pg_catalog.pg_get_userbyid(proowner), 'privileges ' || proacl::text,
        'comment ' || pg_catalog.obj_description(oid, 'pg_proc'))
    FROM functions
    UNION ALL
    SELECT CASE typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' ELSE 'type' END, label, pg_catalog.concat_ws(E'\n',
        (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
            FROM pg_catalog.pg_enum WHERE enumtypid = types.oid),
        CASE typtype WHEN 'd' THEN pg_catalog.format_type(typbasetype, typtypmod) END,
        CASE WHEN typnotnull THEN 'not null' END, 'default ' || typdefault,
        (SELECT pg_catalog.string_agg(pg_catalog.format('%I %s%s', conname, pg_catalog.pg_get_constraintdef(k.oid),
                CASE WHEN convalidated THEN '' ELSE ' not valid' END), E'\n' ORDER BY conname)
            FROM pg_catalog.pg_constraint AS k WHERE contypid = types.oid AND contype <> 'n'),
        (SELECT pg_catalog.string_agg(pg_catalog.format('%I %s', attname,
                pg_catalog.format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
            FROM pg_catalog.pg_attribute WHERE attrelid = typrelid AND typtype = 'c' AND NOT attisdropped),
        'owner ' || pg_catalog.pg_get_userbyid(typowner), 'privileges ' || typacl::text,
        'comment ' || pg_catalog.obj_description(oid, 'pg_type'))
    FROM types
    WHERE typtype IN ('e', 'd', 'r')
        OR typtype = 'c' AND EXISTS (SELECT FROM relations WHERE relations.oid = typrelid AND relkind = 'c')
    UNION ALL
    SELECT 'statistics', pg_catalog.format('%I.%I', nspname, stxname), pg_catalog.pg_get_statisticsobjdef(s.oid)
    FROM pg_catalog.pg_statistic_ext AS s JOIN schemas ON schemas.oid = stxnamespace
)
SELECT kind, name, definition FROM found ORDER BY kind COLLATE "C", name COLLATE "C"
