-- The keys of a relation with the column pairs and the referent of a described one, that of its name first. A clone on
-- a partition is not looked at.
CREATE OR REPLACE FUNCTION pg_temp.cascade_alike(relation oid, described jsonb) RETURNS SETOF pg_catalog.pg_constraint
LANGUAGE plpgsql STABLE AS $cascade$
DECLARE
    referent oid := pg_catalog.to_regclass(described ->> 'referent');
BEGIN
    IF relation IS NULL OR referent IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT constrained.* FROM pg_catalog.pg_constraint AS constrained
        WHERE contype = 'f' AND conrelid = relation AND confrelid = referent AND conparentid = 0
            AND pg_temp.cascade_pairs(conkey, confkey) = pg_temp.cascade_pairs(
                pg_temp.cascade_numbers(relation, pg_temp.cascade_listed(described -> 'local')),
                pg_temp.cascade_numbers(referent, pg_temp.cascade_listed(described -> 'remote')))
        ORDER BY conname <> described ->> 'name', conname;
END
$cascade$;

-- The schema that a relation is in, quoted.
CREATE OR REPLACE FUNCTION pg_temp.cascade_schema_of(relation oid) RETURNS text LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.quote_ident(nspname) FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = $1
$cascade$;

CREATE OR REPLACE FUNCTION pg_temp.cascade_listed(names jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $cascade$
    SELECT ARRAY(SELECT pg_catalog.jsonb_array_elements_text($1))
$cascade$;

-- Whether a key does what a described one does, valid or not.
CREATE OR REPLACE FUNCTION pg_temp.cascade_does(present pg_catalog.pg_constraint, described jsonb) RETURNS boolean
LANGUAGE sql STABLE AS $cascade$
    SELECT $1.confdeltype::text = $2 ->> 'ondelete' AND $1.confupdtype::text = $2 ->> 'onupdate'
        AND $1.confmatchtype::text = $2 ->> 'match'
        AND $1.condeferrable = ($2 ->> 'deferrable')::boolean AND $1.condeferred = ($2 ->> 'deferred')::boolean
        AND coalesce((pg_catalog.to_jsonb($1) ->> 'conenforced')::boolean, true) = ($2 ->> 'enforced')::boolean
        AND ARRAY(SELECT name FROM pg_catalog.unnest(pg_temp.cascade_names($1.conrelid, $1.confdelsetcols)) AS name ORDER BY 1)
            = ARRAY(SELECT pg_catalog.jsonb_array_elements_text($2 -> 'cleared') ORDER BY 1)
$cascade$;

-- Whether two described keys have the same column pairs and referent.
CREATE OR REPLACE FUNCTION pg_temp.cascade_is_same(one jsonb, other jsonb) RETURNS boolean LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.to_regclass($1 ->> 'referent') = pg_catalog.to_regclass($2 ->> 'referent')
        AND ARRAY(SELECT pg_catalog.format('%s %s', local, remote) FROM unnest(pg_temp.cascade_listed($1 -> 'local'),
                pg_temp.cascade_listed($1 -> 'remote')) AS pair (local, remote) ORDER BY 1)
            = ARRAY(SELECT pg_catalog.format('%s %s', local, remote) FROM unnest(pg_temp.cascade_listed($2 -> 'local'),
                pg_temp.cascade_listed($2 -> 'remote')) AS pair (local, remote) ORDER BY 1)
$cascade$;

-- Make a described key NOT VALID, in the same ALTER TABLE in which the one that it replaces goes.
CREATE OR REPLACE FUNCTION pg_temp.cascade_make(relation oid, described jsonb, name text, replaced name, remark text)
RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    enforced boolean := (described ->> 'enforced')::boolean;
BEGIN
    EXECUTE pg_catalog.format('ALTER TABLE %s %s ADD CONSTRAINT %I %s %s', pg_temp.cascade_scan(relation),
        CASE WHEN replaced IS NULL THEN '' ELSE pg_catalog.format('DROP CONSTRAINT %I,', replaced) END,
        name, described ->> 'definition', CASE WHEN enforced THEN 'NOT VALID' ELSE 'NOT ENFORCED' END);
    IF remark IS NOT NULL THEN
        EXECUTE pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', name, pg_temp.cascade_table(relation), remark);
    END IF;
END
$cascade$;

-- Refuse what could not be validated afterwards.
CREATE OR REPLACE FUNCTION pg_temp.cascade_refuse_hidden(relation oid) RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    IF pg_catalog.row_security_active(relation) THEN
        RAISE insufficient_privilege USING MESSAGE = pg_catalog.format('row security hides rows of %s from the role %s, so '
            'that the key could not be validated; run the migration as a role with BYPASSRLS', relation::regclass, current_user);
    END IF;
END
$cascade$;

-- Check the rows that are there. Those hidden by row security would stay unchecked: an error instead.
CREATE OR REPLACE FUNCTION pg_temp.cascade_validate(relation oid, name name) RETURNS void LANGUAGE plpgsql
SET row_security TO off AS $cascade$
BEGIN
    PERFORM pg_temp.cascade_lock_all(ARRAY[relation], 'SHARE UPDATE EXCLUSIVE');
    EXECUTE pg_catalog.format('ALTER TABLE %s VALIDATE CONSTRAINT %I', pg_temp.cascade_scan(relation), name);
END
$cascade$;

-- Bring a key one step nearer to what it is to be; the catalogue alone says how far it has come. "existing" is what it
-- was, NULL for a new one; "target" what it is to be, NULL for one that goes.
CREATE OR REPLACE FUNCTION pg_temp.cascade_alter_key(
    label text, existing jsonb, target jsonb, doubled boolean, if_exists boolean
) RETURNS TABLE (level text, message text, again boolean, done bigint, total bigint) LANGUAGE plpgsql AS $cascade$
DECLARE
    described jsonb := coalesce(target, existing);
    skipped text := coalesce(
        pg_temp.cascade_skipped(label, described ->> 'source', described ->> 'referent', if_exists),
        CASE WHEN if_exists AND existing IS NOT NULL
            THEN pg_temp.cascade_skipped(label, existing ->> 'source', existing ->> 'referent', true) END);
    source oid := pg_catalog.to_regclass(described ->> 'source');
    old pg_catalog.pg_constraint;
    made pg_catalog.pg_constraint;
BEGIN
    level := 'info';
    again := false;
    IF skipped IS NOT NULL THEN
        message := skipped;
        RETURN NEXT;
        RETURN;
    END IF;
    IF target IS NOT NULL AND pg_temp.cascade_is_partitioned(source) THEN
        RETURN QUERY SELECT * FROM pg_temp.cascade_alter_partitions(label, source, existing, target);
        RETURN;
    END IF;
    SELECT * INTO old FROM pg_temp.cascade_alike(source, existing) LIMIT 1;
    IF target IS NULL THEN
        SELECT gone.* INTO level, message FROM pg_temp.cascade_drop_key(source, existing, doubled) AS gone;
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT * INTO made FROM pg_temp.cascade_alike(source, target) AS alike
    WHERE existing IS NOT NULL OR alike.conname = target ->> 'name'
    ORDER BY alike.conname = target ->> 'name' DESC, alike.conname = existing ->> 'name' DESC,
        -- Where nothing is left to be replaced, what stands beside it replaces nothing.
        (alike.conname <> target ->> 'beside' AND alike.convalidated AND old.oid IS NULL
            AND pg_temp.cascade_does(alike, target)) DESC,
        alike.conname = target ->> 'beside' DESC, alike.conname LIMIT 1;
    IF pg_temp.cascade_is_same(existing, target) THEN
        old := made;
    END IF;
    IF existing IS NOT NULL AND made.oid IS NULL AND old.oid IS NULL THEN
        RAISE undefined_object USING MESSAGE = pg_catalog.format('%s has no foreign key %s, nor another one for %s',
            source::regclass, existing ->> 'name', label);
    END IF;
    message := pg_temp.cascade_near(source, existing, target, old, made);
    again := message IS NOT NULL;
    RETURN NEXT;
END
$cascade$;

-- Rename a key, and likewise its clones on partitions, which PostgreSQL named after it.
CREATE OR REPLACE FUNCTION pg_temp.cascade_rename_key(present pg_catalog.pg_constraint, name text) RETURNS void
LANGUAGE plpgsql AS $cascade$
DECLARE
    clone record;
BEGIN
    EXECUTE pg_catalog.format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', pg_temp.cascade_table(present.conrelid),
        present.conname, name);
    FOR clone IN
        WITH RECURSIVE clones (oid) AS (
            SELECT present.oid UNION SELECT pg_constraint.oid FROM pg_catalog.pg_constraint JOIN clones ON conparentid = clones.oid)
        SELECT conrelid, conname, name || pg_catalog.substr(conname, pg_catalog.length(present.conname) + 1) AS wanted
        FROM clones JOIN pg_catalog.pg_constraint AS found USING (oid)
        WHERE found.oid <> present.oid AND pg_catalog.starts_with(conname, present.conname)
        ORDER BY conrelid, conname
    LOOP
        CONTINUE WHEN pg_catalog.octet_length(clone.wanted) > 63 OR EXISTS (
            SELECT FROM pg_catalog.pg_constraint WHERE conrelid = clone.conrelid AND conname = clone.wanted);
        EXECUTE pg_catalog.format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', pg_temp.cascade_table(clone.conrelid),
            clone.conname, clone.wanted);
    END LOOP;
END
$cascade$;

-- Whether the key that is to stand beside another one has its place already: a half-done change is turned back. Where
-- it has a name of its own in this deployment, the name beside it is taken by what that change made.
CREATE OR REPLACE FUNCTION pg_temp.cascade_is_in_place(source oid, beside jsonb) RETURNS boolean
LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.right($2 ->> 'name', 7) = '_beside' AND EXISTS (
        SELECT FROM pg_temp.cascade_alike($1, $2) AS alike
        WHERE alike.convalidated AND pg_temp.cascade_does(alike, $2) AND (
            pg_catalog.starts_with(alike.conname, pg_catalog.left($2 ->> 'name', -7)) OR EXISTS (
                SELECT FROM pg_catalog.pg_constraint AS taken
                WHERE taken.conrelid = ANY (pg_temp.cascade_family($1)) AND taken.conname = $2 ->> 'name')))
$cascade$;

-- One change of a key on a table without partitions; in words, NULL where there is nothing left to do.
CREATE OR REPLACE FUNCTION pg_temp.cascade_near(
    source oid, existing jsonb, target jsonb, old pg_catalog.pg_constraint, made pg_catalog.pg_constraint
) RETURNS text LANGUAGE plpgsql AS $cascade$
DECLARE
    parents oid[] := ARRAY(SELECT parent FROM (SELECT old.confrelid, 1 UNION SELECT
        pg_catalog.to_regclass(target ->> 'referent')::oid, 2) AS listed (parent, place)
        WHERE parent IS NOT NULL AND parent <> source ORDER BY place);
    -- A key that has a name of its own in this deployment keeps it.
    name text := CASE WHEN old.conname NOT IN (existing ->> 'name', existing ->> 'beside', target ->> 'name')
            THEN old.conname
        ELSE target ->> 'name' END;
    wants_valid boolean := (target ->> 'valid')::boolean;
    remark text := pg_catalog.obj_description(old.oid, 'pg_constraint');
BEGIN
    IF made.oid IS NULL AND existing IS NULL AND pg_temp.cascade_is_in_place(source, target) THEN
        RETURN NULL;
    END IF;
    IF made.oid IS NULL THEN
        PERFORM pg_temp.cascade_lock_all(parents || source, 'SHARE ROW EXCLUSIVE');
        PERFORM pg_temp.cascade_make(source, target, CASE WHEN existing IS NULL THEN name ELSE target ->> 'beside' END, NULL,
            coalesce(target ->> 'comment', remark));
        RETURN CASE WHEN (target ->> 'enforced')::boolean THEN 'stands NOT VALID' ELSE 'stands NOT ENFORCED' END;
    END IF;
    -- A new key that is valid already, as at the end of an interrupted run, is more than one that is NOT VALID.
    IF NOT pg_temp.cascade_does(made, target) OR existing IS NOT NULL AND NOT wants_valid AND made.convalidated
        AND (target ->> 'enforced')::boolean
    THEN
        IF existing IS NULL THEN
            RAISE duplicate_object USING MESSAGE = pg_catalog.format('constraint "%s" for relation "%s" already exists',
                made.conname, source::regclass);
        END IF;
        PERFORM pg_temp.cascade_refuse_hidden(relation) FROM pg_catalog.unnest(parents || source) AS relation WHERE wants_valid;
        PERFORM pg_temp.cascade_lock_all(parents || source, 'ACCESS EXCLUSIVE');
        PERFORM pg_temp.cascade_make(source, target,
            CASE WHEN made.oid = old.oid THEN name ELSE made.conname END, made.conname,
            pg_catalog.obj_description(made.oid, 'pg_constraint'));
        RETURN CASE WHEN (target ->> 'enforced')::boolean THEN 'swapped, NOT VALID' ELSE 'swapped, NOT ENFORCED' END;
    END IF;
    IF wants_valid AND NOT made.convalidated THEN
        PERFORM pg_temp.cascade_validate(source, made.conname);
        RETURN 'validated';
    END IF;
    -- What else is alike is another key, once this one has its name.
    IF old.oid <> made.oid AND (
        made.conname = target ->> 'beside' OR old.conname IN (existing ->> 'name', existing ->> 'beside'))
    THEN
        PERFORM pg_temp.cascade_lock_all(parents || source, 'ACCESS EXCLUSIVE');
        EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', pg_temp.cascade_table(source), old.conname);
        IF made.conname = target ->> 'beside' THEN
            PERFORM pg_temp.cascade_rename_key(made, name);
            IF remark IS NOT NULL THEN
                EXECUTE pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', name, pg_temp.cascade_table(source), remark);
            END IF;
        END IF;
        RETURN pg_catalog.format('the key %s is gone', old.conname);
    END IF;
    IF existing IS NOT NULL AND made.conname IN (existing ->> 'name', target ->> 'beside')
        AND made.conname <> target ->> 'name'
    THEN
        PERFORM pg_temp.cascade_lock_all(ARRAY[source], 'ACCESS EXCLUSIVE');
        PERFORM pg_temp.cascade_rename_key(made, target ->> 'name');
        RETURN pg_catalog.format('renamed to %s', target ->> 'name');
    END IF;
    -- It was there all along: a run that turns another back, halfway, made a second one.
    IF made.conname <> target ->> 'beside' AND EXISTS (
        SELECT FROM pg_temp.cascade_alike(source, target) AS alike WHERE alike.conname = target ->> 'beside')
    THEN
        PERFORM pg_temp.cascade_lock_all(parents || source, 'ACCESS EXCLUSIVE');
        EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', pg_temp.cascade_table(source), target ->> 'beside');
        RETURN pg_catalog.format('the key %s beside it is gone', target ->> 'beside');
    END IF;
    RETURN NULL;
END
$cascade$;

-- The keys that go with one, the table's own before those of its partitions. Where none has its name, it has another one
-- in this deployment, unless it is "doubled": then what has another name is the key that is to stay.
CREATE OR REPLACE FUNCTION pg_temp.cascade_keys_to_drop(source oid, existing jsonb, doubled boolean)
RETURNS TABLE (relation oid, parent oid, name name) LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN QUERY
        SELECT alike.conrelid, alike.confrelid, alike.conname
        FROM (SELECT source UNION SELECT relid::oid FROM pg_catalog.pg_partition_tree(source::regclass)) AS parts (part),
            pg_temp.cascade_alike(part, existing) AS alike
        WHERE alike.conname IN (existing ->> 'name', existing ->> 'beside')
            AND (part = source OR pg_temp.cascade_is_partitioned(source))
        ORDER BY part <> source, part;
    IF NOT FOUND AND NOT doubled THEN
        RETURN QUERY SELECT alike.conrelid, alike.confrelid, alike.conname FROM pg_temp.cascade_alike(source, existing) AS alike
            WHERE (SELECT pg_catalog.count(*) FROM pg_temp.cascade_alike(source, existing)) = 1;
    END IF;
END
$cascade$;

-- Drop a key, and those that were made beside it on partitions; in words.
CREATE OR REPLACE FUNCTION pg_temp.cascade_drop_key(source oid, existing jsonb, doubled boolean) RETURNS TABLE (level text, message text)
LANGUAGE plpgsql AS $cascade$
DECLARE
    gone record;
    other text;
BEGIN
    level := 'info';
    IF EXISTS (SELECT FROM pg_temp.cascade_keys_to_drop(source, existing, doubled)) THEN
        PERFORM pg_temp.cascade_lock_all(ARRAY(
            SELECT ends.relation FROM pg_temp.cascade_keys_to_drop(source, existing, doubled) AS going,
                LATERAL (VALUES (1, going.parent), (2, going.relation)) AS ends (place, relation)
            GROUP BY ends.relation ORDER BY pg_catalog.min(place), ends.relation), 'ACCESS EXCLUSIVE');
    END IF;
    FOR gone IN SELECT * FROM pg_temp.cascade_keys_to_drop(source, existing, doubled) LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', pg_temp.cascade_table(gone.relation), gone.name);
        message := 'dropped' || CASE WHEN gone.name IN (existing ->> 'name', existing ->> 'beside') THEN ''
            ELSE pg_catalog.format(', it is named %s here', gone.name) END;
    END LOOP;
    IF message IS NULL THEN
        other := (SELECT pg_catalog.string_agg(alike.conname, ', ') FROM pg_temp.cascade_alike(source, existing) AS alike);
        level := CASE WHEN other IS NULL THEN 'info' ELSE 'warning' END;
        message := CASE WHEN other IS NULL THEN 'dropped already'
            ELSE pg_catalog.format('no key is named %s (any more); %s on the same columns stays', existing ->> 'name', other) END;
    END IF;
    RETURN NEXT;
END
$cascade$;
