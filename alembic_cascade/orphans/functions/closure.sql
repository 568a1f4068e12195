-- List the rows that refer to rows found in a round, through one key.
CREATE OR REPLACE FUNCTION pg_temp.cascade_list_referring(
    passing record, reached oid, this_round int, reached_by "char", action "char"
) RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    -- A row written in between would be taken by the database itself, and by nobody kept.
    PERFORM pg_temp.cascade_lock(passing.child);
    EXECUTE pg_catalog.format(
        'INSERT INTO pg_temp.cascade_rows (relation, place, round, action, key)
         SELECT DISTINCT found.relation, found.place, %1$s, %2$L::"char", %3$s::oid
         FROM (
             SELECT child.tableoid AS relation, child.ctid AS place
             FROM (SELECT * FROM ONLY %4$s WHERE ctid = ANY (ARRAY(
                     SELECT place FROM pg_temp.cascade_rows
                     WHERE relation = %5$s AND round = %6$s AND action = %7$L))) AS parent
             JOIN %8$s AS child ON %9$s
             WHERE NOT EXISTS (
                 SELECT FROM pg_temp.cascade_rows AS known
                 WHERE known.relation = child.tableoid AND known.place = child.ctid AND known.action = %2$L
                     AND (known.action = ''r'' OR known.key = %3$s))
             %10$s) AS found',
        this_round + 1, action, passing.key, pg_temp.cascade_table(reached), reached, this_round, reached_by,
        pg_temp.cascade_scan(passing.child),
        pg_temp.cascade_reference(passing.child, passing.child_columns, passing.parent, passing.parent_columns),
        pg_temp.cascade_row_lock('NOWAIT'));
END
$cascade$;

-- List everything that the rows listed so far take along, to a fixpoint. Rows are removed ("r"), changed by us
-- ("c"), or follow another row's change by ON UPDATE ("f").
CREATE OR REPLACE FUNCTION pg_temp.cascade_list_closure() RETURNS void LANGUAGE plpgsql
SET row_security TO off AS $cascade$
DECLARE
    passing record;
    this_round int := 0;
BEGIN
    CREATE INDEX ON pg_temp.cascade_rows (relation, place);
    CREATE INDEX ON pg_temp.cascade_rows (round);
    WHILE EXISTS (SELECT FROM pg_temp.cascade_rows WHERE round = this_round) LOOP
        ANALYZE pg_temp.cascade_rows;
        FOR passing IN
            SELECT keys.*, reached.relation AS reached, reached.action AS reached_by
            FROM (SELECT DISTINCT listed.relation, listed.action FROM pg_temp.cascade_rows AS listed
                  WHERE listed.round = this_round) AS reached
            JOIN pg_temp.cascade_keys AS keys ON keys.parent = ANY (pg_temp.cascade_lineage(reached.relation))
            WHERE CASE reached.action
                WHEN 'r' THEN keys.ondelete IN ('c', 'n', 'd')
                ELSE keys.onupdate IN ('c', 'n', 'd') AND keys.key <> 0
                    AND pg_temp.cascade_changes(reached.relation, this_round)
                        && pg_temp.cascade_names(keys.parent, keys.parent_columns) END
            ORDER BY keys.child, keys.key, reached.relation
        LOOP
            PERFORM pg_temp.cascade_list_referring(passing, passing.reached, this_round, passing.reached_by,
                CASE WHEN passing.reached_by <> 'r' THEN 'f' WHEN passing.ondelete = 'c' THEN 'r' ELSE 'c' END::"char");
        END LOOP;
        this_round := this_round + 1;
    END LOOP;
    -- A row that goes needs no other value first.
    DELETE FROM pg_temp.cascade_rows AS changed
    WHERE action <> 'r' AND EXISTS (
        SELECT FROM pg_temp.cascade_rows AS removed
        WHERE removed.relation = changed.relation AND removed.place = changed.place AND removed.action = 'r');
    ANALYZE pg_temp.cascade_rows;
END
$cascade$;

-- The columns that rows of a round lose their values of, by name: a partition's numbers are its own. Where a trigger of
-- the user's may change any of them, it is all.
CREATE OR REPLACE FUNCTION pg_temp.cascade_changes(relation oid, this_round int) RETURNS text[]
LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    -- The type's bits: for each row, before, update.
    IF EXISTS (SELECT FROM pg_catalog.pg_trigger
        WHERE tgrelid = relation AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 19 = 19) AND EXISTS (
        SELECT FROM pg_temp.cascade_rows AS listed
        WHERE listed.relation = cascade_changes.relation AND listed.round = this_round AND listed.action <> 'r')
    THEN
        RETURN ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = relation AND attnum > 0);
    END IF;
    RETURN (
        SELECT coalesce(pg_catalog.array_agg(DISTINCT lost), '{}')
        FROM (SELECT DISTINCT listed.key, listed.action FROM pg_temp.cascade_rows AS listed
              WHERE listed.relation = cascade_changes.relation AND listed.round = this_round
                  AND listed.action <> 'r') AS listed
        JOIN pg_temp.cascade_keys AS keys USING (key),
        pg_catalog.unnest(pg_temp.cascade_lost(keys, listed.action)) AS lost);
END
$cascade$;

-- The columns of a row that lose their values through a key.
CREATE OR REPLACE FUNCTION pg_temp.cascade_lost(losing record, action "char") RETURNS text[]
LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN pg_temp.cascade_with_generated(losing.child, pg_temp.cascade_names(
        losing.child, CASE action WHEN 'c' THEN losing.cleared ELSE losing.child_columns END));
END
$cascade$;

-- Refuse where rows that stay refer, by NO ACTION or RESTRICT, to rows that go or to values that change.
CREATE OR REPLACE FUNCTION pg_temp.cascade_refuse_blocked(label text) RETURNS void LANGUAGE plpgsql
SET row_security TO off AS $cascade$
DECLARE
    blocking record;
    number bigint;
BEGIN
    FOR blocking IN
        SELECT keys.*, reached.relation AS reached, reached.action = 'r' AS goes,
            CASE WHEN reached.action = 'r' THEN keys.ondelete ELSE keys.onupdate END AS rule
        FROM (SELECT DISTINCT relation, action FROM pg_temp.cascade_rows) AS reached
        JOIN pg_temp.cascade_keys AS keys ON keys.parent = ANY (pg_temp.cascade_lineage(reached.relation))
        WHERE keys.key <> 0 AND CASE reached.action
            WHEN 'r' THEN keys.ondelete IN ('a', 'r')
            ELSE keys.onupdate IN ('a', 'r') AND EXISTS (
                SELECT FROM pg_temp.cascade_rows AS listed
                JOIN pg_temp.cascade_keys AS losing USING (key)
                WHERE listed.relation = reached.relation AND listed.action = reached.action
                    AND pg_temp.cascade_lost(losing, listed.action)
                        && pg_temp.cascade_names(keys.parent, keys.parent_columns)) END
        ORDER BY keys.child, keys.key, reached.relation
    LOOP
        PERFORM pg_temp.cascade_lock(blocking.child);
        EXECUTE pg_catalog.format(
            'SELECT pg_catalog.count(*)
             FROM (SELECT * FROM ONLY %1$s WHERE ctid = ANY (ARRAY(
                     SELECT listed.place FROM pg_temp.cascade_rows AS listed
                     JOIN pg_temp.cascade_keys AS losing USING (key)
                     WHERE listed.relation = %2$s AND (listed.action = ''r'') = %3$L
                         AND (listed.action = ''r'' OR %7$L::text[] && pg_temp.cascade_lost(losing,
                             listed.action))))) AS parent
             JOIN %4$s AS child ON %5$s
             WHERE NOT EXISTS (
                 SELECT FROM pg_temp.cascade_rows AS known JOIN pg_temp.cascade_keys AS losing USING (key)
                 WHERE known.relation = child.tableoid AND known.place = child.ctid
                     AND (known.action = ''r'' OR pg_temp.cascade_lost(losing, known.action) && %6$L::text[]))',
            pg_temp.cascade_table(blocking.reached), blocking.reached, blocking.goes,
            pg_temp.cascade_scan(blocking.child),
            pg_temp.cascade_reference(
                blocking.child, blocking.child_columns, blocking.parent, blocking.parent_columns),
            pg_temp.cascade_names(blocking.child, blocking.child_columns),
            pg_temp.cascade_names(blocking.parent, blocking.parent_columns)) INTO number;
        IF number > 0 THEN
            RAISE SQLSTATE 'CA002' USING
                MESSAGE = pg_catalog.format('%s refer by the key %I (%s -> %s, %s) to rows of %s that would be %s with the '
                    'orphans of %s', pg_temp.cascade_rows_of(number, blocking.child::regclass::text), blocking.known_as,
                    pg_temp.cascade_words(blocking.child, blocking.child_columns),
                    pg_temp.cascade_words(blocking.parent, blocking.parent_columns),
                    CASE blocking.rule WHEN 'r' THEN 'RESTRICT' ELSE 'NO ACTION' END,
                    blocking.parent::regclass, CASE WHEN blocking.goes THEN 'removed' ELSE 'changed' END, label),
                HINT = 'Nothing was changed. Settle these rows first, or give that key a rule of its own.',
                TABLE = blocking.child::regclass::text, CONSTRAINT = blocking.known_as;
        END IF;
    END LOOP;
END
$cascade$;

-- Keep writers away from a table, where one may; concurrently, from the rows alone that are listed.
CREATE OR REPLACE FUNCTION pg_temp.cascade_lock(relation oid) RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    IF NOT pg_temp.cascade_is_concurrent() AND pg_catalog.has_table_privilege(relation, 'UPDATE, DELETE, TRUNCATE') THEN
        EXECUTE pg_catalog.format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', pg_temp.cascade_table(relation));
    END IF;
END
$cascade$;

-- Whether other sessions go on writing meanwhile; "looking" is for a check that settles nothing.
CREATE OR REPLACE FUNCTION pg_temp.cascade_is_concurrent() RETURNS boolean LANGUAGE sql STABLE AS $cascade$
    SELECT coalesce(pg_catalog.current_setting('alembic_cascade.concurrently', true), '') IN ('on', 'looking')
$cascade$;

-- The clause by which rows "child" are locked as they are listed. Nobody can refer to a locked row any more, and waiting
-- for one while others are held could end in a deadlock.
-- https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS
CREATE OR REPLACE FUNCTION pg_temp.cascade_row_lock(waiting text) RETURNS text LANGUAGE sql STABLE AS $cascade$
    SELECT CASE WHEN pg_catalog.current_setting('alembic_cascade.concurrently', true) = 'on'
        THEN 'FOR UPDATE OF child ' || $1 ELSE '' END
$cascade$;
