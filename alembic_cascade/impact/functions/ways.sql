-- Make the tables of a prediction. Once they are there, nothing has to be made any more: all that follows runs in a
-- transaction that is read-only, in which temporary tables can be written to.
-- https://www.postgresql.org/docs/current/sql-set-transaction.html
CREATE OR REPLACE FUNCTION pg_temp.cascade_begin_impact() RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    -- What becomes of a row, in which round of PostgreSQL's triggers, and by which way; 0 is the DELETE itself.
    CREATE TEMPORARY TABLE cascade_fates (relation oid NOT NULL, place tid NOT NULL, round int NOT NULL, way int NOT NULL);
    CREATE INDEX ON pg_temp.cascade_fates (relation, place);
    CREATE INDEX ON pg_temp.cascade_fates (round, relation, way);
    -- What a key does when rows of a relation are deleted ("d") or updated ("u"), and what became of it. "lost" are the
    -- columns of the referring rows that change.
    CREATE TEMPORARY TABLE cascade_ways (
        way int PRIMARY KEY, relation oid, key oid, known_as text, event "char", rule "char", trigger name, fires boolean,
        deferred boolean, enforced boolean, child oid, parent oid, child_columns int2[], parent_columns int2[],
        names text[], referred text[], lost text[], emptied text[],
        rows bigint NOT NULL DEFAULT 0, unsure bigint NOT NULL DEFAULT 0, blocked bigint NOT NULL DEFAULT 0,
        perhaps_blocked bigint NOT NULL DEFAULT 0, problem text);
    CREATE TEMPORARY TABLE cascade_remarks (kind text, relation oid, name text, event "char");
END
$cascade$;

-- What there is to be done by keys when rows of a relation go or change. A key acts by the trigger on that relation,
-- which may be switched off, and which a key that is NOT ENFORCED lacks.
CREATE OR REPLACE FUNCTION pg_temp.cascade_add_ways(reached oid) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    lineage oid[] := pg_temp.cascade_lineage(reached);
BEGIN
    INSERT INTO pg_temp.cascade_ways (way, relation, key, known_as, event, rule, trigger, fires, deferred, enforced, child,
        parent, child_columns, parent_columns, names, referred, lost, emptied)
    SELECT (SELECT coalesce(pg_catalog.max(way), 0) FROM pg_temp.cascade_ways)
            + pg_catalog.row_number() OVER (ORDER BY conrelid, conname, event),
        reached, passing.oid, conname, event, rule, acting.tgname,
        coalesce(acting.tgenabled = 'A' OR acting.tgenabled = CASE pg_catalog.current_setting('session_replication_role')
            WHEN 'replica' THEN 'R' ELSE 'O' END::"char", false),
        coalesce(acting.tginitdeferred, false),
        coalesce((pg_catalog.to_jsonb(passing) ->> 'conenforced')::boolean, true),
        conrelid, confrelid, conkey, confkey, pg_temp.cascade_names(conrelid, conkey),
        pg_temp.cascade_names(confrelid, confkey),
        CASE WHEN rule IN ('a', 'r') OR rule = 'c' AND event = 'd' THEN '{}'
            ELSE pg_temp.cascade_with_generated(conrelid, changing.names) END,
        CASE WHEN rule = 'n' OR rule = 'c' AND event = 'u' THEN changing.names
            WHEN rule = 'd' THEN pg_temp.cascade_without_default(conrelid, changing.names) ELSE '{}' END
    FROM pg_catalog.pg_constraint AS passing
    CROSS JOIN LATERAL (VALUES ('d'::"char", confdeltype), ('u', confupdtype)) AS acts (event, rule)
    CROSS JOIN LATERAL pg_temp.cascade_names(conrelid, CASE
        WHEN event = 'd' AND pg_catalog.cardinality(confdelsetcols) > 0 THEN confdelsetcols ELSE conkey END)
        AS changing (names)
    LEFT JOIN pg_temp.cascade_acting_triggers(reached) AS acting ON acting.key = passing.oid AND acting.on_event = event
    WHERE contype = 'f' AND conparentid = 0 AND confrelid = ANY (lineage)
        -- Of the keys of PostgreSQL 18 that have a period, a remark is all there is.
        AND NOT coalesce((pg_catalog.to_jsonb(passing) ->> 'conperiod')::boolean, false);
    INSERT INTO pg_temp.cascade_remarks
    SELECT 'temporal', conrelid, conname, 'd' FROM pg_catalog.pg_constraint AS passing
    WHERE contype = 'f' AND conparentid = 0 AND confrelid = ANY (lineage)
        AND coalesce((pg_catalog.to_jsonb(passing) ->> 'conperiod')::boolean, false);
END
$cascade$;

-- The triggers by which keys act on rows of a relation. A partition has its own, of a key that descends from the one of
-- the partitioned table. They fire in the order of their names:
-- https://www.postgresql.org/docs/current/sql-createtrigger.html
CREATE OR REPLACE FUNCTION pg_temp.cascade_acting_triggers(reached oid)
RETURNS TABLE (key oid, on_event "char", tgname name, tgenabled "char", tginitdeferred boolean)
LANGUAGE sql STABLE AS $cascade$
    WITH RECURSIVE own AS (
        SELECT found.tgconstraint AS key, CASE WHEN found.tgtype & 8 <> 0 THEN 'd' ELSE 'u' END::"char" AS on_event,
            found.tgname, found.tgenabled, found.tginitdeferred
        FROM pg_catalog.pg_trigger AS found JOIN pg_catalog.pg_proc ON pg_proc.oid = tgfoid
        WHERE tgrelid = $1 AND tgisinternal AND proname ~ '^RI_FKey_.*_(del|upd)$' AND proname !~ '_check_'
        UNION ALL
        SELECT conparentid, own.on_event, own.tgname, own.tgenabled, own.tginitdeferred
        FROM own JOIN pg_catalog.pg_constraint ON pg_constraint.oid = own.key WHERE conparentid <> 0)
    SELECT DISTINCT ON (own.key, own.on_event) * FROM own ORDER BY own.key, own.on_event, own.tgname
$cascade$;

-- Those columns that SET DEFAULT sets to NULL.
CREATE OR REPLACE FUNCTION pg_temp.cascade_without_default(relation oid, names text[]) RETURNS text[]
LANGUAGE sql STABLE AS $cascade$
    SELECT ARRAY(
        SELECT attname::text FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_type ON pg_type.oid = atttypid
        WHERE attrelid = $1 AND attname = ANY ($2) AND NOT atthasdef AND typdefaultbin IS NULL)
$cascade$;

-- The ways by which a row is removed.
CREATE OR REPLACE FUNCTION pg_temp.cascade_removing() RETURNS int[] LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN 0 || ARRAY(SELECT way FROM pg_temp.cascade_ways WHERE event = 'd' AND rule = 'c' ORDER BY way);
END
$cascade$;

-- The ways by which a row loses its value of one of these columns.
CREATE OR REPLACE FUNCTION pg_temp.cascade_changing(columns text[]) RETURNS int[] LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN ARRAY(SELECT way FROM pg_temp.cascade_ways WHERE lost && columns ORDER BY way);
END
$cascade$;

-- The condition that the row "child" has met one of these fates by the end of that round.
CREATE OR REPLACE FUNCTION pg_temp.cascade_met(alias text, ways int[], until int) RETURNS text
LANGUAGE sql IMMUTABLE AS $cascade$
    SELECT CASE WHEN pg_catalog.cardinality($2) = 0 THEN 'false' ELSE pg_catalog.format(
        'EXISTS (SELECT FROM pg_temp.cascade_fates AS known WHERE known.relation = %1$s AND known.place = %2$s
            AND known.round <= %3$s AND known.way = ANY (%4$L::int[]))',
        CASE $1 WHEN 'child' THEN 'child.tableoid' ELSE $1 || '.relation' END,
        CASE $1 WHEN 'child' THEN 'child.ctid' ELSE $1 || '.place' END, $3, $2) END
$cascade$;
