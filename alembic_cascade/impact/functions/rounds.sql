-- List the rows that the DELETE itself takes. What follows WHERE has to be one expression by itself: in brackets, nothing
-- can end the parentheses round it, and a cursor is opened for a single statement alone.
CREATE OR REPLACE FUNCTION pg_temp.cascade_delete_where(relation oid, condition text) RETURNS bigint LANGUAGE plpgsql
SET row_security TO off AS $cascade$
DECLARE
    looking refcursor;
    number bigint;
BEGIN
    OPEN looking FOR EXECUTE pg_catalog.format(E'SELECT FROM %s WHERE (\n%s\n)',
        pg_temp.cascade_table(relation), condition);
    CLOSE looking;
    OPEN looking FOR EXECUTE pg_catalog.format(E'SELECT FROM %s WHERE (ARRAY[\n%s\n])[1]',
        pg_temp.cascade_table(relation), condition);
    CLOSE looking;
    EXECUTE pg_catalog.format(E'INSERT INTO pg_temp.cascade_fates SELECT tableoid, ctid, 0, 0 FROM %s WHERE (\n%s\n)',
        pg_temp.cascade_table(relation), condition);
    GET DIAGNOSTICS number = ROW_COUNT;
    ANALYZE pg_temp.cascade_fates;
    RETURN number;
END
$cascade$;

-- Go through one round of PostgreSQL's triggers, and return the number of rows that they act on, 0 at the end. The
-- triggers that a statement has queued fire in the order of rows, those of one row by their names; what they queue in
-- turn fires after all of them. Within a round of several rows, nobody can foresee which row comes first.
CREATE OR REPLACE FUNCTION pg_temp.cascade_next_round(this_round int) RETURNS bigint LANGUAGE plpgsql
SET row_security TO off AS $cascade$
DECLARE
    passing pg_temp.cascade_ways;
    number bigint := (SELECT pg_catalog.count(*) FROM pg_temp.cascade_fates WHERE round = this_round);
    horizon int := this_round + (number = 1)::int;
    removing int[] := pg_temp.cascade_removing();
    gone oid[] := ARRAY(SELECT DISTINCT relation FROM pg_temp.cascade_fates
        WHERE round = this_round AND way = ANY (removing));
    changed oid[] := ARRAY(SELECT DISTINCT relation FROM pg_temp.cascade_fates
        WHERE round = this_round AND NOT way = ANY (removing));
    reached oid;
BEGIN
    IF number = 0 THEN
        RETURN 0;
    END IF;
    FOR reached IN
        SELECT relation FROM pg_catalog.unnest(gone || changed) AS relation
        EXCEPT SELECT relation FROM pg_temp.cascade_ways ORDER BY 1
    LOOP
        PERFORM pg_temp.cascade_add_ways(reached);
    END LOOP;
    FOR passing IN
        SELECT ways.* FROM pg_temp.cascade_ways AS ways
        WHERE ways.fires AND NOT ways.deferred AND ways.relation = ANY (CASE ways.event WHEN 'd' THEN gone ELSE changed END)
        ORDER BY CASE WHEN number = 1 THEN 0 WHEN ways.rule IN ('a', 'r') THEN 3
            WHEN ways.event = 'd' AND ways.rule = 'c' THEN 2 ELSE 1 END, ways.trigger, ways.way
    LOOP
        CONTINUE WHEN NOT pg_temp.cascade_has_parents(passing, this_round);
        IF passing.rule IN ('a', 'r') THEN
            PERFORM pg_temp.cascade_check_way(passing, this_round, horizon);
        ELSIF passing.event = 'd' AND passing.rule = 'c' THEN
            PERFORM pg_temp.cascade_remove_by(passing, this_round, horizon);
        ELSE
            PERFORM pg_temp.cascade_change_by(passing, this_round, horizon);
        END IF;
    END LOOP;
    IF number > 1 THEN
        PERFORM pg_temp.cascade_check_changes(ways, this_round, true)
        FROM pg_temp.cascade_ways AS ways
        WHERE pg_catalog.cardinality(ways.lost) > 0 AND ways.relation = ANY (gone || changed);
    END IF;
    IF number > 1000 THEN
        ANALYZE pg_temp.cascade_fates;
    END IF;
    RETURN number;
END
$cascade$;

-- The rows of a round that a way leads from, as what follows SELECT place.
CREATE OR REPLACE FUNCTION pg_temp.cascade_parents(passing pg_temp.cascade_ways, this_round int) RETURNS text
LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN pg_catalog.format('FROM pg_temp.cascade_fates WHERE relation = %s AND %s AND way = ANY (%L::int[])',
        passing.relation, CASE WHEN this_round IS NULL THEN 'true' ELSE 'round = ' || this_round END,
        CASE passing.event WHEN 'd' THEN pg_temp.cascade_removing()
            ELSE pg_temp.cascade_changing(passing.referred) END);
END
$cascade$;

-- Whether there are any. Where there are many, the rows that refer to them are found by one look at their table.
CREATE OR REPLACE FUNCTION pg_temp.cascade_has_parents(passing pg_temp.cascade_ways, this_round int) RETURNS boolean
LANGUAGE plpgsql AS $cascade$
DECLARE
    number bigint;
    rows double precision;
BEGIN
    EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) %s', pg_temp.cascade_parents(passing, this_round)) INTO number;
    IF number > 1000 THEN
        rows := (SELECT pg_catalog.sum(greatest(reltuples, 0)) FROM pg_catalog.pg_class
            WHERE oid = ANY (pg_temp.cascade_family(passing.child)));
    END IF;
    PERFORM pg_catalog.set_config('enable_nestloop', CASE WHEN number > rows / 50 THEN 'off' ELSE 'on' END, true);
    RETURN number > 0;
END
$cascade$;

-- The rows "child" that refer by a way to rows of a round, of all rounds where that is NULL: what follows FROM.
CREATE OR REPLACE FUNCTION pg_temp.cascade_referring(passing pg_temp.cascade_ways, this_round int) RETURNS text
LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN pg_catalog.format(
        '(SELECT * FROM ONLY %s WHERE ctid = ANY (ARRAY(SELECT place %s))) AS parent JOIN %s AS child ON %s',
        pg_temp.cascade_table(passing.relation), pg_temp.cascade_parents(passing, this_round),
        pg_temp.cascade_scan(passing.child), pg_temp.cascade_reference(
            passing.child, passing.child_columns, passing.parent, passing.parent_columns));
END
$cascade$;

-- ON DELETE CASCADE. Rows that are gone already are counted, too, for they refer by this key; rows that have lost the
-- value by which they did are not.
CREATE OR REPLACE FUNCTION pg_temp.cascade_remove_by(passing pg_temp.cascade_ways, this_round int, horizon int)
RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    changing int[] := pg_temp.cascade_changing(passing.names);
    found bigint;
    doubtful bigint;
BEGIN
    EXECUTE pg_catalog.format(
        'WITH found AS MATERIALIZED (
             SELECT child.tableoid AS relation, child.ctid AS place FROM %1$s WHERE NOT %2$s
         ), added AS (
             INSERT INTO pg_temp.cascade_fates SELECT relation, place, %3$s, %4$s FROM found WHERE NOT %5$s)
         SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE %6$s) FROM found',
        pg_temp.cascade_referring(passing, this_round), pg_temp.cascade_met('child', changing, horizon), this_round + 1,
        passing.way, pg_temp.cascade_met('found', pg_temp.cascade_removing(), this_round + 1),
        pg_temp.cascade_met('found', changing, this_round + 1)) INTO found, doubtful;
    UPDATE pg_temp.cascade_ways SET rows = rows + found, unsure = unsure + doubtful WHERE way = passing.way;
END
$cascade$;

-- SET NULL, SET DEFAULT, and what ON UPDATE does where the value changes that is referred to.
CREATE OR REPLACE FUNCTION pg_temp.cascade_change_by(passing pg_temp.cascade_ways, this_round int, horizon int)
RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    EXECUTE pg_catalog.format(
        'INSERT INTO pg_temp.cascade_fates
         SELECT child.tableoid, child.ctid, %s, %s FROM %s WHERE NOT %s',
        this_round + 1, passing.way, pg_temp.cascade_referring(passing, this_round),
        pg_temp.cascade_met('child', pg_temp.cascade_removing() || pg_temp.cascade_changing(passing.names), horizon));
    IF horizon > this_round THEN
        PERFORM pg_temp.cascade_check_changes(passing, this_round, false);
    END IF;
END
$cascade$;

-- NO ACTION and RESTRICT: both look when their trigger fires, the first at the end of the transaction where it is
-- deferred. Rows that go in the same round may be gone by then, or not.
CREATE OR REPLACE FUNCTION pg_temp.cascade_check_way(passing pg_temp.cascade_ways, this_round int, horizon int)
RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    ways int[] := pg_temp.cascade_removing() || pg_temp.cascade_changing(passing.names);
    found bigint;
    doubtful bigint;
BEGIN
    EXECUTE pg_catalog.format(
        'SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE %s) FROM %s WHERE NOT %s',
        pg_temp.cascade_met('child', ways, coalesce(this_round + 1, horizon)), pg_temp.cascade_referring(passing, this_round),
        pg_temp.cascade_met('child', ways, horizon)) INTO found, doubtful;
    UPDATE pg_temp.cascade_ways SET blocked = blocked + found - doubtful, perhaps_blocked = perhaps_blocked + doubtful
    WHERE way = passing.way;
END
$cascade$;

-- Rows whose new values are refused: NULL in a column that is NOT NULL, or in part of a key that is MATCH FULL.
CREATE OR REPLACE FUNCTION pg_temp.cascade_check_changes(passing pg_temp.cascade_ways, this_round int, is_unordered boolean)
RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    filled text := (
        SELECT pg_catalog.string_agg(pg_catalog.quote_ident(attname), ', ' ORDER BY attnum)
        FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_type ON pg_type.oid = atttypid
        WHERE attrelid = passing.child AND attname = ANY (passing.emptied) AND (attnotnull OR typnotnull));
    -- A default is taken for a value that is not NULL.
    halved text := (
        SELECT pg_catalog.string_agg(CASE WHEN rest = ANY (passing.lost) THEN 'true'
            ELSE pg_catalog.format('child.%I IS NOT NULL', rest) END, ' OR ' ORDER BY oid, rest)
        FROM pg_catalog.pg_constraint AS full_key,
            pg_catalog.unnest(pg_temp.cascade_names(conrelid, conkey)) AS rest
        WHERE contype = 'f' AND confmatchtype = 'f' AND conparentid = 0 AND conrelid = passing.child
            AND coalesce((pg_catalog.to_jsonb(full_key) ->> 'conenforced')::boolean, true)
            AND pg_temp.cascade_names(conrelid, conkey) && passing.emptied AND NOT rest = ANY (passing.emptied));
    found bigint;
    doubtful bigint;
BEGIN
    IF filled IS NULL AND halved IS NULL THEN
        RETURN;
    END IF;
    EXECUTE pg_catalog.format(
        'SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE %s)
         FROM (SELECT relation, place FROM pg_temp.cascade_fates WHERE round = %s AND way = %s) AS listed
         JOIN %s AS child ON child.tableoid = listed.relation AND child.ctid = listed.place WHERE %s',
        CASE WHEN is_unordered THEN pg_temp.cascade_met('listed', pg_temp.cascade_removing()
            || pg_catalog.array_remove(pg_temp.cascade_changing(passing.names), passing.way), this_round + 1)
            ELSE 'false' END,
        this_round + 1, passing.way, pg_temp.cascade_scan(passing.child),
        CASE WHEN filled IS NULL THEN halved ELSE 'true' END) INTO found, doubtful;
    UPDATE pg_temp.cascade_ways SET blocked = blocked + found - doubtful, perhaps_blocked = perhaps_blocked + doubtful,
        problem = CASE WHEN filled IS NULL THEN 'MATCH FULL' ELSE pg_catalog.format('NOT NULL (%s)', filled) END
    WHERE way = passing.way AND found > 0;
END
$cascade$;

-- Whether there is a row that fulfils a condition.
CREATE OR REPLACE FUNCTION pg_temp.cascade_is_there(relation oid, condition text) RETURNS boolean LANGUAGE plpgsql
SET row_security TO off AS $cascade$
DECLARE
    found boolean;
BEGIN
    EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %s WHERE %s)', pg_temp.cascade_table(relation), condition)
        INTO found;
    RETURN found;
END
$cascade$;

-- The columns of a table's primary key, in its order.
CREATE OR REPLACE FUNCTION pg_temp.cascade_key_columns(relation oid) RETURNS text[] LANGUAGE sql STABLE AS $cascade$
    SELECT pg_temp.cascade_names($1, conkey) FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND contype = 'p'
$cascade$;

-- That the primary key has these values, as its own type reads them.
CREATE OR REPLACE FUNCTION pg_temp.cascade_key_condition(relation oid, key text[]) RETURNS text
LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.string_agg(
        pg_catalog.format('%I %s %L', attname, pg_temp.cascade_equality($1, attnum), value), ' AND ' ORDER BY place)
    FROM pg_catalog.pg_constraint,
        LATERAL ROWS FROM (pg_catalog.unnest(conkey), pg_catalog.unnest($2)) WITH ORDINALITY AS pair (number, value, place)
    JOIN pg_catalog.pg_attribute ON attrelid = $1 AND attnum = pair.number
    WHERE conrelid = $1 AND contype = 'p'
$cascade$;
