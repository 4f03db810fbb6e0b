-- Functions that Amazon Redshift has and PostgreSQL has not.
set allow_system_table_mods = on;

create function pg_catalog.getdate() returns timestamp language sql stable parallel safe as
  $$select date_trunc('second', statement_timestamp() at time zone 'UTC')$$;
create function pg_catalog.rs_sysdate() returns timestamp language sql stable parallel safe as
  $$select now() at time zone 'UTC'$$;

-- Units of time as Redshift spells them.
create function pg_catalog.rs_unit(text) returns text language sql immutable strict parallel safe as $$
  select case
    when lower($1) in ('millennium', 'millennia', 'mil', 'mils') then 'millennium'
    when lower($1) in ('century', 'centuries', 'c', 'cent', 'cents') then 'century'
    when lower($1) in ('decade', 'decades', 'dec', 'decs') then 'decade'
    when lower($1) in ('year', 'years', 'y', 'yr', 'yrs') then 'year'
    when lower($1) in ('quarter', 'quarters', 'qtr', 'qtrs') then 'quarter'
    when lower($1) in ('month', 'months', 'mon', 'mons') then 'month'
    when lower($1) in ('week', 'weeks', 'w') then 'week'
    when lower($1) in ('day', 'days', 'd') then 'day'
    when lower($1) in ('hour', 'hours', 'h', 'hr', 'hrs') then 'hour'
    when lower($1) in ('minute', 'minutes', 'm', 'min', 'mins') then 'minute'
    when lower($1) in ('second', 'seconds', 's', 'sec', 'secs') then 'second'
    when lower($1) in ('millisecond', 'milliseconds', 'ms', 'msec', 'msecs', 'msecond', 'mseconds', 'millisec', 'millisecs',
      'millisecon') then 'millisecond'
    when lower($1) in ('microsecond', 'microseconds', 'us', 'usec', 'usecs', 'usecond', 'useconds', 'microsec', 'microsecs',
      'microsecon') then 'microsecond'
    else pg_catalog.rs_fail('22023', 'unit "' || $1 || '" not recognized')
  end
$$;

create function pg_catalog.dateadd(text, bigint, timestamp) returns timestamp language sql immutable parallel safe as $$
  select $3 + case pg_catalog.rs_unit($1)
    when 'millennium' then make_interval(years => 1000 * $2::int)
    when 'century' then make_interval(years => 100 * $2::int)
    when 'decade' then make_interval(years => 10 * $2::int)
    when 'year' then make_interval(years => $2::int)
    when 'quarter' then make_interval(months => 3 * $2::int)
    when 'month' then make_interval(months => $2::int)
    when 'week' then make_interval(weeks => $2::int)
    when 'day' then make_interval(days => $2::int)
    when 'hour' then $2 * interval '1 hour'
    when 'minute' then $2 * interval '1 minute'
    when 'second' then $2 * interval '1 second'
    when 'millisecond' then $2 * interval '1 millisecond'
    else $2 * interval '1 microsecond'
  end
$$;
create function pg_catalog.dateadd(text, bigint, date) returns timestamp language sql immutable parallel safe as
  'select pg_catalog.dateadd($1, $2, $3::timestamp)';
create function pg_catalog.dateadd(text, bigint, timestamptz) returns timestamptz language sql immutable parallel safe as
  $$select pg_catalog.dateadd($1, $2, $3 at time zone 'UTC') at time zone 'UTC'$$;

-- How many borders of the unit lie between two times. A week begins on Sunday.
create function pg_catalog.datediff(text, timestamp, timestamp) returns bigint language sql immutable parallel safe as $$
  select case pg_catalog.rs_unit($1)
    when 'millennium' then date_part('millennium', $3) - date_part('millennium', $2)
    when 'century' then date_part('century', $3) - date_part('century', $2)
    when 'decade' then date_part('decade', $3) - date_part('decade', $2)
    when 'year' then date_part('year', $3) - date_part('year', $2)
    when 'quarter' then 4 * (date_part('year', $3) - date_part('year', $2)) + date_part('quarter', $3) - date_part('quarter', $2)
    when 'month' then 12 * (date_part('year', $3) - date_part('year', $2)) + date_part('month', $3) - date_part('month', $2)
    when 'week' then (date_trunc('week', $3 + interval '1 day')::date - date_trunc('week', $2 + interval '1 day')::date) / 7
    when 'day' then $3::date - $2::date
    when 'hour' then (date_part('epoch', date_trunc('hour', $3)) - date_part('epoch', date_trunc('hour', $2))) / 3600
    when 'minute' then (date_part('epoch', date_trunc('minute', $3)) - date_part('epoch', date_trunc('minute', $2))) / 60
    when 'second' then date_part('epoch', date_trunc('second', $3)) - date_part('epoch', date_trunc('second', $2))
    when 'millisecond' then round((rs_pg_extract('epoch', date_trunc('milliseconds', $3))
      - rs_pg_extract('epoch', date_trunc('milliseconds', $2))) * 1000)
    else round((rs_pg_extract('epoch', $3) - rs_pg_extract('epoch', $2)) * 1000000)
  end::bigint
$$;
create function pg_catalog.datediff(text, timestamptz, timestamptz) returns bigint language sql immutable parallel safe as
  $$select pg_catalog.datediff($1, $2 at time zone 'UTC', $3 at time zone 'UTC')$$;

-- ADD_MONTHS keeps to the end of the month.
create function pg_catalog.add_months(timestamp, bigint) returns timestamp language sql immutable strict parallel safe as $$
  select case
    when date_trunc('month', $1) + interval '1 month - 1 day' = date_trunc('day', $1)
      then date_trunc('month', $1) + make_interval(months => $2::int + 1) - interval '1 day' + ($1 - date_trunc('day', $1))
    else $1 + make_interval(months => $2::int)
  end
$$;
create function pg_catalog.last_day(timestamp) returns date language sql immutable strict parallel safe as
  $$select (date_trunc('month', $1) + interval '1 month - 1 day')::date$$;
create function pg_catalog.trunc(timestamp) returns date language sql immutable strict parallel safe as 'select $1::date';
create function pg_catalog.months_between(date, date) returns double precision
language sql immutable strict parallel safe as $$
  select 12 * (date_part('year', $1) - date_part('year', $2)) + date_part('month', $1) - date_part('month', $2)
    + case
        when date_part('day', $1) = date_part('day', $2)
          or ($1 = pg_catalog.last_day($1) and $2 = pg_catalog.last_day($2)) then 0
        else (date_part('day', $1) - date_part('day', $2)) / 31
      end
$$;
create function pg_catalog.next_day(date, text) returns date language sql immutable strict parallel safe as $$
  select $1 + ((strpos('sumotuwethfrsa', lower(left($2, 2))) - 1) / 2 - date_part('dow', $1)::int + 6) % 7 + 1
$$;
create function pg_catalog.convert_timezone(text, timestamp) returns timestamp language sql stable strict parallel safe as
  $$select $2 at time zone 'UTC' at time zone $1$$;
create function pg_catalog.convert_timezone(text, text, timestamp) returns timestamp
language sql stable strict parallel safe as 'select $3 at time zone $1 at time zone $2';

create function pg_catalog.len(text) returns int language sql immutable strict parallel safe as 'select length($1)';
create function pg_catalog.charindex(varchar, varchar) returns int language sql immutable strict parallel safe as
  'select strpos($2, $1)';
create function pg_catalog.replicate(varchar, int) returns varchar language sql immutable strict parallel safe as
  'select repeat($1, $2)::varchar';
create function pg_catalog.strtol(varchar, int) returns bigint language plpgsql immutable strict parallel safe as $$
declare
  digits text := lower(ltrim($1, '+-'));
  digit int;
  total bigint := 0;
begin
  if $2 = 16 and left(digits, 2) = '0x' then
    digits := substr(digits, 3);
  end if;
  for at in 1 .. length(digits) loop
    digit := strpos('0123456789abcdefghijklmnopqrstuvwxyz', substr(digits, at, 1)) - 1;
    if digit < 0 or digit >= $2 then
      raise exception 'The input % is not valid to be converted to base %', $1, $2 using errcode = '22P02';
    end if;
    total := total * $2 + digit;
  end loop;
  return case when left($1, 1) = '-' then -total else total end;
end$$;
create function pg_catalog.sha1(varchar) returns varchar language sql immutable strict parallel safe as
  $$select pg_catalog.rs_refuse('Amazon Redshift: this stand-in has no SHA1: take SHA2 or MD5')::varchar$$;
create function pg_catalog.sha2(varchar, int) returns varchar language sql immutable strict parallel safe as $$
  select encode(case $2
    when 224 then sha224(convert_to($1, 'UTF8')) when 384 then sha384(convert_to($1, 'UTF8'))
    when 512 then sha512(convert_to($1, 'UTF8')) else sha256(convert_to($1, 'UTF8')) end, 'hex')::varchar
$$;
create function pg_catalog.round(double precision, int) returns double precision
language sql immutable strict parallel safe as 'select round($1::numeric, $2)::double precision';
create function pg_catalog.trunc(double precision, int) returns double precision
language sql immutable strict parallel safe as 'select trunc($1::numeric, $2)::double precision';
create function pg_catalog.log(int, double precision) returns double precision
language sql immutable strict parallel safe as 'select ln($2) / ln($1::double precision)';
create function pg_catalog.pow(int, int) returns double precision language sql immutable strict parallel safe as
  'select power($1::double precision, $2::double precision)';

create function pg_catalog.json_extract_path_text(text, variadic text[]) returns text
language sql immutable parallel safe as $$select coalesce($1::json #>> $2, '')$$;
create function pg_catalog.json_array_length(text) returns int language sql immutable strict parallel safe as
  'select json_array_length($1::json)';
create function pg_catalog.json_extract_array_element_text(text, int) returns text
language sql immutable strict parallel safe as $$select coalesce($1::json ->> $2, '')$$;
create function pg_catalog.is_valid_json(text) returns bool language sql immutable strict parallel safe as
  'select $1 is json object';
create function pg_catalog.is_valid_json_array(text) returns bool language sql immutable strict parallel safe as
  'select $1 is json array';
