-- Whether a table's keys have to be made partition by partition: before release 18 a partitioned table takes none that is
-- NOT VALID. https://www.postgresql.org/docs/17/sql-altertable.html
CREATE OR REPLACE FUNCTION pg_temp.cascade_is_partitioned(relation oid) RETURNS boolean LANGUAGE sql STABLE AS $cascade$
    SELECT relkind = 'p' AND pg_catalog.current_setting('server_version_num')::int < 180000
    FROM pg_catalog.pg_class WHERE oid = $1
$cascade$;

-- The partitions of a table that hold rows, each with the key of its own that is alike and does the same.
CREATE OR REPLACE FUNCTION pg_temp.cascade_leaves(root oid, described jsonb)
RETURNS TABLE (leaf oid, conname name, convalidated boolean) LANGUAGE sql STABLE AS $cascade$
    SELECT relid::oid, own.conname, own.convalidated
    FROM pg_catalog.pg_partition_tree($1::regclass)
    LEFT JOIN LATERAL (
        SELECT alike.conname, alike.convalidated FROM pg_temp.cascade_alike(relid::oid, $2) AS alike
        WHERE pg_temp.cascade_does(alike, $2) ORDER BY alike.convalidated DESC LIMIT 1) AS own ON true
    WHERE isleaf
    ORDER BY relid::regclass::text
$cascade$;

-- Whether a partition's key was made beside a described one: the first name may be somebody else's.
CREATE OR REPLACE FUNCTION pg_temp.cascade_is_beside(name name, described jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $cascade$
    SELECT $1::text IN ($2 ->> 'beside', ($2 ->> 'beside') || '_beside')
$cascade$;

-- The keys of their own by which partitions stand in for a described one, one each: the exchange of a translation took
-- it from the table.
CREATE OR REPLACE FUNCTION pg_temp.cascade_stand_ins(root oid, described jsonb) RETURNS SETOF pg_catalog.pg_constraint
LANGUAGE sql STABLE AS $cascade$
    SELECT own.* FROM pg_catalog.pg_partition_tree($1::regclass),
        LATERAL (SELECT * FROM pg_temp.cascade_alike(relid::oid, $2) LIMIT 1) AS own
    WHERE isleaf AND pg_temp.cascade_is_partitioned($1)
    ORDER BY relid::regclass::text
$cascade$;

-- Bring the key of a partitioned table one step nearer: each partition gets it NOT VALID, then valid; the table itself
-- then takes over theirs without looking at a row.
CREATE OR REPLACE FUNCTION pg_temp.cascade_alter_partitions(
    label text, root oid, existing jsonb, target jsonb
) RETURNS TABLE (level text, message text, again boolean, done bigint, total bigint) LANGUAGE plpgsql AS $cascade$
DECLARE
    referent oid := pg_catalog.to_regclass(target ->> 'referent');
    wants_valid boolean := (target ->> 'valid')::boolean;
    old pg_catalog.pg_constraint;
    made pg_catalog.pg_constraint;
    part record;
BEGIN
    level := 'info';
    again := true;
    -- The table itself has no key that is NOT VALID: what is alike then is another key.
    SELECT * INTO old FROM pg_temp.cascade_alike(root, existing) AS alike
    WHERE alike.conname = existing ->> 'name' OR (existing ->> 'valid')::boolean LIMIT 1;
    -- Where a key has its name, one with another name is not the one that has to change, whatever it does.
    SELECT * INTO made FROM (
        SELECT * FROM pg_temp.cascade_alike(root, target) AS alike
        WHERE existing IS NOT NULL OR alike.conname = target ->> 'name'
        ORDER BY alike.conname = target ->> 'name' DESC, alike.conname = existing ->> 'name' DESC,
            pg_temp.cascade_does(alike, target) DESC, alike.conname LIMIT 1) AS first;
    IF NOT pg_temp.cascade_does(made, target) THEN
        made := NULL;
    END IF;
    IF made.conname <> target ->> 'name' AND EXISTS (
        SELECT FROM pg_catalog.pg_partition_tree(root::regclass) AS tree, pg_temp.cascade_alike(tree.relid::oid, target) AS alike
        WHERE tree.isleaf AND alike.conname = target ->> 'name')
    THEN
        -- It is another key: partitions have the one that is to be already.
        made := NULL;
    END IF;
    IF made.oid IS NOT NULL AND pg_temp.cascade_is_same(existing, target) THEN
        old := made;
    END IF;
    IF made.oid IS NULL AND existing IS NULL AND pg_temp.cascade_is_in_place(root, target) THEN
        again := false;
        RETURN NEXT;
        RETURN;
    END IF;
    IF made.oid IS NULL THEN
        SELECT * INTO part FROM pg_temp.cascade_leaves(root, target) AS leaves
        WHERE leaves.conname IS NULL AND (wants_valid OR old.oid IS NULL) LIMIT 1;
        IF FOUND THEN
            PERFORM pg_temp.cascade_lock_all(ARRAY[referent, part.leaf], 'SHARE ROW EXCLUSIVE');
            PERFORM pg_temp.cascade_make(part.leaf, target, CASE WHEN EXISTS (
                    SELECT FROM pg_catalog.pg_constraint WHERE conrelid = part.leaf AND conname = target ->> 'name')
                THEN target ->> 'beside' ELSE target ->> 'name' END, NULL, NULL);
            message := pg_catalog.format('stands NOT VALID on %s', part.leaf::regclass);
            RETURN NEXT;
            RETURN;
        END IF;
        IF NOT wants_valid THEN
            IF old.oid IS NOT NULL THEN
                RAISE feature_not_supported USING MESSAGE = pg_catalog.format(
                    'before PostgreSQL 18 a partitioned table such as %s takes no key that is NOT VALID', root::regclass);
            END IF;
            again := false;
            RETURN NEXT;
            RETURN;
        END IF;
        SELECT * INTO part FROM pg_temp.cascade_leaves(root, target) AS leaves WHERE NOT leaves.convalidated LIMIT 1;
        IF FOUND THEN
            PERFORM pg_temp.cascade_validate(part.leaf, part.conname);
            message := pg_catalog.format('validated on %s', part.leaf::regclass);
            RETURN NEXT;
            RETURN;
        END IF;
        message := pg_temp.cascade_take_over(root, existing, target, old);
        RETURN NEXT;
        RETURN;
    END IF;
    -- What a run in either direction left beside it, when it was turned back. A key that does something else is not ours.
    SELECT alike.conrelid, alike.confrelid, alike.conname INTO part
    FROM pg_catalog.pg_partition_tree(root::regclass) AS tree, (VALUES (existing), (target)) AS ours (described),
        pg_temp.cascade_alike(tree.relid::oid, described) AS alike
    WHERE tree.isleaf AND pg_temp.cascade_does(alike, described)
        AND (pg_temp.cascade_is_beside(alike.conname, existing) OR pg_temp.cascade_is_beside(alike.conname, target))
    ORDER BY tree.relid::regclass::text LIMIT 1;
    IF FOUND THEN
        PERFORM pg_temp.cascade_lock_all(ARRAY[part.confrelid, part.conrelid], 'ACCESS EXCLUSIVE');
        EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', pg_temp.cascade_table(part.conrelid), part.conname);
        message := pg_catalog.format('left-over key dropped from %s', part.conrelid::regclass);
        RETURN NEXT;
        RETURN;
    END IF;
    IF old.oid <> made.oid AND old.conname = existing ->> 'name' THEN
        PERFORM pg_temp.cascade_lock_all(ARRAY[old.confrelid, referent, root], 'ACCESS EXCLUSIVE');
        EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', pg_temp.cascade_table(root), old.conname);
        message := pg_catalog.format('the key %s is gone', old.conname);
        RETURN NEXT;
        RETURN;
    END IF;
    again := false;
    RETURN NEXT;
END
$cascade$;

-- The partitioned table takes over the keys of its partitions, in the place of the one that it had; in words.
CREATE OR REPLACE FUNCTION pg_temp.cascade_take_over(
    root oid, existing jsonb, target jsonb, old pg_catalog.pg_constraint
) RETURNS text LANGUAGE plpgsql AS $cascade$
DECLARE
    name text := CASE WHEN old.conname <> existing ->> 'name' THEN old.conname ELSE target ->> 'name' END;
    -- Of a key that went in the exchange of a translation, the partitions have it meanwhile.
    carried text := (SELECT pg_catalog.max(pg_catalog.obj_description(own.oid, 'pg_constraint'))
        FROM pg_temp.cascade_stand_ins(root, target) AS own WHERE old.oid IS NULL AND existing IS NOT NULL);
    remark text := coalesce(target ->> 'comment', pg_catalog.obj_description(old.oid, 'pg_constraint'), carried);
    part record;
BEGIN
    PERFORM pg_temp.cascade_lock_all(
        ARRAY(SELECT DISTINCT parent FROM pg_catalog.unnest(ARRAY[old.confrelid,
            pg_catalog.to_regclass(target ->> 'referent')::oid]) AS parent WHERE parent IS NOT NULL) || root,
        CASE WHEN old.oid IS NULL THEN 'SHARE ROW EXCLUSIVE' ELSE 'ACCESS EXCLUSIVE' END);
    -- A partition that came meanwhile has no key yet: it would be looked at under these locks.
    IF EXISTS (SELECT FROM pg_temp.cascade_leaves(root, target) AS leaves WHERE leaves.convalidated IS NOT TRUE) THEN
        RETURN 'a partition came meanwhile';
    END IF;
    FOR part IN
        SELECT conrelid, conname FROM pg_temp.cascade_stand_ins(root, target) AS own
        WHERE pg_catalog.obj_description(own.oid, 'pg_constraint') = carried
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS NULL', part.conname, pg_temp.cascade_table(part.conrelid));
    END LOOP;
    EXECUTE pg_catalog.format('ALTER TABLE %s %s ADD CONSTRAINT %I %s', pg_temp.cascade_table(root),
        CASE WHEN old.oid IS NULL THEN '' ELSE pg_catalog.format('DROP CONSTRAINT %I,', old.conname) END,
        name, target ->> 'definition');
    IF remark IS NOT NULL THEN
        EXECUTE pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', name, pg_temp.cascade_table(root), remark);
    END IF;
    FOR part IN
        SELECT conrelid, conname FROM pg_catalog.pg_constraint AS beside
        JOIN pg_catalog.pg_partition_tree(root::regclass) ON relid = conrelid
        WHERE contype = 'f' AND conparentid <> 0 AND pg_temp.cascade_is_beside(conname, target) AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint AS taken WHERE taken.conrelid = beside.conrelid AND taken.conname = name)
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', pg_temp.cascade_table(part.conrelid),
            part.conname, name);
    END LOOP;
    RETURN 'stands, with the keys of all partitions';
END
$cascade$;
