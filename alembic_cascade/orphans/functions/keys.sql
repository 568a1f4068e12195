-- List what a change of rows is passed on to: every enforced key of the database, and the one that is to come,
-- whose "action" is what the strategy does. A namesake of the latter, with another rule, is left aside.
CREATE OR REPLACE FUNCTION pg_temp.cascade_list_keys(
    source oid, referent oid, source_columns int2[], referent_columns int2[], action "char", cleared_columns int2[]
) RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    CREATE TEMPORARY TABLE cascade_keys (
        key oid PRIMARY KEY, known_as text, child oid, parent oid, child_columns int2[], parent_columns int2[],
        ondelete "char", onupdate "char", cleared int2[]);
    INSERT INTO pg_temp.cascade_keys
    SELECT constrained.oid, conname, conrelid, confrelid, conkey, confkey, confdeltype, confupdtype,
        CASE WHEN pg_catalog.cardinality(confdelsetcols) > 0 THEN confdelsetcols ELSE conkey END
    FROM pg_catalog.pg_constraint AS constrained
    WHERE contype = 'f' AND conparentid = 0
        -- Columns of PostgreSQL 18.
        AND coalesce((pg_catalog.to_jsonb(constrained) ->> 'conenforced')::boolean, true)
        AND NOT coalesce((pg_catalog.to_jsonb(constrained) ->> 'conperiod')::boolean, false)
        AND NOT (conrelid = source AND confrelid = referent
            AND pg_temp.cascade_pairs(conkey, confkey) = pg_temp.cascade_pairs(source_columns, referent_columns));
    INSERT INTO pg_temp.cascade_keys VALUES (
        0, NULL, source, referent, source_columns, referent_columns, action, 'a', cleared_columns);
END
$cascade$;

-- The valid, enforced key that already holds for every row, if there is one.
CREATE OR REPLACE FUNCTION pg_temp.cascade_standing_key(
    source oid, referent oid, source_columns int2[], referent_columns int2[], match_full boolean
) RETURNS text LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.quote_ident(conname) FROM pg_catalog.pg_constraint AS constrained
    WHERE contype = 'f' AND conrelid = $1 AND confrelid = $2 AND convalidated
        AND coalesce((pg_catalog.to_jsonb(constrained) ->> 'conenforced')::boolean, true)
        AND pg_temp.cascade_pairs(conkey, confkey) = pg_temp.cascade_pairs($3, $4)
        AND (confmatchtype = 'f' OR NOT $5)
        -- A key whose triggers are switched off holds for nobody.
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_trigger WHERE tgconstraint = constrained.oid AND tgenabled IN ('D', 'R'))
    ORDER BY conname LIMIT 1
$cascade$;

-- The enforced keys that a table was given itself.
CREATE OR REPLACE FUNCTION pg_temp.cascade_keys_of(relation oid)
RETURNS TABLE (conname name, parent oid, conkey int2[], confkey int2[]) LANGUAGE sql STABLE AS $cascade$
    SELECT constrained.conname, confrelid, constrained.conkey, constrained.confkey
    FROM pg_catalog.pg_constraint AS constrained
    WHERE contype = 'f' AND conparentid = 0 AND conrelid = $1
        AND coalesce((pg_catalog.to_jsonb(constrained) ->> 'conenforced')::boolean, true)
$cascade$;
