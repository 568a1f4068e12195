-- What can be said at the end alone: of keys that are checked at the end of the transaction, of keys that do nothing, of
-- defaults, and of what nobody can foresee.
CREATE OR REPLACE FUNCTION pg_temp.cascade_end_impact() RETURNS void LANGUAGE plpgsql
SET row_security TO off AS $cascade$
DECLARE
    passing pg_temp.cascade_ways;
    last_round int := (SELECT pg_catalog.max(round) FROM pg_temp.cascade_fates);
BEGIN
    ANALYZE pg_temp.cascade_fates;
    FOR passing IN
        SELECT ways.* FROM pg_temp.cascade_ways AS ways
        WHERE ways.deferred OR NOT ways.fires ORDER BY ways.way
    LOOP
        CONTINUE WHEN NOT pg_temp.cascade_has_parents(passing, NULL);
        IF passing.fires THEN
            PERFORM pg_temp.cascade_check_way(passing, NULL, last_round);
        ELSE
            PERFORM pg_temp.cascade_leave(passing, last_round);
        END IF;
    END LOOP;
    FOR passing IN
        SELECT * FROM pg_temp.cascade_ways WHERE rule = 'd' AND pg_catalog.cardinality(lost) > 0 ORDER BY way
    LOOP
        PERFORM pg_temp.cascade_check_defaults(passing, last_round);
    END LOOP;
    PERFORM pg_temp.cascade_remark_on_tables();
END
$cascade$;

-- The tables of which somebody else changed or removed a row since it was listed, which has another place by now: what
-- refers to it was not found. A transaction that is REPEATABLE READ sees no such thing.
-- https://www.postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED
CREATE OR REPLACE FUNCTION pg_temp.cascade_moved() RETURNS text LANGUAGE plpgsql
SET row_security TO off AS $cascade$
DECLARE
    reached record;
    here bigint;
    moved oid[] := '{}';
BEGIN
    FOR reached IN
        SELECT relation, pg_catalog.count(DISTINCT place) AS number FROM pg_temp.cascade_fates
        JOIN pg_catalog.pg_class ON pg_class.oid = relation WHERE relkind = 'r' GROUP BY relation ORDER BY relation
    LOOP
        EXECUTE pg_catalog.format(
            'SELECT pg_catalog.count(*) FROM ONLY %s
             WHERE ctid = ANY (ARRAY(SELECT place FROM pg_temp.cascade_fates WHERE relation = %s))',
            pg_temp.cascade_table(reached.relation), reached.relation) INTO here;
        IF here < reached.number THEN
            moved := moved || pg_temp.cascade_filed(reached.relation);
        END IF;
    END LOOP;
    RETURN (SELECT pg_catalog.string_agg(DISTINCT pg_temp.cascade_table(relation), ', ')
        FROM pg_catalog.unnest(moved) AS relation);
END
$cascade$;

-- Count the rows that a key which does nothing leaves without what they refer to.
CREATE OR REPLACE FUNCTION pg_temp.cascade_leave(passing pg_temp.cascade_ways, last_round int) RETURNS void
LANGUAGE plpgsql AS $cascade$
DECLARE
    found bigint;
BEGIN
    EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM %s WHERE NOT %s',
        pg_temp.cascade_referring(passing, NULL),
        pg_temp.cascade_met('child', pg_temp.cascade_removing() || pg_temp.cascade_changing(passing.names), last_round))
        INTO found;
    UPDATE pg_temp.cascade_ways SET rows = found WHERE way = passing.way;
END
$cascade$;

-- Rows whose default refers to nothing that is left, by any key that the column is part of.
CREATE OR REPLACE FUNCTION pg_temp.cascade_check_defaults(passing pg_temp.cascade_ways, last_round int) RETURNS void
LANGUAGE plpgsql AS $cascade$
DECLARE
    other record;
    found bigint;
BEGIN
    FOR other IN
        SELECT conname, confrelid, pg_catalog.string_agg(pg_catalog.format('(%s) IS NOT NULL', value), ' AND ') AS filled,
            pg_catalog.string_agg(pg_catalog.format('parent.%I %s (%s)', attname,
                pg_temp.cascade_equality(confrelid, pair.referred), value), ' AND ') AS matching
        FROM pg_catalog.pg_constraint AS held
        CROSS JOIN LATERAL unnest(conkey, confkey) AS pair (referring, referred)
        CROSS JOIN LATERAL pg_temp.cascade_value_after(passing, pair.referring) AS value
        JOIN pg_catalog.pg_attribute ON attrelid = confrelid AND attnum = pair.referred
        WHERE contype = 'f' AND conparentid = 0 AND conrelid = passing.child
            AND coalesce((pg_catalog.to_jsonb(held) ->> 'conenforced')::boolean, true)
            AND pg_temp.cascade_names(conrelid, conkey) && passing.lost
        GROUP BY held.oid, conname, confrelid ORDER BY conname
    LOOP
        EXECUTE pg_catalog.format(
            'SELECT pg_catalog.count(*)
             FROM (SELECT DISTINCT relation, place FROM pg_temp.cascade_fates WHERE way = %s) AS listed
             JOIN %s AS child ON child.tableoid = listed.relation AND child.ctid = listed.place
             WHERE NOT %s AND %s AND NOT EXISTS (
                 SELECT FROM (SELECT *, tableoid AS relation, ctid AS place FROM %s) AS parent WHERE %s AND NOT %s)',
            passing.way, pg_temp.cascade_scan(passing.child),
            pg_temp.cascade_met('listed', pg_temp.cascade_removing(), last_round), other.filled,
            pg_temp.cascade_scan(other.confrelid), other.matching,
            pg_temp.cascade_met('parent', pg_temp.cascade_removing(), last_round)) INTO found;
        UPDATE pg_temp.cascade_ways SET blocked = blocked + found, problem = 'default'
        WHERE way = passing.way AND found > 0;
    END LOOP;
EXCEPTION
WHEN insufficient_privilege OR lock_not_available THEN
    RAISE;
WHEN OTHERS THEN
    -- Such as the next number of a sequence, or a setting that sessions of the application alone have.
    INSERT INTO pg_temp.cascade_remarks VALUES ('default', passing.child, passing.known_as, passing.event);
END
$cascade$;

-- The expression for the value that a column of the row "child" has after SET DEFAULT.
CREATE OR REPLACE FUNCTION pg_temp.cascade_value_after(passing pg_temp.cascade_ways, number int2) RETURNS text
LANGUAGE sql STABLE AS $cascade$
    SELECT CASE WHEN attname = ANY (($1).emptied) THEN 'NULL'
        WHEN attname = ANY (($1).lost) AND attgenerated = '' THEN pg_catalog.format('(%s)::%s',
            coalesce(pg_catalog.pg_get_expr(adbin, adrelid), pg_catalog.pg_get_expr(typdefaultbin, 0)),
            pg_catalog.format_type(atttypid, atttypmod))
        ELSE pg_catalog.format('child.%I', attname) END
    FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_type ON pg_type.oid = atttypid
    LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = ($1).child AND attnum = $2
$cascade$;

-- Triggers and rules of the user's, and what new values could still break.
CREATE OR REPLACE FUNCTION pg_temp.cascade_remark_on_tables() RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    removing int[] := pg_temp.cascade_removing();
BEGIN
    INSERT INTO pg_temp.cascade_remarks
    WITH touched AS (
        SELECT met.relation, pg_temp.cascade_filed(met.relation) AS filed,
            CASE WHEN met.way = ANY (removing) THEN 'd' ELSE 'u' END::"char" AS event, ways.lost, ways.emptied, ways.rule
        FROM (SELECT DISTINCT relation, way FROM pg_temp.cascade_fates) AS met
        LEFT JOIN pg_temp.cascade_ways AS ways USING (way))
    SELECT DISTINCT 'trigger', filed, tgname, event FROM touched
    JOIN pg_catalog.pg_trigger ON tgrelid IN (touched.relation, filed) AND NOT tgisinternal AND tgenabled <> 'D'
        AND tgtype & CASE event WHEN 'd' THEN 8 ELSE 16 END <> 0
    UNION SELECT 'rule', touched.relation, rulename, event FROM touched
    JOIN pg_catalog.pg_rewrite ON ev_class IN (touched.relation, filed) AND ev_enabled <> 'D'
        AND ev_type = CASE event WHEN 'd' THEN '4' ELSE '2' END::"char"
    UNION SELECT 'check', filed, conname, event FROM touched
    JOIN pg_catalog.pg_constraint ON conrelid = touched.relation AND contype = 'c'
        AND pg_temp.cascade_names(conrelid, conkey) && lost WHERE event = 'u'
    UNION SELECT 'unique', filed, made.relname, event FROM touched
    JOIN pg_catalog.pg_index ON indrelid = touched.relation AND (indisunique OR indisexclusion)
    JOIN pg_catalog.pg_class AS made ON made.oid = indexrelid
    WHERE event = 'u' AND ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = indrelid
            AND attnum = ANY (indkey)) && CASE WHEN indnullsnotdistinct THEN lost ELSE
                ARRAY(SELECT name FROM pg_catalog.unnest(lost) AS name WHERE NOT name = ANY (emptied)) END
    UNION SELECT 'partition', filed, NULL, event FROM touched
    JOIN pg_catalog.pg_partitioned_table ON partrelid = filed
    WHERE event = 'u' AND (0 = ANY (partattrs) OR pg_temp.cascade_names(filed, partattrs::int2[]) && lost);
END
$cascade$;

-- The prediction as a document.
CREATE OR REPLACE FUNCTION pg_temp.cascade_impact() RETURNS text LANGUAGE plpgsql AS $cascade$
DECLARE
    removing int[] := pg_temp.cascade_removing();
BEGIN
    RETURN (
        WITH counted AS (
            SELECT relation, way, pg_catalog.count(*) AS number FROM pg_temp.cascade_fates AS met
            WHERE way = ANY (removing) OR NOT EXISTS (
                SELECT FROM pg_temp.cascade_fates AS gone
                WHERE gone.relation = met.relation AND gone.place = met.place AND gone.way = ANY (removing))
            GROUP BY relation, way
        ), changed AS (
            SELECT relation, pg_catalog.count(DISTINCT place) AS number FROM pg_temp.cascade_fates AS met
            WHERE NOT way = ANY (removing) AND NOT EXISTS (
                SELECT FROM pg_temp.cascade_fates AS gone
                WHERE gone.relation = met.relation AND gone.place = met.place AND gone.way = ANY (removing))
            GROUP BY relation
        ), tables AS (
            SELECT pg_temp.cascade_filed(relation) AS filed, pg_catalog.sum(number) FILTER (WHERE way = 0) AS deleted,
                pg_catalog.sum(number) FILTER (WHERE way = ANY (removing)) AS removed, 0::numeric AS changed
            FROM counted GROUP BY 1
            UNION ALL SELECT pg_temp.cascade_filed(relation), 0, 0, number FROM changed
        )
        SELECT pg_catalog.json_build_object(
            'tables', (
                SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('table', pg_temp.cascade_named(filed),
                    'deleted', deleted, 'removed', removed, 'changed', changed) ORDER BY filed), '[]')
                FROM (SELECT filed, pg_catalog.sum(coalesce(deleted, 0)) AS deleted,
                          pg_catalog.sum(coalesce(removed, 0)) AS removed, pg_catalog.sum(changed) AS changed
                      FROM tables GROUP BY filed) AS summed),
            'keys', (
                SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                    'parent', pg_temp.cascade_named(filed), 'table', pg_temp.cascade_named(root), 'key', known_as,
                    'columns', pg_temp.cascade_names(child, child_columns),
                    'referred', pg_temp.cascade_names(parent, parent_columns),
                    'event', event, 'rule', rule, 'fires', fires, 'enforced', enforced, 'deferred', deferred, 'lost', lost,
                    'rows', rows, 'unsure', unsure, 'blocked', blocked, 'perhaps_blocked', perhaps_blocked,
                    'problem', problem) ORDER BY known_as, event, rule), '[]')
                FROM (
                    SELECT pg_temp.cascade_filed(ways.relation) AS filed, pg_temp.cascade_filed(child) AS root, known_as,
                        child, child_columns, parent, parent_columns, event, rule, fires, enforced, deferred, lost,
                        pg_catalog.sum(CASE WHEN NOT fires OR event = 'd' AND rule = 'c' THEN rows
                            ELSE coalesce(changes.number, 0) END) AS rows,
                        pg_catalog.sum(unsure) AS unsure, pg_catalog.sum(blocked) AS blocked,
                        pg_catalog.sum(perhaps_blocked) AS perhaps_blocked, pg_catalog.max(problem) AS problem
                    FROM pg_temp.cascade_ways AS ways
                    LEFT JOIN (SELECT way, pg_catalog.sum(number) AS number FROM counted GROUP BY way) AS changes USING (way)
                    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13) AS ways
                WHERE rows > 0 OR blocked > 0 OR perhaps_blocked > 0),
            'remarks', (
                SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('kind', kind,
                    'table', pg_temp.cascade_named(relation), 'name', name, 'event', event)
                    ORDER BY kind, relation, name, event), '[]')
                FROM (SELECT DISTINCT * FROM pg_temp.cascade_remarks) AS remarks))::text);
END
$cascade$;

-- Schema and name of a relation.
CREATE OR REPLACE FUNCTION pg_temp.cascade_named(relation oid) RETURNS json LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.json_build_array(nspname, relname)
    FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = $1
$cascade$;
