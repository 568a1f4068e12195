-- What the triggers of a translation are called: the same for every call of one direction.
CREATE OR REPLACE FUNCTION pg_temp.cascade_translator(existing jsonb, target jsonb) RETURNS text
LANGUAGE sql STABLE AS $cascade$
    SELECT 'alembic_cascade_' || pg_catalog.substr(pg_catalog.md5(pg_catalog.concat_ws(' ', $1 ->> 'source', $1 ->> 'local',
        $1 ->> 'referent', $1 ->> 'remote', $2 ->> 'remote')), 1, 12)
$cascade$;

-- That a row of one alias and a row of another have the same values in pairs of columns of the child and of the parent.
CREATE OR REPLACE FUNCTION pg_temp.cascade_equal(
    child oid, child_columns text[], parent oid, parent_columns text[], child_alias text, parent_alias text
) RETURNS text LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.string_agg(pg_catalog.format('%s.%I %s %s.%I', $6, referred,
        pg_temp.cascade_equality($3, (pg_temp.cascade_numbers($3, ARRAY[referred]))[1]), $5, referring), ' AND ' ORDER BY place)
    FROM unnest($2, $4) WITH ORDINALITY AS pair (referring, referred, place)
$cascade$;

CREATE OR REPLACE FUNCTION pg_temp.cascade_all_filled(alias text, names text[]) RETURNS text LANGUAGE sql STABLE AS $cascade$
    SELECT pg_catalog.string_agg(pg_catalog.format('%s.%I IS NOT NULL', $1, name), ' AND ') FROM pg_catalog.unnest($2) AS name
$cascade$;

-- Bring a key one step nearer to another column of the same parent, and the references with it: the keys are exchanged,
-- references translated in batches, and triggers translate meanwhile what is still written in terms of the old column.
CREATE OR REPLACE FUNCTION pg_temp.cascade_translate_batch(
    label text, existing jsonb, target jsonb, batch_size int, if_exists boolean
) RETURNS TABLE (level text, message text, again boolean, done bigint, total bigint) LANGUAGE plpgsql AS $cascade$
DECLARE
    source oid := pg_catalog.to_regclass(target ->> 'source');
    referent oid := pg_catalog.to_regclass(target ->> 'referent');
    translator text := pg_temp.cascade_translator(existing, target);
    old pg_catalog.pg_constraint;
BEGIN
    level := 'info';
    again := false;
    message := pg_temp.cascade_skipped(label, target ->> 'source', target ->> 'referent', if_exists);
    IF message IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = source AND tgname = translator || '_child') THEN
        SELECT batch.* INTO again, done, total, message
        FROM pg_temp.cascade_next_translations(source, referent, existing, target, translator, batch_size) AS batch;
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT * INTO old FROM pg_temp.cascade_alike(source, existing) LIMIT 1;
    IF old.oid IS NULL AND pg_temp.cascade_is_exchanged(source, target) THEN
        -- What was begun in either direction, and turned back.
        PERFORM pg_temp.cascade_drop_translator(source, referent, made.translator)
        FROM (VALUES (translator), (pg_temp.cascade_translator(target, existing))) AS made (translator);
        RETURN NEXT;
        RETURN;
    END IF;
    IF old.oid IS NULL THEN
        SELECT * INTO old FROM pg_temp.cascade_stand_ins(source, existing) LIMIT 1;
    END IF;
    IF old.oid IS NULL THEN
        RAISE undefined_object USING MESSAGE = pg_catalog.format('%s has no foreign key %s, nor another one for %s',
            source::regclass, existing ->> 'name', label);
    END IF;
    again := true;
    message := pg_temp.cascade_exchange(source, referent, existing, target, translator, old);
    RETURN NEXT;
END
$cascade$;

-- Whether the key that is to be stands, on the table or on its partitions, but for one that came meanwhile.
CREATE OR REPLACE FUNCTION pg_temp.cascade_is_exchanged(source oid, target jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE AS $cascade$
BEGIN
    RETURN EXISTS (SELECT FROM pg_temp.cascade_alike(source, target)) OR pg_temp.cascade_is_partitioned(source)
        AND (SELECT pg_catalog.bool_or(leaves.conname IS NOT NULL) IS NOT false
            FROM pg_temp.cascade_leaves(source, target) AS leaves);
END
$cascade$;

-- Whether values are one parent's in the old column and another's in the new one: what a reference means could not be told.
CREATE OR REPLACE FUNCTION pg_temp.cascade_overlaps(referent oid, from_cols text[], to_cols text[]) RETURNS boolean
LANGUAGE plpgsql SET row_security TO off AS $cascade$
DECLARE
    overlapping boolean;
BEGIN
    EXECUTE pg_catalog.format(
        'SELECT EXISTS (SELECT FROM %1$s AS one JOIN %1$s AS other ON %2$s WHERE NOT (%3$s))',
        pg_temp.cascade_scan(referent),
        pg_temp.cascade_equal(referent, from_cols, referent, to_cols, 'one', 'other'),
        pg_temp.cascade_equal(referent, from_cols, referent, from_cols, 'one', 'other')) INTO overlapping;
    RETURN overlapping;
END
$cascade$;

-- First a guard lets no overlapping values in; then, in one short transaction, the old key goes, the new one stands NOT
-- VALID, and triggers translate what is written. Returns what was done, in words.
CREATE OR REPLACE FUNCTION pg_temp.cascade_exchange(
    source oid, referent oid, existing jsonb, target jsonb, translator text, old pg_catalog.pg_constraint
) RETURNS text LANGUAGE plpgsql AS $cascade$
DECLARE
    local_cols text[] := pg_temp.cascade_listed(existing -> 'local');
    from_cols text[] := pg_temp.cascade_listed(existing -> 'remote');
    to_cols text[] := ARRAY(
        SELECT remote FROM pg_catalog.unnest(local_cols) WITH ORDINALITY AS wanted (local, place)
        JOIN unnest(pg_temp.cascade_listed(target -> 'local'), pg_temp.cascade_listed(target -> 'remote'))
            AS pair (local, remote) USING (local)
        ORDER BY wanted.place);
    name text := CASE WHEN old.conname <> existing ->> 'name' THEN old.conname ELSE target ->> 'name' END;
    remark text := pg_catalog.obj_description(old.oid, 'pg_constraint');
    replaced oid[] := CASE WHEN old.conrelid = source THEN ARRAY[old.oid]
        ELSE ARRAY(SELECT oid FROM pg_temp.cascade_stand_ins(source, existing)) END;
    part record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = referent AND tgname = translator || '_guard') THEN
        PERFORM pg_temp.cascade_check_translation(source, referent, local_cols, from_cols, to_cols, replaced);
        PERFORM pg_temp.cascade_refuse_translation(
            (SELECT pg_catalog.format('%s belongs to another role, and triggers on it are needed meanwhile', relation)
             FROM pg_catalog.unnest(ARRAY[referent, source]::regclass[]) AS relation JOIN pg_catalog.pg_class ON oid = relation
             WHERE NOT pg_catalog.pg_has_role(relowner, 'USAGE') LIMIT 1),
            'Nothing was changed. Run the migration as its owner.');
        PERFORM pg_temp.cascade_refuse_translation(
            CASE WHEN pg_temp.cascade_overlaps(referent, from_cols, to_cols)
                THEN pg_catalog.format('values of %s are also values of %s, but of other rows',
                    pg_temp.cascade_words(referent, pg_temp.cascade_numbers(referent, from_cols)),
                    pg_temp.cascade_words(referent, pg_temp.cascade_numbers(referent, to_cols))) END,
            'Nothing was changed. Which of them a reference means can''t be told while it is translated: write this key '
            'without concurrently, by op.drop_foreign_key, op.translate_references and op.add_foreign_key.');
        -- Waits for whoever writes parents now: what they wrote is seen by the next look.
        PERFORM pg_temp.cascade_lock_all(ARRAY[referent], 'SHARE ROW EXCLUSIVE');
        PERFORM pg_temp.cascade_make_guard(source, referent, from_cols, to_cols, translator);
        RETURN 'guarded against values that could be mistaken';
    END IF;
    IF pg_temp.cascade_overlaps(referent, from_cols, to_cols) THEN
        PERFORM pg_temp.cascade_drop_translator(source, referent, translator);
        RETURN 'a value that could be mistaken came meanwhile';
    END IF;
    PERFORM pg_temp.cascade_lock_all(ARRAY[referent, source], 'ACCESS EXCLUSIVE');
    -- What a run in the other direction left.
    PERFORM pg_temp.cascade_drop_translator(source, referent, pg_temp.cascade_translator(target, existing));
    PERFORM pg_temp.cascade_make_translator(source, referent, local_cols, from_cols, to_cols, translator);
    IF pg_temp.cascade_is_partitioned(source) THEN
        FOR part IN SELECT conrelid, conname FROM pg_catalog.pg_constraint WHERE oid = ANY (replaced) LOOP
            EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', pg_temp.cascade_table(part.conrelid), part.conname);
        END LOOP;
        FOR part IN SELECT * FROM pg_temp.cascade_leaves(source, target) AS leaves WHERE leaves.conname IS NULL LOOP
            PERFORM pg_temp.cascade_make(part.leaf, target, name, NULL, remark);
        END LOOP;
    ELSE
        PERFORM pg_temp.cascade_make(source, target, name, old.conname, remark);
    END IF;
    RETURN 'exchanged, NOT VALID; references are translated as they are written';
END
$cascade$;

-- Make a trigger of a translation, under the owner's rights as keys have them: who writes to the child need not be able to
-- read the parent.
CREATE OR REPLACE FUNCTION pg_temp.cascade_make_trigger(home text, name text, body text, events text, relation oid)
RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    EXECUTE pg_catalog.format('CREATE FUNCTION %s.%I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER '
        'SET search_path TO pg_catalog, pg_temp AS %L', home, name, body);
    EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s.%I() FROM PUBLIC', home, name);
    EXECUTE pg_catalog.format('CREATE TRIGGER %I %s ON %s FOR EACH ROW EXECUTE FUNCTION %s.%1$I()', name, events,
        pg_temp.cascade_table(relation), home);
END
$cascade$;

-- Let no parent have a value in one column that is another one's in the other.
CREATE OR REPLACE FUNCTION pg_temp.cascade_make_guard(
    source oid, referent oid, from_cols text[], to_cols text[], translator text
) RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    PERFORM pg_temp.cascade_make_trigger(pg_temp.cascade_schema_of(source), translator || '_guard', pg_catalog.format(
        -- Two that come at once wait for each other where they have a value in common, and nowhere else.
        'BEGIN PERFORM pg_advisory_xact_lock(value) FROM (SELECT DISTINCT hashtextextended(text, 0) AS value '
        'FROM unnest(ARRAY[ROW(%s)::text, ROW(%s)::text]) AS text ORDER BY 1) AS values; '
        'IF EXISTS (SELECT FROM %s AS other WHERE (%s OR %s) AND NOT (%s)) THEN '
        'RAISE unique_violation USING MESSAGE = %L; END IF; RETURN NEW; END',
        (SELECT pg_catalog.string_agg(pg_catalog.format('NEW.%I', name), ', ') FROM pg_catalog.unnest(from_cols) AS name),
        (SELECT pg_catalog.string_agg(pg_catalog.format('NEW.%I', name), ', ') FROM pg_catalog.unnest(to_cols) AS name),
        pg_temp.cascade_scan(referent),
        pg_temp.cascade_equal(referent, to_cols, referent, from_cols, 'NEW', 'other'),
        pg_temp.cascade_equal(referent, from_cols, referent, to_cols, 'NEW', 'other'),
        pg_temp.cascade_equal(referent, from_cols, referent, from_cols, 'NEW', 'other'),
        pg_catalog.format('a value of %s would be one of %s as well, while references are translated from one to the other',
            pg_temp.cascade_words(referent, pg_temp.cascade_numbers(referent, from_cols)),
            pg_temp.cascade_words(referent, pg_temp.cascade_numbers(referent, to_cols)))),
        'BEFORE INSERT OR UPDATE OF ' || pg_temp.cascade_quoted(from_cols || to_cols), referent);
END
$cascade$;

CREATE OR REPLACE FUNCTION pg_temp.cascade_quoted(names text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $cascade$
    SELECT pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(name), ', ') FROM pg_catalog.unnest($1) AS name
$cascade$;

-- Translate what is written to the child in terms of the old column, and the references to a parent that goes or changes.
CREATE OR REPLACE FUNCTION pg_temp.cascade_make_translator(
    source oid, referent oid, local_cols text[], from_cols text[], to_cols text[], translator text
) RETURNS void LANGUAGE plpgsql AS $cascade$
DECLARE
    home text := pg_temp.cascade_schema_of(source);
BEGIN
    PERFORM pg_temp.cascade_make_trigger(home, translator || '_child', pg_catalog.format(
        'DECLARE referred record; BEGIN SELECT parent.* INTO referred FROM %s AS parent WHERE %s AND %s; '
        'IF FOUND THEN %s END IF; RETURN NEW; END',
        pg_temp.cascade_scan(referent),
        pg_temp.cascade_equal(source, local_cols, referent, from_cols, 'NEW', 'parent'),
        pg_temp.cascade_all_filled('parent', to_cols),
        (SELECT pg_catalog.string_agg(pg_catalog.format('NEW.%I := referred.%I;', local, remote), ' ')
         FROM unnest(local_cols, to_cols) AS pair (local, remote))),
        'BEFORE INSERT OR UPDATE OF ' || pg_temp.cascade_quoted(local_cols), source);
    PERFORM pg_temp.cascade_make_trigger(home, translator || '_parent', pg_catalog.format(
        'BEGIN UPDATE %s AS child SET %s WHERE %s AND %s AND %s; '
        'IF TG_OP = ''DELETE'' THEN RETURN OLD; END IF; RETURN NEW; END',
        pg_temp.cascade_scan(source),
        (SELECT pg_catalog.string_agg(pg_catalog.format('%I = OLD.%I', local, remote), ', ')
         FROM unnest(local_cols, to_cols) AS pair (local, remote)),
        pg_temp.cascade_equal(source, local_cols, referent, from_cols, 'child', 'OLD'),
        pg_temp.cascade_all_filled('OLD', to_cols),
        -- A row that refers to itself goes or changes in this very statement.
        CASE WHEN source = referent THEN 'NOT (' || pg_temp.cascade_equal(referent, from_cols, referent, from_cols, 'child',
            'OLD') || ')' ELSE 'true' END),
        'BEFORE DELETE OR UPDATE OF ' || pg_temp.cascade_quoted(from_cols || to_cols), referent);
    -- A parent that gets its new value only now has references to be translated as well.
    PERFORM pg_temp.cascade_make_trigger(home, translator || '_filled', pg_catalog.format(
        'BEGIN IF NOT (%s) AND %s THEN UPDATE %s AS child SET %s WHERE %s; END IF; RETURN NULL; END',
        pg_temp.cascade_all_filled('OLD', to_cols), pg_temp.cascade_all_filled('NEW', to_cols),
        pg_temp.cascade_scan(source),
        (SELECT pg_catalog.string_agg(pg_catalog.format('%I = NEW.%I', local, remote), ', ')
         FROM unnest(local_cols, to_cols) AS pair (local, remote)),
        pg_temp.cascade_equal(source, local_cols, referent, from_cols, 'child', 'NEW')),
        'AFTER UPDATE OF ' || pg_temp.cascade_quoted(to_cols), referent);
END
$cascade$;

CREATE OR REPLACE FUNCTION pg_temp.cascade_drop_translator(source oid, referent oid, translator text) RETURNS void
LANGUAGE plpgsql AS $cascade$
DECLARE
    made record;
BEGIN
    FOR made IN
        SELECT tgname, tgrelid FROM pg_catalog.pg_trigger
        WHERE tgrelid IN (source, referent) AND tgparentid = 0
            AND tgname IN (translator || '_guard', translator || '_parent', translator || '_filled', translator || '_child')
        ORDER BY tgrelid = source, tgname
    LOOP
        EXECUTE pg_catalog.format('DROP TRIGGER %I ON %s', made.tgname, pg_temp.cascade_table(made.tgrelid));
        EXECUTE pg_catalog.format('DROP FUNCTION %s.%I()', pg_temp.cascade_schema_of(source), made.tgname);
    END LOOP;
END
$cascade$;

-- Let the user's triggers not fire in this transaction: a translated row means what it meant before. NULL where that can
-- be had for this session alone, else what brings them back, under locks. A key to the new column then checks nothing
-- either, which is why the parents are locked.
CREATE OR REPLACE FUNCTION pg_temp.cascade_silence(source oid, changing text[]) RETURNS text[]
LANGUAGE plpgsql AS $cascade$
DECLARE
    family oid[] := pg_temp.cascade_family(source);
BEGIN
    IF pg_catalog.has_parameter_privilege('session_replication_role', 'SET') AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = ANY (family) AND tgenabled IN ('A', 'R'))
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint WHERE contype IN ('f', 'c') AND NOT convalidated AND conrelid = ANY (family)
                AND NOT coalesce(pg_temp.cascade_names(conrelid, conkey) && changing, false)
            UNION ALL SELECT FROM pg_catalog.pg_constraint
            WHERE contype = 'f' AND confrelid = ANY (family) AND pg_temp.cascade_names(confrelid, confkey) && changing)
    THEN
        PERFORM pg_catalog.set_config('session_replication_role', 'replica', true);
        RETURN NULL;
    END IF;
    RETURN pg_temp.cascade_suspend(ARRAY[source], true, changing);
END
$cascade$;

-- Let them fire again.
CREATE OR REPLACE FUNCTION pg_temp.cascade_unsilence(resume text[]) RETURNS void LANGUAGE plpgsql AS $cascade$
BEGIN
    IF resume IS NULL THEN
        PERFORM pg_catalog.set_config('session_replication_role', 'origin', true);
    ELSE
        PERFORM pg_temp.cascade_resume(resume);
    END IF;
END
$cascade$;

-- List the references that are still to be translated, or translate the next ones; the triggers go when none is left.
CREATE OR REPLACE FUNCTION pg_temp.cascade_next_translations(
    source oid, referent oid, existing jsonb, target jsonb, translator text, batch_size int
) RETURNS TABLE (again boolean, done bigint, total bigint, message text) LANGUAGE plpgsql
SET row_security TO off AS $cascade$
DECLARE
    local_cols text[] := pg_temp.cascade_listed(target -> 'local');
    to_cols text[] := pg_temp.cascade_listed(target -> 'remote');
    from_cols text[] := ARRAY(
        SELECT remote FROM pg_catalog.unnest(local_cols) WITH ORDINALITY AS wanted (local, place)
        JOIN unnest(pg_temp.cascade_listed(existing -> 'local'), pg_temp.cascade_listed(existing -> 'remote'))
            AS pair (local, remote) USING (local)
        ORDER BY wanted.place);
    untranslated text := pg_catalog.format('%s AND %s AND NOT (%s)',
        pg_temp.cascade_equal(source, local_cols, referent, from_cols, 'child', 'parent'),
        pg_temp.cascade_all_filled('parent', to_cols),
        pg_temp.cascade_equal(source, local_cols, referent, to_cols, 'child', 'parent'));
    running record;
    found bigint;
    translated bigint;
    resume text[];
    stuck boolean;
    nothing_left boolean;
BEGIN
    PERFORM pg_temp.cascade_begin_run(translator);
    SELECT * INTO running FROM pg_temp.cascade_run;
    stuck := running.next > running.listed AND running.listed > 0 AND running.settled = running.settled_before;
    again := true;
    IF running.next > running.listed AND NOT stuck THEN
        PERFORM pg_temp.cascade_forget(ARRAY['cascade_todo']);
        EXECUTE pg_catalog.format(
            'CREATE TEMPORARY TABLE cascade_todo AS
             SELECT relation, place, pg_catalog.row_number() OVER (ORDER BY relation, place) AS number
             FROM (SELECT child.tableoid AS relation, child.ctid AS place FROM %s AS child
                   WHERE EXISTS (SELECT FROM %s AS parent WHERE %s)) AS found',
            pg_temp.cascade_scan(source), pg_temp.cascade_scan(referent), untranslated);
        GET DIAGNOSTICS found = ROW_COUNT;
        IF found = 0 THEN
            PERFORM pg_temp.cascade_lock_all(ARRAY[referent, source], 'ACCESS EXCLUSIVE');
            PERFORM pg_temp.cascade_drop_translator(source, referent, translator),
                pg_temp.cascade_drop_translator(source, referent, pg_temp.cascade_translator(target, existing));
            message := pg_catalog.format('%s translated', pg_temp.cascade_rows_of(running.settled, source::regclass::text));
            again := false;
            done := running.settled;
            total := running.settled;
            DROP TABLE pg_temp.cascade_todo, pg_temp.cascade_run;
            RETURN NEXT;
            RETURN;
        END IF;
        CREATE INDEX ON pg_temp.cascade_todo (number);
        ANALYZE pg_temp.cascade_todo;
        UPDATE pg_temp.cascade_run AS run SET listed = found, next = 1, settled_before = run.settled;
        RETURN QUERY SELECT true, running.settled, running.settled + found, NULL;
        RETURN;
    END IF;
    resume := pg_temp.cascade_silence(source, local_cols);
    CREATE TEMPORARY TABLE cascade_batch (relation oid, place tid);
    EXECUTE pg_catalog.format(
        'INSERT INTO pg_temp.cascade_batch
         SELECT * FROM (SELECT child.tableoid, child.ctid FROM %s AS child WHERE %s) AS held',
        pg_temp.cascade_scan(source), CASE
            -- All that are left are held by others, or change all the time: wait for one, with nothing else in hand.
            WHEN stuck THEN pg_catalog.format('EXISTS (SELECT FROM %s AS parent WHERE %s) LIMIT 1 FOR UPDATE OF child',
                pg_temp.cascade_scan(referent), untranslated)
            ELSE pg_temp.cascade_reaches(source, 'child', pg_catalog.format(
                'FROM pg_temp.cascade_todo WHERE number >= %s AND number < %s', running.next, running.next + batch_size))
                || ' FOR UPDATE OF child SKIP LOCKED' END);
    nothing_left := stuck AND NOT EXISTS (SELECT FROM pg_temp.cascade_batch);
    EXECUTE pg_catalog.format(
        'UPDATE %1$s AS child SET %2$s
         FROM (SELECT child.tableoid AS relation, child.ctid AS place, %3$s FROM %1$s AS child JOIN %4$s AS parent ON %5$s
               WHERE %6$s FOR KEY SHARE OF parent %7$s) AS found
         WHERE %6$s AND child.tableoid = found.relation AND child.ctid = found.place',
        pg_temp.cascade_scan(source),
        (SELECT pg_catalog.string_agg(pg_catalog.format('%I = found.new_%s', local, place), ', ')
         FROM pg_catalog.unnest(local_cols) WITH ORDINALITY AS listed (local, place)),
        (SELECT pg_catalog.string_agg(pg_catalog.format('parent.%I AS new_%s', remote, place), ', ')
         FROM pg_catalog.unnest(to_cols) WITH ORDINALITY AS listed (remote, place)),
        pg_temp.cascade_scan(referent), untranslated,
        pg_temp.cascade_reaches(source, 'child', 'FROM pg_temp.cascade_batch'),
        -- With many rows in hand no wait for a parent.
        CASE WHEN stuck THEN '' ELSE 'SKIP LOCKED' END);
    GET DIAGNOSTICS translated = ROW_COUNT;
    PERFORM pg_temp.cascade_unsilence(resume);
    DROP TABLE pg_temp.cascade_batch;
    -- Where nothing is left at last, the next call finds it out.
    UPDATE pg_temp.cascade_run AS run SET next = run.next + batch_size, settled = run.settled + translated,
        listed = CASE WHEN nothing_left THEN 0 ELSE run.listed END;
    RETURN QUERY SELECT true, running.settled + translated, running.settled_before + running.listed, NULL;
END
$cascade$;
