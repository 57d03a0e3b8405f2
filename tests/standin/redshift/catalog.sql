-- What Redshift has and PostgreSQL has not, in a schema of the stand-in's own. Installed by the administrator in each
-- database that a client enters; dialect.py sends names of Redshift's views and functions here.
CREATE SCHEMA IF NOT EXISTS redshift_standin;
GRANT USAGE ON SCHEMA redshift_standin TO PUBLIC;
SET search_path TO redshift_standin;

-- Distribution, sort keys, encodings and keys of tables. Columns by number, so that a rename keeps them.
CREATE TABLE table_attributes (
    relation oid PRIMARY KEY, diststyle text, distkey int, sortstyle text, sortkey int[] NOT NULL DEFAULT '{}', encodings jsonb NOT NULL DEFAULT '{}',
    has_encode_auto bool NOT NULL DEFAULT true, primary_key int[] NOT NULL DEFAULT '{}', unique_keys jsonb NOT NULL DEFAULT '[]'
);
CREATE TABLE long_names (short text PRIMARY KEY, long text NOT NULL);
CREATE FUNCTION long_name(name) RETURNS text LANGUAGE sql STABLE AS
    $$SELECT coalesce((SELECT n.long FROM redshift_standin.long_names n WHERE n.short = $1::text), $1::text)$$;

CREATE FUNCTION number_of(relation oid, column_name text) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE found int;
BEGIN
    SELECT a.attnum INTO found FROM pg_attribute a
    WHERE a.attrelid = relation AND redshift_standin.long_name(a.attname) = column_name AND a.attnum > 0 AND NOT a.attisdropped;
    IF found IS NULL THEN
        RAISE EXCEPTION 'column "%" named in key does not exist', column_name USING ERRCODE = '42703';
    END IF;
    RETURN found;
END $$;
CREATE FUNCTION numbers_of(relation oid, names jsonb) RETURNS int[] LANGUAGE sql STABLE AS
    $$SELECT coalesce(array_agg(redshift_standin.number_of(relation, n) ORDER BY i), '{}') FROM jsonb_array_elements_text(names) WITH ORDINALITY e(n, i)$$;

-- Writes down what a CREATE TABLE or ALTER TABLE said; what it did not say stays. Called by the table's owner.
CREATE FUNCTION remember(relation oid, said jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = redshift_standin, pg_temp AS $$
BEGIN
    IF NOT pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = relation), 'USAGE') THEN
        RAISE EXCEPTION 'must be owner of relation %', relation::regclass USING ERRCODE = '42501';
    END IF;
    INSERT INTO table_attributes (relation) VALUES (relation) ON CONFLICT DO NOTHING;
    IF said ->> 'like' IS NOT NULL THEN
        UPDATE table_attributes t SET (diststyle, distkey, sortstyle, sortkey, encodings, has_encode_auto)
            = (SELECT p.diststyle, p.distkey, p.sortstyle, p.sortkey, p.encodings, p.has_encode_auto FROM table_attributes p
               WHERE p.relation = (said ->> 'like')::oid)
        WHERE t.relation = remember.relation AND EXISTS (SELECT 1 FROM table_attributes p WHERE p.relation = (said ->> 'like')::oid);
    END IF;
    UPDATE table_attributes t SET
        diststyle = coalesce(said ->> 'diststyle', CASE WHEN said ->> 'distkey' IS NOT NULL THEN 'key' END, t.diststyle),
        distkey = CASE WHEN said ->> 'distkey' IS NOT NULL THEN number_of(remember.relation, said ->> 'distkey')
                       WHEN said ->> 'diststyle' IN ('even', 'all', 'auto') THEN NULL ELSE t.distkey END,
        sortstyle = coalesce(said ->> 'sortstyle', CASE WHEN said -> 'sortkey' <> '[]' THEN 'compound' END, t.sortstyle),
        sortkey = CASE WHEN said -> 'sortkey' <> '[]' THEN numbers_of(remember.relation, said -> 'sortkey')
                       WHEN said ->> 'sortstyle' IN ('auto', 'none') THEN '{}' ELSE t.sortkey END,
        encodings = t.encodings || coalesce((SELECT jsonb_object_agg(number_of(remember.relation, key), value) FROM jsonb_each(said -> 'encodings') WHERE key <> '*'), '{}'),
        has_encode_auto = CASE WHEN said -> 'encodings' ? '*' THEN true WHEN said -> 'encodings' <> '{}' THEN false ELSE t.has_encode_auto END,
        primary_key = CASE WHEN said -> 'primary' <> '[]' THEN numbers_of(remember.relation, said -> 'primary') ELSE t.primary_key END,
        unique_keys = t.unique_keys || coalesce((SELECT jsonb_agg(numbers_of(remember.relation, value)) FROM jsonb_array_elements(said -> 'unique')), '[]')
    WHERE t.relation = remember.relation;
END $$;

-- VARCHAR(n), CHAR(n) and VARBYTE(n) hold n bytes: CHECKs, made anew after each change of a table. Their names tell that they are ours.
CREATE FUNCTION guard(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE c record; rule text; named text;
BEGIN
    FOR c IN SELECT a.attname, a.attnum, a.atttypid, a.atttypmod FROM pg_attribute a
             WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid IN (25, 1042, 1043) LOOP
        IF c.atttypmod < 0 THEN
            EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE varchar(%s)', relation, c.attname, 65535);
            c.atttypmod := 65539;
        END IF;
        named := format('standin_bytes_%s_%s', c.attnum, c.atttypmod - 4);
        rule := format('octet_length(%I::text) <= %s', c.attname, c.atttypmod - 4);
        IF c.atttypid = 1042 THEN
            rule := rule || format(' AND octet_length(%I::text) = char_length(%I::text)', c.attname, c.attname);
        END IF;
        IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = relation AND conname = named) THEN
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%s)', relation, named, rule);
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION keep(relation regclass, said jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM redshift_standin.remember(relation, said || jsonb_build_object('like', (said ->> 'like')::regclass::oid));
    PERFORM redshift_standin.guard(relation);
END $$;

-- ALTER COLUMN TYPE: the size of a VARCHAR, up or down, never below what is stored.
CREATE FUNCTION resize(relation regclass, column_name text, new_type text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE a record; size int := coalesce(substring(new_type FROM '\((\d+)\)')::int, 0); longest int; kept record; constraint_name text;
BEGIN
    SELECT * INTO a FROM pg_attribute WHERE attrelid = relation AND attname = column_name AND attnum > 0 AND NOT attisdropped;
    IF a IS NULL THEN
        RAISE EXCEPTION 'column "%" of relation "%" does not exist', column_name, relation USING ERRCODE = '42703';
    END IF;
    IF a.atttypid NOT IN (1043, 17) OR (a.atttypid = 17) <> (new_type = 'bytea') THEN
        RAISE EXCEPTION 'cannot alter type of a column from % to %', format_type(a.atttypid, a.atttypmod), new_type USING ERRCODE = '0A000';
    END IF;
    IF a.atthasdef THEN
        RAISE EXCEPTION 'cannot alter a VARCHAR column size with default value' USING ERRCODE = '0A000';
    END IF;
    SELECT * INTO kept FROM redshift_standin.table_attributes t WHERE t.relation = resize.relation;
    IF a.attnum = ANY (kept.primary_key) OR kept.unique_keys @> to_jsonb(ARRAY[ARRAY[a.attnum]]) THEN
        RAISE EXCEPTION 'cannot alter column "%" with UNIQUE or PRIMARY KEY constraints', column_name USING ERRCODE = '0A000';
    END IF;
    IF kept.encodings ->> a.attnum::text IN ('bytedict', 'runlength', 'text255', 'text32k') THEN
        RAISE EXCEPTION 'cannot alter column "%" with encoding %', column_name, kept.encodings ->> a.attnum::text USING ERRCODE = '0A000';
    END IF;
    IF a.atttypid = 17 THEN
        RETURN;
    END IF;
    IF a.atttypmod - 4 = size THEN
        RAISE EXCEPTION 'target column size should be different' USING ERRCODE = '0A000';
    END IF;
    EXECUTE format('SELECT coalesce(max(octet_length(%I)), 0) FROM %s', column_name, relation) INTO longest;
    IF longest > size THEN
        RAISE EXCEPTION 'cannot decrease the size of column "%" below the length of its data', column_name USING ERRCODE = '0A000';
    END IF;
    FOR constraint_name IN SELECT conname FROM pg_constraint WHERE conrelid = relation AND conname LIKE format('standin\_bytes\_%s\_%%', a.attnum) LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', relation, constraint_name);
    END LOOP;
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE %s', relation, column_name, new_type);
    PERFORM redshift_standin.guard(relation);
END $$;

CREATE FUNCTION check_drop(relation regclass, column_name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE kept record; number int := redshift_standin.number_of(relation, column_name);
BEGIN
    SELECT * INTO kept FROM redshift_standin.table_attributes t WHERE t.relation = check_drop.relation;
    IF kept.distkey = number THEN
        RAISE EXCEPTION 'cannot drop distkey column "%"', column_name USING ERRCODE = '0A000';
    END IF;
    IF number = ANY (kept.sortkey) THEN
        RAISE EXCEPTION 'cannot drop sortkey column "%"', column_name USING ERRCODE = '0A000';
    END IF;
END $$;

CREATE FUNCTION forget_constraint(relation regclass, named text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = redshift_standin, pg_temp AS $$
BEGIN
    IF named <> (SELECT relname || '_pkey' FROM pg_class WHERE oid = relation) THEN
        RAISE EXCEPTION 'constraint "%" does not exist', named USING ERRCODE = '42704';
    END IF;
    UPDATE table_attributes t SET primary_key = '{}' WHERE t.relation = forget_constraint.relation;
END $$;
GRANT SELECT ON table_attributes, long_names TO PUBLIC;

-- --- blanks at the end of a VARCHAR do not count ------------------------------------------------------------------------
-- CHAR's own functions compare so, and a VARCHAR lies in memory as a CHAR does. The operators are in pg_catalog, which every session sees;
-- GROUP BY, DISTINCT, PARTITION BY and ORDER BY go by the default operator classes.
CREATE FUNCTION varchar_eq(varchar, varchar) RETURNS bool LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bpchareq';
CREATE FUNCTION varchar_ne(varchar, varchar) RETURNS bool LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bpcharne';
CREATE FUNCTION varchar_lt(varchar, varchar) RETURNS bool LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bpcharlt';
CREATE FUNCTION varchar_le(varchar, varchar) RETURNS bool LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bpcharle';
CREATE FUNCTION varchar_gt(varchar, varchar) RETURNS bool LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bpchargt';
CREATE FUNCTION varchar_ge(varchar, varchar) RETURNS bool LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bpcharge';
CREATE FUNCTION varchar_cmp(varchar, varchar) RETURNS int LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bpcharcmp';
CREATE FUNCTION varchar_hash(varchar) RETURNS int LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashbpchar';
CREATE FUNCTION char_varchar_eq(bpchar, varchar) RETURNS bool LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bpchareq';
CREATE FUNCTION varchar_char_eq(varchar, bpchar) RETURNS bool LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bpchareq';
CREATE OPERATOR pg_catalog.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = varchar_eq, COMMUTATOR = OPERATOR(pg_catalog.=),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
CREATE OPERATOR pg_catalog.<> (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = varchar_ne, NEGATOR = OPERATOR(pg_catalog.=), RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE OPERATOR pg_catalog.< (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = varchar_lt, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR pg_catalog.<= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = varchar_le, RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
CREATE OPERATOR pg_catalog.> (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = varchar_gt, RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
CREATE OPERATOR pg_catalog.>= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = varchar_ge, RESTRICT = scalargesel, JOIN = scalargejoinsel);
CREATE OPERATOR pg_catalog.= (LEFTARG = bpchar, RIGHTARG = varchar, FUNCTION = char_varchar_eq);
CREATE OPERATOR pg_catalog.= (LEFTARG = varchar, RIGHTARG = bpchar, FUNCTION = varchar_char_eq);
CREATE OPERATOR CLASS varchar_btree DEFAULT FOR TYPE varchar USING btree AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 1 varchar_cmp(varchar, varchar);
CREATE OPERATOR CLASS varchar_hash DEFAULT FOR TYPE varchar USING hash AS OPERATOR 1 pg_catalog.=, FUNCTION 1 varchar_hash(varchar);

-- --- functions -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION version() RETURNS text LANGUAGE sql STABLE AS
    $$SELECT 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.436211'::varchar$$;
CREATE FUNCTION setting(text) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT coalesce(nullif(current_setting('redshift_standin.' || $1, true), ''), '0')::bigint$$;
CREATE FUNCTION pg_last_copy_count() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT redshift_standin.setting('last_copy_count')$$;
CREATE FUNCTION pg_last_copy_id() RETURNS int LANGUAGE sql STABLE AS $$SELECT coalesce(nullif(current_setting('redshift_standin.last_copy_id', true), ''), '-1')::int$$;
CREATE FUNCTION pg_last_query_id() RETURNS int LANGUAGE sql STABLE AS $$SELECT coalesce(nullif(current_setting('redshift_standin.last_query_id', true), ''), '-1')::int$$;
CREATE FUNCTION getdate() RETURNS timestamp LANGUAGE sql STABLE AS $$SELECT date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC')$$;
CREATE FUNCTION len(text) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT char_length($1)$$;
CREATE FUNCTION json_parse(text) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT AS $$SELECT $1::jsonb$$;
CREATE FUNCTION json_serialize(jsonb) RETURNS varchar LANGUAGE sql IMMUTABLE STRICT AS $$SELECT $1::text::varchar$$;
CREATE FUNCTION json_typeof(jsonb) RETURNS varchar LANGUAGE sql IMMUTABLE STRICT AS $$SELECT jsonb_typeof($1)::varchar$$;
CREATE FUNCTION is_valid_json(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE STRICT AS $$BEGIN RETURN $1::jsonb IS NOT NULL; EXCEPTION WHEN OTHERS THEN RETURN false; END$$;
CREATE FUNCTION can_json_parse(text) RETURNS bool LANGUAGE sql IMMUTABLE STRICT AS $$SELECT redshift_standin.is_valid_json($1)$$;
CREATE FUNCTION from_hex(text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS $$SELECT decode($1, 'hex')$$;
CREATE FUNCTION to_hex(bytea) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$SELECT encode($1, 'hex')$$;
CREATE FUNCTION to_hex(bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$SELECT pg_catalog.to_hex($1)$$;
CREATE FUNCTION to_varbyte(text, text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS
    $$SELECT CASE lower($2) WHEN 'hex' THEN decode($1, 'hex') WHEN 'base64' THEN decode($1, 'base64') ELSE convert_to($1, 'UTF8') END$$;
CREATE FUNCTION sha1(text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$BEGIN RAISE EXCEPTION 'the stand-in has no SHA1: take SHA2' USING ERRCODE = '0A000'; END$$;
CREATE FUNCTION sha2(text, int) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
    $$SELECT encode(CASE $2 WHEN 224 THEN sha224(convert_to($1, 'UTF8')) WHEN 384 THEN sha384(convert_to($1, 'UTF8')) WHEN 512 THEN sha512(convert_to($1, 'UTF8'))
                    ELSE sha256(convert_to($1, 'UTF8')) END, 'hex')$$;
CREATE FUNCTION strtol(text, int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE total numeric := 0; digit int; said text := lower(ltrim($1, '+-'));
BEGIN
    FOR i IN 1..length(said) LOOP
        digit := strpos('0123456789abcdefghijklmnopqrstuvwxyz', substr(said, i, 1)) - 1;
        IF digit < 0 OR digit >= $2 THEN
            RAISE EXCEPTION 'The input % is not valid to be converted to base %', $1, $2 USING ERRCODE = '22023';
        END IF;
        total := total * $2 + digit;
    END LOOP;
    RETURN CASE WHEN $1 LIKE '-%' THEN -total ELSE total END::bigint;
END $$;
CREATE FUNCTION part(text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$SELECT CASE lower(rtrim($1, 's')) WHEN 'd' THEN 'day' WHEN 'm' THEN 'minute' WHEN 'h' THEN 'hour' WHEN 'min' THEN 'minute' WHEN 'ms' THEN 'millisecond'
             WHEN 'u' THEN 'microsecond' WHEN 'w' THEN 'week' WHEN 'mon' THEN 'month' WHEN 'y' THEN 'year' WHEN '' THEN 'second' WHEN 'sec' THEN 'second'
             ELSE lower(rtrim($1, 's')) END$$;
CREATE FUNCTION dateadd(text, bigint, timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT AS
    $$SELECT $3 + ($2::text || ' ' || redshift_standin.part($1))::interval$$;
CREATE FUNCTION datediff(text, timestamp, timestamp) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS
    $$SELECT CASE redshift_standin.part($1)
             WHEN 'year' THEN extract(year FROM $3) - extract(year FROM $2)
             WHEN 'month' THEN (extract(year FROM $3) - extract(year FROM $2)) * 12 + extract(month FROM $3) - extract(month FROM $2)
             WHEN 'millisecond' THEN floor(extract(epoch FROM $3) * 1000) - floor(extract(epoch FROM $2) * 1000)
             WHEN 'microsecond' THEN extract(epoch FROM $3) * 1000000 - extract(epoch FROM $2) * 1000000
             ELSE extract(epoch FROM date_trunc(redshift_standin.part($1), $3) - date_trunc(redshift_standin.part($1), $2))
                  / extract(epoch FROM ('1 ' || redshift_standin.part($1))::interval) END::bigint$$;
CREATE FUNCTION convert_timezone(text, timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT AS $$SELECT ($2 AT TIME ZONE 'UTC') AT TIME ZONE $1$$;
CREATE FUNCTION convert_timezone(text, text, timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT AS $$SELECT ($3 AT TIME ZONE $1) AT TIME ZONE $2$$;

-- A user sees what is its own, and an administrator everything.
CREATE FUNCTION is_mine(text) RETURNS bool LANGUAGE sql STABLE AS $$SELECT $1 = session_user OR (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)$$;

-- --- tables and columns ----------------------------------------------------------------------------------------------------

CREATE VIEW user_columns AS
    SELECT n.nspname AS schema_name, redshift_standin.long_name(c.relname) AS table_name, redshift_standin.long_name(a.attname) AS column_name,
           row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum)::int AS ordinal_position, a.attnum, c.oid AS relation, c.relkind, c.relpersistence,
           CASE a.atttypid WHEN 3802 THEN 'super' WHEN 17 THEN 'binary varying' ELSE format_type(a.atttypid, NULL) END AS data_type,
           CASE a.atttypid WHEN 3802 THEN 'super' WHEN 17 THEN 'binary varying(64000)' ELSE format_type(a.atttypid, a.atttypmod) END AS full_type,
           CASE WHEN a.atttypid IN (1042, 1043) THEN a.atttypmod - 4 END AS character_maximum_length,
           information_schema._pg_numeric_precision(a.atttypid, a.atttypmod)::int AS numeric_precision,
           information_schema._pg_numeric_scale(a.atttypid, a.atttypmod)::int AS numeric_scale,
           a.attnotnull, pg_get_expr(d.adbin, d.adrelid) AS column_default, t.distkey, t.sortkey, t.encodings, t.sortstyle
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    LEFT JOIN redshift_standin.table_attributes t ON t.relation = c.oid
    WHERE c.relkind IN ('r', 'v') AND n.nspname NOT LIKE 'redshift\_standin%' AND n.nspname NOT IN ('pg_catalog', 'pg_toast')
      AND (pg_has_role(c.relowner, 'USAGE') OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'));

-- Only of schemas in the search path, as the real one.
CREATE VIEW pg_table_def AS
    SELECT schema_name AS schemaname, table_name AS tablename, column_name AS "column", full_type AS type,
           coalesce(encodings ->> attnum::text, CASE WHEN relpersistence = 't' OR attnum = ANY (sortkey) THEN 'none'
               WHEN data_type IN ('character varying', 'character') THEN 'lzo' WHEN data_type IN ('boolean', 'real', 'double precision', 'super') THEN 'none' ELSE 'az64' END)::char(32) AS encoding,
           coalesce(distkey = attnum, false) AS distkey,
           coalesce(array_position(sortkey, attnum::int), 0) * CASE WHEN sortstyle = 'interleaved' AND array_position(sortkey, attnum::int) % 2 = 0 THEN -1 ELSE 1 END AS sortkey,
           attnotnull AS notnull
    FROM redshift_standin.user_columns WHERE relkind = 'r' AND pg_table_is_visible(relation);

CREATE FUNCTION rows_of(oid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE n bigint; BEGIN EXECUTE format('SELECT count(*) FROM %s', $1::regclass) INTO n; RETURN n; END $$;

-- Empty tables and temporary ones are not in it.
CREATE VIEW svv_table_info AS
    SELECT current_database()::text AS database, n.nspname::text AS schema, c.oid AS table_id, redshift_standin.long_name(c.relname) AS "table",
           CASE WHEN t.has_encode_auto THEN 'Y, AUTO(ENCODE)' WHEN t.encodings <> '{}' THEN 'Y' ELSE 'N' END AS encoded,
           CASE coalesce(t.diststyle, 'auto') WHEN 'key' THEN 'KEY(' || (SELECT redshift_standin.long_name(attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum = t.distkey) || ')'
               WHEN 'even' THEN 'EVEN' WHEN 'all' THEN 'ALL' ELSE 'AUTO(ALL)' END AS diststyle,
           CASE WHEN t.sortkey = '{}' OR t.sortkey IS NULL THEN CASE WHEN t.sortstyle = 'auto' OR t.sortstyle IS NULL THEN 'AUTO(SORTKEY)' END
               WHEN t.sortstyle = 'interleaved' THEN 'INTERLEAVED'
               ELSE (SELECT redshift_standin.long_name(attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum = t.sortkey[1]) END AS sortkey1,
           (SELECT max(a.atttypmod - 4) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.atttypid = 1043) AS max_varchar,
           coalesce(array_length(t.sortkey, 1), 0) AS sortkey_num, 1::bigint AS size, 0::numeric(10,4) AS pct_used, 0::bigint AS empty,
           NULL::numeric(5,2) AS unsorted, 0::numeric(5,2) AS stats_off, redshift_standin.rows_of(c.oid)::numeric(38,0) AS tbl_rows, NULL::numeric(19,2) AS skew_sortkey1,
           NULL::numeric(19,2) AS skew_rows, redshift_standin.rows_of(c.oid)::numeric(38,0) AS estimated_visible_rows
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN redshift_standin.table_attributes t ON t.relation = c.oid
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'redshift\_standin%' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND has_table_privilege(c.oid, 'SELECT') AND redshift_standin.rows_of(c.oid) > 0;

CREATE VIEW svv_all_columns AS
    SELECT current_database()::text AS database_name, schema_name::text, table_name, column_name, ordinal_position, column_default,
           CASE WHEN attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable, data_type, character_maximum_length, numeric_precision, numeric_scale, NULL::text AS remarks
    FROM redshift_standin.user_columns;
CREATE VIEW svv_all_tables AS
    SELECT current_database()::text AS database_name, n.nspname::text AS schema_name, redshift_standin.long_name(c.relname) AS table_name, NULL::text AS table_acl,
           CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS table_type, NULL::text AS remarks
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v') AND n.nspname NOT LIKE 'redshift\_standin%' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND c.relpersistence <> 't';
CREATE VIEW svv_all_schemas AS
    SELECT current_database()::text AS database_name, nspname::text AS schema_name, nspowner::int AS schema_owner, 'local'::text AS schema_type,
           NULL::text AS schema_acl, NULL::text AS source_database, NULL::text AS schema_option
    FROM pg_namespace WHERE nspname NOT LIKE 'redshift\_standin%' AND nspname NOT LIKE 'pg\_t%';
CREATE VIEW svv_redshift_columns AS SELECT * FROM redshift_standin.svv_all_columns;
CREATE VIEW svv_redshift_tables AS SELECT * FROM redshift_standin.svv_all_tables;
CREATE VIEW svv_redshift_schemas AS SELECT * FROM redshift_standin.svv_all_schemas;
CREATE VIEW svv_columns AS
    SELECT database_name AS table_catalog, schema_name AS table_schema, table_name, column_name, ordinal_position, column_default, is_nullable, data_type,
           character_maximum_length, numeric_precision, numeric_scale, remarks FROM redshift_standin.svv_all_columns;
CREATE VIEW svv_tables AS
    SELECT database_name AS table_catalog, schema_name AS table_schema, table_name, CASE table_type WHEN 'TABLE' THEN 'BASE TABLE' ELSE table_type END AS table_type, remarks
    FROM redshift_standin.svv_all_tables;
CREATE VIEW svv_redshift_databases AS
    SELECT datname::text AS database_name, datdba::int AS database_owner, 'local'::text AS database_type, NULL::text AS database_acl, NULL::text AS database_options,
           CASE current_setting('redshift_standin.isolation', true) WHEN 'serializable' THEN 'Serializable' ELSE 'Snapshot Isolation' END AS database_isolation_level
    FROM pg_database WHERE NOT datistemplate;
CREATE VIEW stv_db_isolation_level AS
    SELECT oid::int AS db_id, datname::text AS db_name, CASE current_setting('redshift_standin.isolation', true) WHEN 'serializable' THEN 'Serializable' ELSE 'Snapshot Isolation' END AS isolation_level
    FROM pg_database WHERE NOT datistemplate;
CREATE VIEW svv_transactions AS
    SELECT a.usename::text AS txn_owner, a.datname::text AS txn_db, coalesce(a.backend_xid::text::bigint, 0) AS xid, l.pid, a.xact_start AT TIME ZONE 'UTC' AS txn_start, l.mode AS lock_mode,
           CASE l.locktype WHEN 'relation' THEN 'relation' ELSE 'transactionid' END AS lockable_object_type, l.relation, l.granted
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE a.datname = current_database() AND l.locktype IN ('relation', 'transactionid') AND redshift_standin.is_mine(a.usename::text);
CREATE VIEW stv_slices AS SELECT 0 AS node, slice, slice AS localslice, 'D'::text AS type FROM generate_series(0, 1) slice;

-- The catalog's own columns of Redshift's.
CREATE VIEW pg_class AS
    SELECT c.oid, redshift_standin.long_name(c.relname) AS relname, c.relnamespace, c.reltype, c.relowner, c.relam, c.relfilenode, c.reltablespace, c.relpages, c.reltuples,
           c.reltoastrelid, c.relhasindex, c.relisshared, c.relpersistence, c.relkind, c.relnatts, c.relchecks, c.relhasrules, c.relispartition, c.relacl,
           CASE coalesce(t.diststyle, 'auto') WHEN 'even' THEN 0 WHEN 'key' THEN 1 WHEN 'all' THEN 8 ELSE 10 END::int2 AS reldiststyle, 0 AS releffectivediststyle
    FROM pg_catalog.pg_class c LEFT JOIN redshift_standin.table_attributes t ON t.relation = c.oid;
CREATE VIEW pg_attribute AS
    SELECT a.attrelid, redshift_standin.long_name(a.attname) AS attname, a.atttypid, a.attlen, a.attnum, a.attndims, a.atttypmod, a.attbyval, a.attstorage, a.attalign,
           a.attnotnull, a.atthasdef, a.attisdropped, a.attislocal, coalesce(t.distkey = a.attnum, false) AS attisdistkey,
           coalesce(array_position(t.sortkey, a.attnum::int), 0) AS attsortkeyord, 0 AS attencodingtype
    FROM pg_catalog.pg_attribute a LEFT JOIN redshift_standin.table_attributes t ON t.relation = a.attrelid;
CREATE VIEW svv_external_schemas AS
    SELECT 0::oid AS esoid, 0::int2 AS eskind, NULL::text AS schemaname, 0 AS esowner, NULL::text AS databasename, NULL::text AS esoptions WHERE false;
CREATE VIEW svv_external_tables AS
    SELECT NULL::text AS redshift_database_name, NULL::text AS schemaname, NULL::text AS tablename, NULL::text AS tabletype, NULL::text AS location, NULL::text AS parameters WHERE false;
CREATE VIEW svv_external_columns AS
    SELECT NULL::text AS redshift_database_name, NULL::text AS schemaname, NULL::text AS tablename, NULL::text AS columnname, NULL::text AS external_type, 0 AS columnnum, 0 AS part_key,
           NULL::text AS is_nullable WHERE false;

-- Keys stand here although nothing enforces them; the stand-in's own CHECKs do not.
CREATE VIEW pg_constraint AS
    SELECT oid, conname, connamespace, contype, condeferrable, condeferred, conrelid, contypid, confrelid, confupdtype, confdeltype, confmatchtype, conkey, confkey
    FROM pg_catalog.pg_constraint WHERE conname NOT LIKE 'standin\_bytes\_%'
    UNION ALL
    SELECT t.relation, (left(c.relname, 58) || '_pkey')::name, c.relnamespace, 'p'::"char", false, false, t.relation, 0::oid, 0::oid, ' '::"char", ' '::"char", ' '::"char", t.primary_key::int2[], NULL::int2[]
    FROM redshift_standin.table_attributes t JOIN pg_class c ON c.oid = t.relation WHERE t.primary_key <> '{}';
CREATE VIEW pg_indexes AS
    SELECT schemaname, tablename, indexname, tablespace, indexdef FROM pg_catalog.pg_indexes
    UNION ALL
    SELECT n.nspname, c.relname, (left(c.relname, 58) || '_pkey')::name, NULL::name,
           format('CREATE UNIQUE INDEX %I ON %I.%I USING btree (%s)', left(c.relname, 58) || '_pkey', n.nspname, c.relname,
                  (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY array_position(t.primary_key, a.attnum::int)) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (t.primary_key)))
    FROM redshift_standin.table_attributes t JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.primary_key <> '{}';

-- --- what happened ---------------------------------------------------------------------------------------------------------

-- Rows come from the stand-in's memory (history.py) before a statement reads them. A user sees its own.
CREATE TABLE load_errors (
    user_name text, query_id bigint, session_id int, start_time timestamp, file_name text, line_number bigint DEFAULT 0, column_name text, column_type text,
    column_length text, "position" int DEFAULT 0, raw_field_value text DEFAULT '', error_code int, error_message text, table_id int
);
CREATE TABLE queries (
    user_name text, query_id bigint, session_id int, query_type text, query_text text, start_time timestamp, end_time timestamp, status text,
    returned_rows bigint, error_message text, database_name text, transaction_id bigint
);
CREATE TABLE s3_log (user_name text, query_id bigint, eventtime timestamp, pid int, message text);

CREATE VIEW sys_load_error_detail AS
    SELECT 100 AS user_id, query_id, 0::bigint AS transaction_id, session_id, current_database()::text AS database_name, table_id, start_time, file_name, line_number,
           column_name, column_type, column_length, "position", error_code, error_message
    FROM redshift_standin.load_errors WHERE redshift_standin.is_mine(user_name);
CREATE VIEW stl_load_errors AS
    SELECT 100 AS userid, 0 AS slice, table_id AS tbl, start_time AS starttime, session_id AS session, query_id::int AS query, file_name AS filename, line_number,
           column_name AS colname, column_type AS type, column_length AS col_length, "position", ''::text AS raw_line, raw_field_value, error_code AS err_code, left(error_message, 100) AS err_reason
    FROM redshift_standin.load_errors WHERE redshift_standin.is_mine(user_name);
CREATE VIEW svl_s3log AS
    SELECT pid, query_id::int AS query, 0 AS segment, 0 AS step, 0 AS node, 0 AS slice, eventtime, message FROM redshift_standin.s3_log WHERE redshift_standin.is_mine(user_name);
CREATE VIEW sys_query_history AS
    SELECT 100 AS user_id, query_id, ''::text AS query_label, transaction_id, session_id, database_name, query_type, status, false AS result_cache_hit, start_time, end_time,
           (extract(epoch FROM end_time - start_time) * 1000000)::bigint AS elapsed_time, 0::bigint AS queue_time, (extract(epoch FROM end_time - start_time) * 1000000)::bigint AS execution_time,
           error_message, returned_rows, 0::bigint AS returned_bytes, query_text, 'Redshift 1.0.436211'::text AS redshift_version, 0::bigint AS lock_wait_time
    FROM redshift_standin.queries WHERE redshift_standin.is_mine(user_name);
CREATE VIEW stl_query AS
    SELECT 100 AS userid, query_id::int AS query, transaction_id AS xid, session_id AS pid, database_name AS database, query_text AS querytxt, start_time AS starttime, end_time AS endtime,
           CASE status WHEN 'success' THEN 0 ELSE 1 END AS aborted FROM redshift_standin.queries WHERE redshift_standin.is_mine(user_name);
CREATE VIEW sys_session_history AS
    SELECT DISTINCT 100 AS user_id, session_id, database_name FROM redshift_standin.queries WHERE redshift_standin.is_mine(user_name);
CREATE VIEW sys_transaction_history AS SELECT transaction_id, status FROM redshift_standin.queries WHERE redshift_standin.is_mine(user_name);

-- --- information_schema ----------------------------------------------------------------------------------------------------

CREATE SCHEMA redshift_standin_information;
GRANT USAGE ON SCHEMA redshift_standin_information TO PUBLIC;
SET search_path TO redshift_standin_information;
CREATE VIEW columns AS
    SELECT current_database()::text AS table_catalog, schema_name::text AS table_schema, table_name, column_name, ordinal_position, column_default,
           CASE WHEN attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable, data_type, character_maximum_length, numeric_precision, numeric_scale,
           full_type AS udt_name
    FROM redshift_standin.user_columns WHERE relpersistence <> 't' AND schema_name <> 'information_schema';
CREATE VIEW tables AS
    SELECT table_catalog, table_schema, table_name, table_type FROM redshift_standin.svv_tables;
CREATE VIEW views AS
    SELECT table_catalog, table_schema, table_name, view_definition FROM information_schema.views WHERE table_schema NOT LIKE 'redshift\_standin%';
CREATE VIEW schemata AS SELECT * FROM information_schema.schemata WHERE schema_name NOT LIKE 'redshift\_standin%';
CREATE VIEW table_constraints AS
    SELECT current_database()::text AS constraint_catalog, n.nspname::text AS constraint_schema, k.conname::text AS constraint_name, current_database()::text AS table_catalog,
           n.nspname::text AS table_schema, redshift_standin.long_name(c.relname) AS table_name, CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' END AS constraint_type
    FROM redshift_standin.pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.contype IN ('p', 'u');
CREATE VIEW key_column_usage AS
    SELECT current_database()::text AS constraint_catalog, n.nspname::text AS constraint_schema, k.conname::text AS constraint_name, current_database()::text AS table_catalog,
           n.nspname::text AS table_schema, redshift_standin.long_name(c.relname) AS table_name, redshift_standin.long_name(a.attname) AS column_name, place.i::int AS ordinal_position
    FROM redshift_standin.pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
         unnest(k.conkey) WITH ORDINALITY place(number, i), pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = place.number AND k.contype = 'p';

GRANT SELECT ON ALL TABLES IN SCHEMA redshift_standin, redshift_standin_information TO PUBLIC;
REVOKE SELECT ON redshift_standin.load_errors, redshift_standin.queries, redshift_standin.s3_log FROM PUBLIC;
RESET search_path;
