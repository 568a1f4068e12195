-- A relation's name with its schema, quoted.
CREATE OR REPLACE FUNCTION pg_temp.cascade_table(relation oid) RETURNS text LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.format('%I.%I', nspname, relname)
    FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = $1
$cascade$;

-- What a foreign key looks at: a partitioned table with its partitions, any other without those that inherit from it.
CREATE OR REPLACE FUNCTION pg_temp.cascade_scan(relation oid) RETURNS text LANGUAGE sql STABLE AS $cascade$
    SELECT CASE relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || pg_temp.cascade_table($1)
    FROM pg_catalog.pg_class WHERE oid = $1
$cascade$;

-- The table under which a row is known: the partitioned table for a row of a partition.
CREATE OR REPLACE FUNCTION pg_temp.cascade_filed(relation oid) RETURNS oid LANGUAGE sql STABLE AS $cascade$
    SELECT coalesce(pg_catalog.pg_partition_root($1::regclass)::oid, $1)
$cascade$;

-- A relation and the partitioned tables that it is part of.
CREATE OR REPLACE FUNCTION pg_temp.cascade_lineage(relation oid) RETURNS oid[] LANGUAGE sql STABLE AS $cascade$
    SELECT ARRAY(SELECT $1 UNION SELECT relid::oid FROM pg_catalog.pg_partition_ancestors($1::regclass))
$cascade$;

-- A relation with its partitions, and with those that inherit from it.
CREATE OR REPLACE FUNCTION pg_temp.cascade_family(relation oid) RETURNS oid[] LANGUAGE sql STABLE AS $cascade$
    WITH RECURSIVE family (member) AS (
        SELECT $1 UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN family ON inhparent = member)
    SELECT pg_catalog.array_agg(member ORDER BY member) FROM family
$cascade$;

-- The numbers of columns.
CREATE OR REPLACE FUNCTION pg_temp.cascade_numbers(relation oid, names text[]) RETURNS int2[]
LANGUAGE plpgsql STABLE AS $cascade$
DECLARE
    absent text := (
        SELECT name FROM pg_catalog.unnest(names) AS name WHERE NOT EXISTS (
            SELECT FROM pg_catalog.pg_attribute
            WHERE attrelid = relation AND attname = name AND attnum > 0 AND NOT attisdropped)
        LIMIT 1);
BEGIN
    IF absent IS NOT NULL THEN
        RAISE undefined_column USING MESSAGE = pg_catalog.format('%s has no column %I', relation::regclass, absent);
    END IF;
    RETURN ARRAY(
        SELECT attnum FROM pg_catalog.unnest(names) WITH ORDINALITY AS listed (name, place)
        JOIN pg_catalog.pg_attribute ON attrelid = relation AND attname = listed.name
        ORDER BY listed.place);
END
$cascade$;

-- The names of columns.
CREATE OR REPLACE FUNCTION pg_temp.cascade_names(relation oid, numbers int2[]) RETURNS text[]
LANGUAGE sql STABLE AS $cascade$
    SELECT ARRAY(
        SELECT attname::text FROM pg_catalog.unnest($2) WITH ORDINALITY AS listed (number, place)
        JOIN pg_catalog.pg_attribute ON attrelid = $1 AND attnum = listed.number
        ORDER BY listed.place)
$cascade$;

-- Columns in words: posts.user_id, lines.(order_id, number).
CREATE OR REPLACE FUNCTION pg_temp.cascade_words(relation oid, numbers int2[]) RETURNS text
LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.format(CASE pg_catalog.cardinality($2) WHEN 1 THEN '%s.%s' ELSE '%s.(%s)' END, $1::regclass,
        (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(name), ', ' ORDER BY place)
         FROM pg_catalog.unnest(pg_temp.cascade_names($1, $2)) WITH ORDINALITY AS listed (name, place)))
$cascade$;

-- Columns, and those that PostgreSQL generates from them.
CREATE OR REPLACE FUNCTION pg_temp.cascade_with_generated(relation oid, names text[]) RETURNS text[]
LANGUAGE sql STABLE AS $cascade$
    SELECT $2 || ARRAY(
        SELECT DISTINCT made.attname::text
        FROM pg_catalog.pg_attribute AS made
        JOIN pg_catalog.pg_attrdef ON adrelid = made.attrelid AND adnum = made.attnum
        JOIN pg_catalog.pg_depend ON classid = 'pg_catalog.pg_attrdef'::regclass AND objid = pg_attrdef.oid
            AND refclassid = 'pg_catalog.pg_class'::regclass AND refobjid = made.attrelid
        JOIN pg_catalog.pg_attribute AS read ON read.attrelid = made.attrelid AND read.attnum = refobjsubid
        WHERE made.attrelid = $1 AND made.attgenerated <> '' AND read.attname = ANY ($2) AND read.attnum <> made.attnum)
$cascade$;

-- The operator by which values of a column are equal: that of its type's index, wherever the type lives.
CREATE OR REPLACE FUNCTION pg_temp.cascade_equality(relation oid, number int2) RETURNS text
LANGUAGE sql STABLE AS $cascade$
    SELECT coalesce(
        (SELECT pg_catalog.format('OPERATOR(%I.%s)', nspname, oprname)
         FROM pg_catalog.pg_attribute
         JOIN pg_catalog.pg_type ON pg_type.oid = atttypid
         JOIN pg_catalog.pg_opclass ON opcintype = CASE typtype WHEN 'd' THEN typbasetype ELSE atttypid END
             AND opcdefault
         JOIN pg_catalog.pg_am ON pg_am.oid = opcmethod AND amname = 'btree'
         JOIN pg_catalog.pg_amop ON amopfamily = opcfamily AND amopstrategy = 3
             AND amoplefttype = opcintype AND amoprighttype = opcintype
         JOIN pg_catalog.pg_operator ON pg_operator.oid = amopopr
         JOIN pg_catalog.pg_namespace ON pg_namespace.oid = oprnamespace
         WHERE attrelid = $1 AND attnum = $2),
        'OPERATOR(pg_catalog.=)')
$cascade$;

-- The clause by which a key's column is compared under the collation of the one that it refers to, where that is another:
-- https://www.postgresql.org/docs/current/collation.html
CREATE OR REPLACE FUNCTION pg_temp.cascade_collation(child oid, referring int2, parent oid, referred int2) RETURNS text
LANGUAGE sql STABLE AS $cascade$
    SELECT coalesce((
        SELECT pg_catalog.format(' COLLATE %I.%I', nspname, collname)
        FROM pg_catalog.pg_attribute AS own, pg_catalog.pg_attribute AS other, pg_catalog.pg_collation
        JOIN pg_catalog.pg_namespace ON pg_namespace.oid = collnamespace
        WHERE own.attrelid = $1 AND own.attnum = $2 AND other.attrelid = $3 AND other.attnum = $4
            AND other.attcollation NOT IN (0, own.attcollation) AND own.attcollation <> 0
            AND pg_collation.oid = other.attcollation), '')
$cascade$;

-- That a row "child" refers to a row "parent", as a foreign key compares them.
CREATE OR REPLACE FUNCTION pg_temp.cascade_reference(
    child oid, child_columns int2[], parent oid, parent_columns int2[]
) RETURNS text LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.string_agg(
        pg_catalog.format('parent.%I %s child.%I%s', referred.attname, pg_temp.cascade_equality($3, referred.attnum),
            referring.attname, pg_temp.cascade_collation($1, referring.attnum, $3, referred.attnum)),
        ' AND ' ORDER BY pair.place)
    FROM unnest($2, $4) WITH ORDINALITY AS pair (referring, referred, place)
    JOIN pg_catalog.pg_attribute AS referring ON referring.attrelid = $1 AND referring.attnum = pair.referring
    JOIN pg_catalog.pg_attribute AS referred ON referred.attrelid = $3 AND referred.attnum = pair.referred
$cascade$;

-- The column pairs of a key, in an order of their own.
CREATE OR REPLACE FUNCTION pg_temp.cascade_pairs(child_columns int2[], parent_columns int2[]) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $cascade$
    SELECT ARRAY(SELECT pg_catalog.format('%s:%s', child, parent) FROM unnest($1, $2) AS pair (child, parent)
        ORDER BY 1)
$cascade$;

-- A key by what makes it the same in every run: posts' schema really meant, columns in an order of their own.
CREATE OR REPLACE FUNCTION pg_temp.cascade_key_text(
    child oid, child_columns int2[], parent oid, parent_columns int2[]
) RETURNS text LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.format('%s(%s) -> %s(%s)',
        pg_temp.cascade_table($1), pg_catalog.string_agg(pg_catalog.quote_ident(referring),
            ', ' ORDER BY referring COLLATE "C", referred COLLATE "C"),
        pg_temp.cascade_table($3), pg_catalog.string_agg(pg_catalog.quote_ident(referred),
            ', ' ORDER BY referring COLLATE "C", referred COLLATE "C"))
    FROM unnest(pg_temp.cascade_names($1, $2), pg_temp.cascade_names($3, $4)) AS pair (referring, referred)
$cascade$;

-- Many rows, in words.
CREATE OR REPLACE FUNCTION pg_temp.cascade_rows_of(number bigint, relation text) RETURNS text
LANGUAGE sql IMMUTABLE AS $cascade$
    SELECT pg_catalog.format(CASE $1 WHEN 1 THEN '%s row of %s' ELSE '%s rows of %s' END, $1, $2)
$cascade$;

-- Why an operation on two tables is skipped, where one of them is absent and may be; NULL where both are there.
CREATE OR REPLACE FUNCTION pg_temp.cascade_skipped(
    label text, source_table text, referent_table text, if_exists boolean
) RETURNS text LANGUAGE plpgsql STABLE AS $cascade$
DECLARE
    absent text := CASE WHEN pg_catalog.to_regclass(source_table) IS NULL THEN source_table
        WHEN pg_catalog.to_regclass(referent_table) IS NULL THEN referent_table END;
BEGIN
    IF absent IS NULL THEN
        RETURN NULL;
    END IF;
    IF NOT if_exists THEN
        RAISE undefined_table USING MESSAGE = pg_catalog.format('%s: the table %s does not exist', label, absent);
    END IF;
    RETURN pg_catalog.format('skipped, the table %s does not exist', absent);
END
$cascade$;
