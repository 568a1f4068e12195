-- Put out of the way what would refuse a row that is as it was, and return the statements that bring it back: keys,
-- checks and NOT NULLs that are NOT VALID hold for no row of old, but for every row that is written. Those on columns
-- that are "changing" stay: what is written there is new. With "triggers", also the
-- user's triggers, each of which gets its own state back.
CREATE OR REPLACE FUNCTION pg_temp.cascade_suspend(relations oid[], triggers boolean, changing text[]) RETURNS text[]
LANGUAGE plpgsql AS $cascade$
DECLARE
    below record;
    family oid[] := ARRAY(SELECT DISTINCT member FROM pg_catalog.unnest(relations) AS relation,
        pg_catalog.unnest(pg_temp.cascade_family(relation)) AS member ORDER BY member);
    ancestors oid[] := ARRAY(
        WITH RECURSIVE above (relation) AS (
            SELECT inhparent FROM pg_catalog.pg_inherits WHERE inhrelid = ANY (family)
            UNION SELECT inhparent FROM pg_catalog.pg_inherits JOIN above ON inhrelid = relation)
        SELECT relation FROM above);
    found record;
    resume text[] := '{}';
BEGIN
    PERFORM pg_catalog.set_config('alembic_cascade.quiet', 'on', true);
    FOR found IN
        SELECT pg_temp.cascade_table(tgrelid) AS relation, tgname AS name, tgenabled AS state
        FROM pg_catalog.pg_trigger
        WHERE triggers AND NOT tgisinternal AND tgenabled <> 'D' AND tgrelid = ANY (family)
            AND NOT pg_temp.cascade_translates(tgname) AND NOT pg_temp.cascade_keeps_quiet(tgfoid)
        ORDER BY tgrelid, tgname
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE ONLY %s DISABLE TRIGGER %I', found.relation, found.name);
        resume := resume || pg_catalog.format('ALTER TABLE ONLY %s ENABLE %s TRIGGER %I', found.relation,
            CASE found.state WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, found.name);
    END LOOP;
    FOR found IN
        SELECT conrelid AS oid, pg_temp.cascade_table(conrelid) AS relation, conname AS name,
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
        resume := resume || pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', found.relation, found.name,
            found.definition);
        -- Partitions and tables that inherit may have it valid already, and a comment of their own.
        FOR below IN
            SELECT pg_temp.cascade_table(conrelid) AS relation, convalidated,
                pg_catalog.obj_description(member.oid, 'pg_constraint') AS remark
            FROM pg_catalog.pg_constraint AS member
            WHERE conname = found.name AND conrelid = ANY (pg_temp.cascade_family(found.oid)) AND contype IN ('f', 'c', 'n')
            ORDER BY conrelid
        LOOP
            IF below.convalidated THEN
                resume := resume
                    || pg_catalog.format('ALTER TABLE %s VALIDATE CONSTRAINT %I', below.relation, found.name);
            END IF;
            IF below.remark IS NOT NULL THEN
                resume := resume || pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', found.name,
                    below.relation, below.remark);
            END IF;
        END LOOP;
        EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', found.relation, found.name);
    END LOOP;
    RETURN resume || pg_temp.cascade_suspend_domains(family) || pg_temp.cascade_identify(family);
END
$cascade$;

-- Whether a trigger is one of ours that translates references as they are written: what is translated it leaves alone.
CREATE OR REPLACE FUNCTION pg_temp.cascade_translates(name name) RETURNS boolean LANGUAGE sql IMMUTABLE AS $cascade$
    SELECT $1 ~ '^alembic_cascade_.*_child$'
$cascade$;

-- Whether a trigger's function is one of ours that keeps a lifecycle column: it asks itself whether to keep quiet.
CREATE OR REPLACE FUNCTION pg_temp.cascade_keeps_quiet(function oid) RETURNS boolean LANGUAGE sql STABLE AS $cascade$
    SELECT coalesce(pg_catalog.starts_with(pg_catalog.obj_description($1, 'pg_proc'), '{"alembic_cascade": "lifecycle"'), false)
$cascade$;

-- Likewise the checks of domains that are NOT VALID, for they are asked whenever a kept text is read again.
CREATE OR REPLACE FUNCTION pg_temp.cascade_suspend_domains(relations oid[]) RETURNS text[]
LANGUAGE plpgsql AS $cascade$
DECLARE
    found record;
    resume text[] := '{}';
BEGIN
    FOR found IN
        WITH RECURSIVE used (type) AS (
            SELECT atttypid FROM pg_catalog.pg_attribute WHERE attrelid = ANY (relations) AND attnum > 0
            UNION SELECT typbasetype FROM pg_catalog.pg_type JOIN used ON pg_type.oid = type WHERE typtype = 'd')
        SELECT pg_catalog.format('%I.%I', nspname, typname) AS domain, conname AS name,
            pg_catalog.pg_get_constraintdef(constrained.oid) AS definition,
            pg_catalog.obj_description(constrained.oid, 'pg_constraint') AS remark
        FROM used JOIN pg_catalog.pg_type ON pg_type.oid = type
        JOIN pg_catalog.pg_namespace ON pg_namespace.oid = typnamespace
        JOIN pg_catalog.pg_constraint AS constrained ON contypid = type AND contype = 'c' AND NOT convalidated
        WHERE pg_catalog.pg_has_role(typowner, 'USAGE')
        ORDER BY contypid, conname
    LOOP
        EXECUTE pg_catalog.format('ALTER DOMAIN %s DROP CONSTRAINT %I', found.domain, found.name);
        resume := resume || pg_catalog.format('ALTER DOMAIN %s ADD CONSTRAINT %I %s', found.domain, found.name,
            found.definition);
        IF found.remark IS NOT NULL THEN
            resume := resume || pg_catalog.format('COMMENT ON CONSTRAINT %I ON DOMAIN %s IS %L', found.name,
                found.domain, found.remark);
        END IF;
    END LOOP;
    RETURN resume;
END
$cascade$;

-- A table that a publication sends out, but whose rows nothing identifies, takes no UPDATE or DELETE: identify them by
-- the whole row meanwhile. https://www.postgresql.org/docs/current/logical-replication-publication.html
CREATE OR REPLACE FUNCTION pg_temp.cascade_identify(relations oid[]) RETURNS text[] LANGUAGE plpgsql AS $cascade$
DECLARE
    found record;
    resume text[] := '{}';
BEGIN
    FOR found IN
        SELECT pg_temp.cascade_table(pg_class.oid) AS relation, relreplident AS identity
        FROM pg_catalog.pg_class
        WHERE pg_class.oid = ANY (relations) AND relkind = 'r'
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
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY FULL', found.relation);
        resume := resume || pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY %s', found.relation,
            CASE found.identity WHEN 'd' THEN 'DEFAULT' ELSE 'NOTHING' END);
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
