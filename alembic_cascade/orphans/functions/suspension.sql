-- Whether a trigger is one of ours that translates references as they are written: what is translated it leaves alone.
CREATE OR REPLACE FUNCTION pg_temp.cascade_translates(name name) RETURNS boolean LANGUAGE sql IMMUTABLE AS $cascade$
    SELECT $1 ~ '^alembic_cascade_.*_child$'
$cascade$;

-- Whether a trigger's function is one of ours that keeps a lifecycle column: it asks itself whether to keep quiet.
CREATE OR REPLACE FUNCTION pg_temp.cascade_keeps_quiet(function oid) RETURNS boolean LANGUAGE sql STABLE AS $cascade$
    SELECT coalesce(pg_catalog.starts_with(pg_catalog.obj_description($1, 'pg_proc'), '{"alembic_cascade": "lifecycle"'), false)
$cascade$;

-- The user's triggers that are on.
CREATE OR REPLACE FUNCTION pg_temp.cascade_trigger_obstacles(family oid[])
RETURNS TABLE (relation oid, stop text, resume text[]) LANGUAGE sql STABLE AS $cascade$
    SELECT tgrelid, pg_catalog.format('ALTER TABLE ONLY %s DISABLE TRIGGER %I', pg_temp.cascade_table(tgrelid), tgname),
        ARRAY[pg_catalog.format('ALTER TABLE ONLY %s ENABLE %s TRIGGER %I', pg_temp.cascade_table(tgrelid),
            CASE tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, tgname)]
    FROM pg_catalog.pg_trigger
    WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgrelid = ANY ($1)
        AND NOT pg_temp.cascade_translates(tgname) AND NOT pg_temp.cascade_keeps_quiet(tgfoid)
    ORDER BY tgrelid, tgname
$cascade$;

-- Keys, checks and NOT NULLs that are NOT VALID: they hold for no row of old, but for every row that is written.
CREATE OR REPLACE FUNCTION pg_temp.cascade_old_constraints(family oid[], changing text[])
RETURNS TABLE (relation oid, stop text, resume text[]) LANGUAGE plpgsql STABLE AS $cascade$
DECLARE
    ancestors oid[] := ARRAY(
        WITH RECURSIVE above (relation) AS (
            SELECT inhparent FROM pg_catalog.pg_inherits WHERE inhrelid = ANY (family)
            UNION SELECT inhparent FROM pg_catalog.pg_inherits JOIN above ON inhrelid = above.relation)
        SELECT above.relation FROM above);
    found record;
    below record;
BEGIN
    FOR found IN
        SELECT conrelid AS oid, pg_temp.cascade_table(conrelid) AS name, conname,
            pg_catalog.pg_get_constraintdef(constrained.oid) AS definition
        FROM pg_catalog.pg_constraint AS constrained
        WHERE contype IN ('f', 'c', 'n') AND NOT convalidated AND conparentid = 0 AND coninhcount = 0
            AND coalesce((pg_catalog.to_jsonb(constrained) ->> 'conenforced')::boolean, true)
            AND (conrelid = ANY (family) OR conrelid = ANY (ancestors) AND contype <> 'f' AND NOT connoinherit)
            AND NOT coalesce(pg_temp.cascade_names(conrelid, conkey) && changing, false)
            -- A key whose triggers are switched off refuses nothing.
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger
                WHERE tgconstraint = constrained.oid AND tgrelid = conrelid AND tgenabled = 'D')
        ORDER BY conrelid, conname
    LOOP
        relation := found.oid;
        stop := pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', found.name, found.conname);
        resume := ARRAY[pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', found.name, found.conname,
            found.definition)];
        -- Partitions and tables that inherit may have it valid already, and a comment of their own.
        FOR below IN
            SELECT pg_temp.cascade_table(conrelid) AS name, convalidated,
                pg_catalog.obj_description(member.oid, 'pg_constraint') AS remark
            FROM pg_catalog.pg_constraint AS member
            WHERE conname = found.conname AND conrelid = ANY (pg_temp.cascade_family(found.oid))
                AND contype IN ('f', 'c', 'n')
            ORDER BY conrelid
        LOOP
            IF below.convalidated THEN
                resume := resume || pg_catalog.format('ALTER TABLE %s VALIDATE CONSTRAINT %I', below.name, found.conname);
            END IF;
            IF below.remark IS NOT NULL THEN
                resume := resume || pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', found.conname, below.name,
                    below.remark);
            END IF;
        END LOOP;
        RETURN NEXT;
    END LOOP;
END
$cascade$;

-- Checks of domains that are NOT VALID, for they are asked whenever a kept text is read again.
CREATE OR REPLACE FUNCTION pg_temp.cascade_domain_obstacles(family oid[])
RETURNS TABLE (stop text, resume text[]) LANGUAGE sql STABLE AS $cascade$
    WITH RECURSIVE used (type) AS (
        SELECT atttypid FROM pg_catalog.pg_attribute WHERE attrelid = ANY ($1) AND attnum > 0
        UNION SELECT typbasetype FROM pg_catalog.pg_type JOIN used ON pg_type.oid = type WHERE typtype = 'd')
    SELECT pg_catalog.format('ALTER DOMAIN %s DROP CONSTRAINT %I', domain, conname),
        ARRAY[pg_catalog.format('ALTER DOMAIN %s ADD CONSTRAINT %I %s', domain, conname,
            pg_catalog.pg_get_constraintdef(constrained.oid))]
        || CASE WHEN remark IS NULL THEN '{}' ELSE ARRAY[pg_catalog.format('COMMENT ON CONSTRAINT %I ON DOMAIN %s IS %L',
            conname, domain, remark)] END
    FROM used JOIN pg_catalog.pg_type ON pg_type.oid = type
    JOIN pg_catalog.pg_namespace ON pg_namespace.oid = typnamespace
    JOIN pg_catalog.pg_constraint AS constrained ON contypid = type AND contype = 'c' AND NOT convalidated,
    LATERAL (SELECT pg_catalog.format('%I.%I', nspname, typname),
        pg_catalog.obj_description(constrained.oid, 'pg_constraint')) AS told (domain, remark)
    WHERE pg_catalog.pg_has_role(typowner, 'USAGE')
    ORDER BY contypid, conname
$cascade$;

-- Tables that a publication sends out, but whose rows nothing identifies: they take no UPDATE or DELETE. Rows are
-- identified as a whole meanwhile. https://www.postgresql.org/docs/current/logical-replication-publication.html
CREATE OR REPLACE FUNCTION pg_temp.cascade_unidentified(relations oid[])
RETURNS TABLE (relation oid, stop text, resume text[]) LANGUAGE sql STABLE AS $cascade$
    SELECT pg_class.oid, pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY FULL', pg_temp.cascade_table(pg_class.oid)),
        ARRAY[pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY %s', pg_temp.cascade_table(pg_class.oid),
            CASE relreplident WHEN 'd' THEN 'DEFAULT' ELSE 'NOTHING' END)]
    FROM pg_catalog.pg_class
    WHERE pg_class.oid = ANY ($1) AND relkind = 'r'
        AND (relreplident = 'n' OR relreplident = 'd' AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_index WHERE indrelid = pg_class.oid AND indisprimary)
            -- An index that is gone identifies as much as nothing does.
            OR relreplident = 'i' AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_index WHERE indrelid = pg_class.oid AND indisreplident))
        AND EXISTS (
            SELECT FROM pg_catalog.pg_publication AS published
            WHERE (pubdelete OR pubupdate) AND (puballtables OR EXISTS (
                SELECT FROM pg_catalog.pg_publication_rel WHERE prpubid = published.oid
                    AND prrelid = ANY (pg_temp.cascade_lineage(pg_class.oid)))
                OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace
                    WHERE pnpubid = published.oid AND pnnspid = relnamespace)))
    ORDER BY pg_class.oid
$cascade$;

-- What is in the way: of which relation, whether its lock keeps out readers as well, the statement that puts it out of the
-- way, and those that bring it back.
CREATE OR REPLACE FUNCTION pg_temp.cascade_obstacles(family oid[], triggers boolean, changing text[], removing oid[])
RETURNS TABLE (relation oid, exclusive boolean, stop text, resume text[]) LANGUAGE sql STABLE AS $cascade$
    SELECT trigger.relation, false, trigger.stop, trigger.resume
    FROM pg_temp.cascade_trigger_obstacles($1) AS trigger WHERE $2
    UNION ALL SELECT old.relation, true, old.stop, old.resume FROM pg_temp.cascade_old_constraints($1, $3) AS old
    UNION ALL SELECT NULL, false, domain.stop, domain.resume FROM pg_temp.cascade_domain_obstacles($1) AS domain
    UNION ALL SELECT bare.relation, true, bare.stop, bare.resume FROM pg_temp.cascade_unidentified($1 || $4) AS bare
$cascade$;

-- Put out of the way what would refuse a row that is as it was, or change it, and return the statements that bring it
-- back. Those on columns that are "changing" stay: what is written there is new. With "triggers", also the user's triggers,
-- each of which gets its own state back. From "removing", rows are to be removed.
CREATE OR REPLACE FUNCTION pg_temp.cascade_suspend(
    relations oid[], triggers boolean, changing text[], removing oid[] DEFAULT '{}'
) RETURNS text[] LANGUAGE plpgsql AS $cascade$
DECLARE
    family oid[] := ARRAY(SELECT DISTINCT member FROM pg_catalog.unnest(relations) AS relation,
        pg_catalog.unnest(pg_temp.cascade_family(relation)) AS member ORDER BY member);
    held oid[];
    mode text;
    found record;
    resume text[] := '{}';
BEGIN
    PERFORM pg_catalog.set_config('alembic_cascade.quiet', 'on', true);
    IF pg_temp.cascade_is_concurrent() THEN
        -- Each ALTER TABLE would wait for its lock with the others in hand.
        SELECT pg_catalog.array_agg(DISTINCT relation ORDER BY relation),
            CASE WHEN pg_catalog.bool_or(exclusive) THEN 'ACCESS EXCLUSIVE' ELSE 'SHARE ROW EXCLUSIVE' END INTO held, mode
        FROM pg_temp.cascade_obstacles(family, triggers, changing, removing) WHERE relation IS NOT NULL;
        IF held IS NOT NULL THEN
            PERFORM pg_temp.cascade_lock_all(held, mode);
        END IF;
    END IF;
    FOR found IN SELECT * FROM pg_temp.cascade_obstacles(family, triggers, changing, removing) LOOP
        EXECUTE found.stop;
        resume := resume || found.resume;
    END LOOP;
    RETURN resume;
END
$cascade$;

-- Put off until COMMIT again what is INITIALLY DEFERRED, and was checked at once meanwhile.
CREATE OR REPLACE FUNCTION pg_temp.cascade_put_off() RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    deferred text := (
        SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('%I.%I', nspname, conname), ', ')
        FROM pg_catalog.pg_constraint AS put_off JOIN pg_catalog.pg_namespace ON pg_namespace.oid = connamespace
        WHERE condeferred AND pg_catalog.has_schema_privilege(connamespace, 'USAGE')
            AND NOT pg_catalog.pg_is_other_temp_schema(connamespace) AND NOT EXISTS (
            -- SET CONSTRAINTS means all constraints of a name.
            SELECT FROM pg_catalog.pg_constraint AS namesake
            WHERE namesake.conname = put_off.conname AND namesake.connamespace = put_off.connamespace
                AND NOT namesake.condeferrable));
BEGIN
    IF deferred IS NOT NULL THEN
        EXECUTE 'SET CONSTRAINTS ' || deferred || ' DEFERRED';
    END IF;
END
$cascade$;

-- Run the statements that bring back what was put out of the way.
CREATE OR REPLACE FUNCTION pg_temp.cascade_resume(statements text[]) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    statement text;
BEGIN
    -- ALTER TABLE would find checks that are put off until COMMIT: "pending trigger events".
    SET CONSTRAINTS ALL IMMEDIATE;
    FOREACH statement IN ARRAY statements LOOP
        EXECUTE statement;
    END LOOP;
    PERFORM pg_catalog.set_config('alembic_cascade.quiet', 'off', true);
END
$cascade$;
