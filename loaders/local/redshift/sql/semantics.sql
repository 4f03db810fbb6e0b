-- Where Amazon Redshift gives another answer than PostgreSQL for the same SQL, PostgreSQL is made to give Redshift's.
-- Functions that are in the way get the prefix rs_pg_; new ones take their names.
set allow_system_table_mods = on;

create function pg_catalog.rs_refuse(message text) returns text language plpgsql immutable as $$
begin
  raise exception '%', message using errcode = '0A000';
end$$;

create function pg_catalog.rs_fail(code text, message text) returns text language plpgsql immutable as $$
begin
  raise exception '%', message using errcode = code;
end$$;

alter function pg_catalog.version() rename to rs_pg_version;
create function pg_catalog.version() returns text language sql immutable parallel safe as $$
  select 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2, Redshift 1.0.0 (Wardhouse stand-in)'::text
$$;

-- varchar(n) and char(n) count bytes. A cast cuts what is too long between two characters, anything else is refused.
create function pg_catalog.rs_cut(value text, bytes int) returns text language plpgsql immutable parallel safe as $$
declare
  kept text := left(value, bytes);
begin
  while octet_length(kept) > bytes loop
    kept := left(kept, length(kept) - greatest(1, (octet_length(kept) - bytes) / 4));
  end loop;
  return kept;
end$$;

create function pg_catalog.rs_too_long(value text, bytes int, is_explicit bool, type_name text)
returns text language plpgsql immutable parallel safe as $$
begin
  if is_explicit or octet_length(rtrim(value, ' ')) <= bytes then
    return pg_catalog.rs_cut(value, bytes);
  end if;
  raise exception 'value too long for type %(%)', type_name, bytes using errcode = '22001';
end$$;

create function pg_catalog.rs_varchar(varchar, int, bool) returns varchar language sql immutable parallel safe as $$
  select case when octet_length($1) > $2 - 4 and $2 > 4
    then pg_catalog.rs_too_long($1::text, $2 - 4, $3, 'character varying')::varchar else $1 end
$$;

create function pg_catalog.rs_bpchar(bpchar, int, bool) returns bpchar language sql immutable parallel safe as $$
  select case when octet_length($1) > $2 - 4 and $2 > 4
    then pg_catalog.rs_too_long($1::text, $2 - 4, $3, 'character')::bpchar else pg_catalog.bpchar($1, $2, $3) end
$$;

update pg_cast set castfunc = 'pg_catalog.rs_varchar(varchar,int,bool)'::regprocedure
where castsource = 'varchar'::regtype and casttarget = 'varchar'::regtype;
update pg_cast set castfunc = 'pg_catalog.rs_bpchar(bpchar,int,bool)'::regprocedure
where castsource = 'bpchar'::regtype and casttarget = 'bpchar'::regtype;

-- COPY reads values without those casts: its WHERE asks this for every text column.
create function pg_catalog.rs_fits(value text, bytes int, column_name text)
returns bool language plpgsql immutable parallel safe as $$
begin
  if octet_length(value) > bytes then
    raise exception 'Load into column % failed: value too long for type character varying(%)', column_name, bytes
      using errcode = '22001';
  end if;
  return true;
end$$;

-- There is no cast from boolean to text.
create function pg_catalog.rs_text(bool) returns text language plpgsql immutable strict parallel safe as $$
begin
  raise exception 'cannot cast type boolean to character varying' using errcode = '42846';
end$$;
update pg_cast set castfunc = 'pg_catalog.rs_text(bool)'::regprocedure, castcontext = 'e'
where castsource = 'bool'::regtype and casttarget in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype);

-- AVG of whole numbers is a whole number, AVG of decimals keeps their scale.
alter aggregate pg_catalog.avg(int2) rename to rs_pg_avg;
alter aggregate pg_catalog.avg(int4) rename to rs_pg_avg;
alter aggregate pg_catalog.avg(int8) rename to rs_pg_avg;
alter aggregate pg_catalog.avg(numeric) rename to rs_pg_avg;

create function pg_catalog.rs_whole_mean(int8[]) returns int8 language sql immutable strict parallel safe as
  'select $1[2] / nullif($1[1], 0)';
create function pg_catalog.rs_sum_step(numeric[], int8) returns numeric[] language sql immutable parallel safe as
  'select case when $2 is null then $1 else array[$1[1] + 1, $1[2] + $2] end';
create function pg_catalog.rs_sum_step(numeric[], numeric) returns numeric[] language sql immutable parallel safe as
  'select case when $2 is null then $1 else array[$1[1] + 1, $1[2] + $2] end';
create function pg_catalog.rs_big_mean(numeric[]) returns int8 language sql immutable strict parallel safe as
  'select case when $1[1] > 0 then div($1[2], $1[1])::int8 end';
create function pg_catalog.rs_decimal_mean(numeric[]) returns numeric language sql immutable strict parallel safe as
  'select case when $1[1] > 0 then trunc(pg_catalog.numeric_div($1[2], $1[1]), scale($1[2])) end';

create aggregate pg_catalog.avg(int2) (
  sfunc = int2_avg_accum, stype = int8[], finalfunc = rs_whole_mean, initcond = '{0,0}', combinefunc = int4_avg_combine,
  msfunc = int2_avg_accum, minvfunc = int2_avg_accum_inv, mstype = int8[], mfinalfunc = rs_whole_mean, minitcond = '{0,0}',
  parallel = safe);
create aggregate pg_catalog.avg(int4) (
  sfunc = int4_avg_accum, stype = int8[], finalfunc = rs_whole_mean, initcond = '{0,0}', combinefunc = int4_avg_combine,
  msfunc = int4_avg_accum, minvfunc = int4_avg_accum_inv, mstype = int8[], mfinalfunc = rs_whole_mean, minitcond = '{0,0}',
  parallel = safe);
create aggregate pg_catalog.avg(int8) (
  sfunc = rs_sum_step, stype = numeric[], finalfunc = rs_big_mean, initcond = '{0,0}', parallel = safe);
create aggregate pg_catalog.avg(numeric) (
  sfunc = rs_sum_step, stype = numeric[], finalfunc = rs_decimal_mean, initcond = '{0,0}', parallel = safe);

-- The scale of a quotient of decimals follows from the declared precisions, which PostgreSQL does not keep.
create function pg_catalog.rs_divide(numeric, numeric) returns numeric language plpgsql immutable strict parallel safe as $$
begin
  raise exception '%', 'Amazon Redshift: decimal / decimal has a scale that this stand-in cannot work out: '
    'cast one side to double precision' using errcode = '0A000';
end$$;
update pg_operator set oprcode = 'pg_catalog.rs_divide(numeric,numeric)'::regprocedure
where oprname = '/' and oprleft = 'numeric'::regtype and oprright = 'numeric'::regtype;

-- EXTRACT of a date or timestamp is a whole number.
alter function pg_catalog.extract(text, timestamp) rename to rs_pg_extract;
alter function pg_catalog.extract(text, date) rename to rs_pg_extract;
create function pg_catalog.extract(text, timestamp) returns int8 language sql immutable strict parallel safe as
  'select floor(pg_catalog.rs_pg_extract($1, $2))::int8';
create function pg_catalog.extract(text, date) returns int8 language sql immutable strict parallel safe as
  'select floor(pg_catalog.rs_pg_extract($1, $2))::int8';

-- CONCAT takes two, and nothing comes of nothing.
alter function pg_catalog.concat(variadic "any") rename to rs_pg_concat;
create function pg_catalog.concat(varchar, varchar) returns varchar language sql immutable strict parallel safe as
  'select ($1 || $2)::varchar';

-- REGEXP_REPLACE replaces every match, and its fourth argument is where to begin.
alter function pg_catalog.regexp_replace(text, text, text) rename to rs_pg_regexp_replace;
alter function pg_catalog.regexp_replace(text, text, text, text) rename to rs_pg_regexp_replace;
alter function pg_catalog.regexp_replace(text, text, text, int) rename to rs_pg_regexp_replace;
create function pg_catalog.regexp_replace(text, text, text default '', int default 1) returns text
language sql immutable strict parallel safe as 'select pg_catalog.regexp_replace($1, $2, $3, $4, 0)';
