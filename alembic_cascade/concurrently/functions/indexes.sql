-- The valid indexes of a relation by which the rows of a key's columns are found, in whichever order they have them. One
-- that leaves out NULLs alone serves as well: a key never looks for them.
CREATE OR REPLACE FUNCTION pg_temp.cascade_serving_indexes(relation oid, names text[])
RETURNS TABLE (index oid, valid boolean) LANGUAGE sql STABLE AS $cascade$
    SELECT indexrelid, indisvalid AND indisready
    FROM pg_catalog.pg_index
    JOIN pg_catalog.pg_class ON pg_class.oid = indexrelid JOIN pg_catalog.pg_am ON pg_am.oid = relam
    WHERE indrelid = $1 AND indexprs IS NULL AND (amname = 'btree' OR amname = 'hash' AND pg_catalog.cardinality($2) = 1)
        AND (indpred IS NULL OR pg_catalog.pg_get_expr(indpred, indrelid) = ANY (ARRAY(
            SELECT pg_catalog.format('(%I IS NOT NULL)', name) FROM pg_catalog.unnest($2) AS name)))
        AND ARRAY(SELECT name FROM pg_catalog.unnest($2) AS name ORDER BY name COLLATE "C") = ARRAY(
            SELECT attname::text FROM pg_catalog.unnest(
                (indkey::int2[])[0:least(pg_catalog.cardinality($2), indnkeyatts) - 1]) AS number
            JOIN pg_catalog.pg_attribute ON attrelid = indrelid AND attnum = number ORDER BY attname COLLATE "C")
$cascade$;

-- What an index is called while it is being built, on a table or on one of its partitions: by it a left-over is known.
CREATE OR REPLACE FUNCTION pg_temp.cascade_building_name(relation oid, names text[]) RETURNS text
LANGUAGE sql STABLE AS $cascade$
    SELECT 'alembic_cascade_building_' || pg_catalog.substr(pg_catalog.md5($1::text || $2::text), 1, 12)
$cascade$;

-- The statements that build an index on a key's columns where there is none, each to be run for itself: a function can't
-- build one CONCURRENTLY. What an interrupted build left is removed first.
-- https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
CREATE OR REPLACE FUNCTION pg_temp.cascade_index_statements(
    index_name text, source_table text, local_cols text[], plainly boolean
) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $cascade$
DECLARE
    source oid := pg_catalog.to_regclass(source_table);
    part record;
    manner text := CASE WHEN plainly THEN '' ELSE 'CONCURRENTLY ' END;
    namesake oid;
BEGIN
    IF source IS NULL OR EXISTS (SELECT FROM pg_temp.cascade_serving_indexes(source, local_cols) WHERE valid) THEN
        RETURN;
    END IF;
    PERFORM pg_temp.cascade_numbers(source, local_cols);
    namesake := pg_catalog.to_regclass(pg_catalog.format('%s.%I', pg_temp.cascade_schema_of(source), index_name));
    IF EXISTS (SELECT FROM pg_temp.cascade_serving_indexes(source, local_cols) AS serving
        WHERE serving.index = namesake AND NOT serving.valid)
    THEN
        -- Somebody's interrupted build.
        RETURN NEXT pg_catalog.format('DROP INDEX %s%s', manner, pg_temp.cascade_table(namesake));
    ELSIF namesake IS NOT NULL THEN
        RAISE duplicate_table USING MESSAGE = pg_catalog.format(
            'something else is named %I already; give the index another name', index_name);
    END IF;
    FOR part IN
        SELECT member, pg_temp.cascade_building_name(member, local_cols) AS building
        FROM pg_catalog.unnest(pg_temp.cascade_family(source)) AS member
        JOIN pg_catalog.pg_class ON pg_class.oid = member AND relkind = 'r'
        WHERE member = source OR (SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = source)
        ORDER BY member
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_temp.cascade_serving_indexes(part.member, local_cols) WHERE valid);
        IF pg_catalog.to_regclass(pg_catalog.format('%s.%I', pg_temp.cascade_schema_of(part.member), part.building)) IS NOT NULL THEN
            RETURN NEXT pg_catalog.format('DROP INDEX %s%s.%I', manner, pg_temp.cascade_schema_of(part.member), part.building);
        END IF;
        RETURN NEXT pg_catalog.format('CREATE INDEX %s%I ON %s (%s)', manner, part.building,
            pg_temp.cascade_table(part.member),
            (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(name), ', ' ORDER BY place)
             FROM pg_catalog.unnest(local_cols) WITH ORDINALITY AS listed (name, place)));
    END LOOP;
END
$cascade$;

-- Give an index that was built its name, and note that the revision made it; of a partitioned table, put those of its
-- partitions together.
CREATE OR REPLACE FUNCTION pg_temp.cascade_finish_index(
    label text, index_name text, source_table text, local_cols text[], revision text, if_exists boolean
) RETURNS TABLE (level text, message text, again boolean, done bigint, total bigint) LANGUAGE plpgsql AS $cascade$
DECLARE
    source oid := pg_catalog.to_regclass(source_table);
    remark text := pg_catalog.json_build_object('alembic_cascade', 'index', 'revision', revision);
    built text;
    standing text;
BEGIN
    level := 'info';
    again := false;
    message := pg_temp.cascade_skipped(label, source_table, source_table, if_exists);
    IF message IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    built := pg_catalog.format('%s.%I', pg_temp.cascade_schema_of(source), pg_temp.cascade_building_name(source, local_cols));
    SELECT relname INTO standing FROM pg_temp.cascade_serving_indexes(source, local_cols) AS serving
    JOIN pg_catalog.pg_class ON pg_class.oid = serving.index
    WHERE valid ORDER BY relname = pg_temp.cascade_building_name(source, local_cols) DESC, relname LIMIT 1;
    IF standing = pg_temp.cascade_building_name(source, local_cols) THEN
        EXECUTE pg_catalog.format('ALTER INDEX %s RENAME TO %I', built, index_name);
    ELSIF standing IS NOT NULL THEN
        message := pg_catalog.format('the index %I is there', standing);
        RETURN NEXT;
        RETURN;
    ELSIF EXISTS (
        SELECT FROM pg_catalog.pg_partition_tree(source::regclass) AS part,
            pg_temp.cascade_serving_indexes(part.relid::oid, local_cols) AS serving
            JOIN pg_catalog.pg_class ON pg_class.oid = serving.index
        WHERE part.isleaf AND relname <> pg_temp.cascade_building_name(part.relid::oid, local_cols)
            AND pg_catalog.obj_description(serving.index, 'pg_class') IS DISTINCT FROM remark)
    THEN
        -- What a partition has of its own would become a part of the table's, and go with it.
        PERFORM pg_temp.cascade_rename_built(part.relid::oid, local_cols, remark)
        FROM pg_catalog.pg_partition_tree(source::regclass) AS part WHERE part.isleaf;
        message := 'an index is built on each partition that had none';
        RETURN NEXT;
        RETURN;
    ELSE
        -- Without CONCURRENTLY, but each partition has its index by now: none is built.
        PERFORM pg_temp.cascade_lock_all(ARRAY[source], 'SHARE');
        IF EXISTS (
            SELECT FROM pg_catalog.pg_partition_tree(source::regclass) AS part WHERE part.isleaf
                AND NOT EXISTS (SELECT FROM pg_temp.cascade_serving_indexes(part.relid::oid, local_cols) WHERE valid))
        THEN
            message := 'a partition came meanwhile';
            RETURN NEXT;
            RETURN;
        END IF;
        EXECUTE pg_catalog.format('CREATE INDEX %I ON %s (%s)', index_name, pg_temp.cascade_table(source),
            (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(name), ', ' ORDER BY place)
             FROM pg_catalog.unnest(local_cols) WITH ORDINALITY AS listed (name, place)));
        PERFORM pg_temp.cascade_rename_built(part.relid::oid, local_cols, NULL)
        FROM pg_catalog.pg_partition_tree(source::regclass) AS part WHERE part.isleaf;
    END IF;
    EXECUTE pg_catalog.format('COMMENT ON INDEX %s.%I IS %L', pg_temp.cascade_schema_of(source), index_name, remark);
    message := pg_catalog.format('the index %I is built', index_name);
    RETURN NEXT;
END
$cascade$;

-- Give an index that was built for a partition the name that PostgreSQL would have given it, where that is free.
CREATE OR REPLACE FUNCTION pg_temp.cascade_rename_built(relation oid, names text[], remark text) RETURNS void
LANGUAGE plpgsql AS $cascade$
DECLARE
    home text := pg_temp.cascade_schema_of(relation);
    building text := pg_temp.cascade_building_name(relation, names);
    name text := (SELECT relname FROM pg_catalog.pg_class WHERE oid = relation) || '_'
        || pg_catalog.array_to_string(names, '_') || '_idx';
BEGIN
    IF remark IS NOT NULL AND pg_catalog.to_regclass(pg_catalog.format('%s.%I', home, building)) IS NOT NULL THEN
        EXECUTE pg_catalog.format('COMMENT ON INDEX %s.%I IS %L', home, building, remark);
    END IF;
    IF pg_catalog.to_regclass(pg_catalog.format('%s.%I', home, building)) IS NOT NULL
        AND pg_catalog.octet_length(name) <= 63 AND pg_catalog.to_regclass(pg_catalog.format('%s.%I', home, name)) IS NULL
    THEN
        EXECUTE pg_catalog.format('ALTER INDEX %s.%I RENAME TO %I', home, building, name);
    END IF;
END
$cascade$;

-- The statements that drop the index that a revision made, and what an interrupted build of it left.
CREATE OR REPLACE FUNCTION pg_temp.cascade_index_drop_statements(
    source_table text, local_cols text[], revision text, plainly boolean
) RETURNS SETOF text LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.format('DROP INDEX %s%s',
        CASE WHEN $4 THEN '' ELSE 'CONCURRENTLY ' END, pg_temp.cascade_table(pg_class.oid))
    FROM pg_catalog.unnest(pg_temp.cascade_family(pg_catalog.to_regclass($1))) AS member
    JOIN pg_catalog.pg_index ON indrelid = member
    JOIN pg_catalog.pg_class ON pg_class.oid = indexrelid
    WHERE NOT relispartition AND ($4 OR pg_class.relkind <> 'I') AND (
        relname = pg_temp.cascade_building_name(member, $2)
        OR pg_catalog.obj_description(pg_class.oid, 'pg_class')
            = pg_catalog.json_build_object('alembic_cascade', 'index', 'revision', $3)::text)
    ORDER BY pg_class.oid
$cascade$;

-- Drop the index that a revision made on a partitioned table, for which there is no CONCURRENTLY.
CREATE OR REPLACE FUNCTION pg_temp.cascade_drop_partitioned_index(source_table text, revision text)
RETURNS TABLE (level text, message text, again boolean, done bigint, total bigint) LANGUAGE plpgsql AS $cascade$
DECLARE
    made oid := (
        SELECT indexrelid FROM pg_catalog.pg_index JOIN pg_catalog.pg_class ON pg_class.oid = indexrelid AND relkind = 'I'
        WHERE indrelid = pg_catalog.to_regclass(source_table) AND pg_catalog.obj_description(indexrelid, 'pg_class')
            = pg_catalog.json_build_object('alembic_cascade', 'index', 'revision', revision)::text LIMIT 1);
BEGIN
    level := 'info';
    again := made IS NOT NULL;
    IF again THEN
        PERFORM pg_temp.cascade_lock_all(ARRAY[pg_catalog.to_regclass(source_table)::oid], 'ACCESS EXCLUSIVE');
        EXECUTE pg_catalog.format('DROP INDEX %s', pg_temp.cascade_table(made));
        message := 'the index is dropped';
    END IF;
    RETURN NEXT;
END
$cascade$;
