-- Redshift's system views, what the stand-in keeps for them, and views that bind late.
set allow_system_table_mods = on;

-- How tables are distributed and sorted, which PostgreSQL has no place for.
create table pg_catalog.rs_tables (relid oid primary key, diststyle text, distkey text, sortkey text[]);

-- The translated statement says it in comments, such as /*rs:sortkey:stays=ward,hours*/.
create function pg_catalog.rs_note(statement text, key text, name text) returns text
language sql immutable parallel safe as
  $$select nullif(split_part(split_part(statement, '/*rs:' || key || ':' || name || '=', 2), '*/', 1), '')$$;

create function pg_catalog.rs_note_tables() returns event_trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
  created record;
  statement text := current_query();
  distkey text;
  sortkey text[];
  missing text;
begin
  for created in
    select c.oid, c.relname from pg_event_trigger_ddl_commands() d join pg_class c on c.oid = d.objid
    where d.object_type = 'table' and d.command_tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
  loop
    distkey := rs_note(statement, 'distkey', created.relname);
    sortkey := string_to_array(rs_note(statement, 'sortkey', created.relname), ',');
    select named into missing from unnest(array_append(sortkey, distkey)) as named
    where named is not null and not exists (
      select from pg_attribute where attrelid = created.oid and attname = named and attnum > 0);
    if missing is not null then
      raise exception 'column "%" named in key does not exist', missing using errcode = '42703';
    end if;
    insert into rs_tables values (created.oid, rs_note(statement, 'diststyle', created.relname), distkey, sortkey);
  end loop;
end$$;
create event trigger rs_note_tables on ddl_command_end
when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') execute function pg_catalog.rs_note_tables();

create function pg_catalog.rs_forget_tables() returns event_trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
  delete from rs_tables where relid in (select objid from pg_event_trigger_dropped_objects() where object_type = 'table');
end$$;
create event trigger rs_forget_tables on sql_drop execute function pg_catalog.rs_forget_tables();

-- A view WITH NO SCHEMA BINDING runs its query as text, so that nothing depends on what it reads.
create function pg_catalog.rs_late(query text) returns setof record language plpgsql as $$
begin
  return query execute query;
end$$;
create function pg_catalog.rs_create_late_view(name text, query text, is_replaced bool) returns void
language plpgsql as $$
declare
  columns text;
begin
  execute 'create temp view rs_late_probe as ' || query;
  select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum) into columns
  from pg_attribute where attrelid = 'pg_temp.rs_late_probe'::regclass and attnum > 0;
  drop view pg_temp.rs_late_probe;
  execute format('create %s view %s as select * from pg_catalog.rs_late(%L) as late(%s)',
    case when is_replaced then 'or replace' else '' end, name, query, columns);
end$$;

-- Views that bind late are plain views here, which information_schema lists already.
create function pg_catalog.pg_get_late_binding_view_cols() returns setof record language sql stable as
  $$select null::name, null::name, null::name, null::varchar, null::int where false$$;

create view pg_catalog.rs_relations as
select n.oid as schema_oid, n.nspname::text as schema_name, c.oid as relation_oid, c.relname::text as relation_name,
  c.relkind, c.relowner, c.relacl, c.reltuples, t.diststyle, t.distkey, t.sortkey,
  c.relkind = 'v' and pg_get_viewdef(c.oid) like '%create materialized view%' as is_materialized
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.rs_tables t on t.relid = c.oid
where c.relkind in ('r', 'v') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema';

create view pg_catalog.rs_columns as
select r.*, a.attnum::int as attnum, a.attname::text as column_name, a.attnotnull, a.atttypid, a.atttypmod,
  format_type(a.atttypid, a.atttypmod)::text as data_type, pg_get_expr(d.adbin, d.adrelid) as column_default,
  r.distkey is not distinct from a.attname::text as is_distkey,
  coalesce(array_position(r.sortkey, a.attname::text), 0) as sortkey_number,
  col_description(a.attrelid, a.attnum) as remarks
from pg_catalog.rs_relations r
join pg_attribute a on a.attrelid = r.relation_oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum;

create view pg_catalog.svv_table_info as
select current_database()::text as "database", schema_name as "schema", relation_oid as table_id, relation_name as "table",
  'Y'::text as encoded,
  case when distkey is not null then 'KEY(' || distkey || ')' else coalesce(diststyle, case when is_materialized then 'EVEN' else 'AUTO(ALL)' end) end as diststyle,
  coalesce(sortkey[1], 'AUTO(SORTKEY)') as sortkey1,
  coalesce((select max(c.atttypmod - 4) from pg_catalog.rs_columns c
    where c.relation_oid = r.relation_oid and c.atttypid = 'varchar'::regtype), 0)::int as max_varchar,
  null::char(32) as sortkey1_enc, coalesce(cardinality(sortkey), 0)::int as sortkey_num,
  (pg_relation_size(relation_oid) / 1048576 + 1)::bigint as size, 0::double precision as pct_used, 0::bigint as "empty",
  0::double precision as unsorted, 0::double precision as stats_off, greatest(reltuples, 0)::numeric(38, 0) as tbl_rows,
  null::numeric(19, 2) as skew_sortkey1, null::numeric(19, 2) as skew_rows,
  greatest(reltuples, 0)::numeric(38, 0) as estimated_visible_rows
from pg_catalog.rs_relations r where relkind = 'r' or is_materialized;

create view pg_catalog.svv_redshift_columns as
select current_database()::varchar as database_name, schema_name::varchar, relation_name::varchar as table_name,
  column_name::varchar, attnum as ordinal_position, data_type::varchar, coalesce(column_default, '')::varchar as column_default,
  case when attnotnull then 'NO' else 'YES' end::varchar as is_nullable, ''::varchar as encoding, is_distkey as distkey,
  sortkey_number as sortkey, ''::varchar as column_acl, remarks::varchar
from pg_catalog.rs_columns;

create view pg_catalog.pg_table_def as
select schema_name::name as schemaname, relation_name::name as tablename, column_name::name as "column", data_type as type,
  'none'::text as encoding, is_distkey as distkey, sortkey_number as sortkey, attnotnull as "notnull"
from pg_catalog.rs_columns where relkind = 'r' and schema_name = any (current_schemas(false)::text[]);

create view pg_catalog.svv_columns as select *, null::varchar as remarks from information_schema.columns;
create view pg_catalog.svv_all_columns as
select database_name, schema_name, table_name, column_name, ordinal_position, column_default, is_nullable, data_type, remarks
from pg_catalog.svv_redshift_columns;
create view pg_catalog.svv_tables as
select table_catalog, table_schema, table_name, table_type, null::varchar as remarks from information_schema.tables;
create view pg_catalog.svv_redshift_tables as
select current_database()::varchar as database_name, schema_name::varchar, relation_name::varchar as table_name,
  case relkind when 'r' then 'TABLE' else 'VIEW' end::varchar as table_type, relacl::varchar as table_acl,
  obj_description(relation_oid, 'pg_class')::varchar as remarks
from pg_catalog.rs_relations;
create view pg_catalog.svv_all_tables as select * from pg_catalog.svv_redshift_tables;
create view pg_catalog.svv_redshift_schemas as
select current_database()::varchar as database_name, nspname::varchar as schema_name, nspowner::int8 as schema_owner,
  'local'::varchar as schema_type, nspacl::varchar as schema_acl, null::varchar as schema_option
from pg_namespace where nspname !~ '^pg_';
create view pg_catalog.svv_all_schemas as
select database_name, schema_name, schema_owner, schema_type, schema_acl, null::varchar as source_database, schema_option
from pg_catalog.svv_redshift_schemas;
create view pg_catalog.svv_redshift_databases as
select datname::varchar as database_name, datdba::int8 as database_owner, 'local'::varchar as database_type,
  datacl::varchar as database_acl, null::varchar as database_options
from pg_database where datname !~ '^template';
create view pg_catalog.svv_relation_privileges as
select r.schema_name as namespace_name, r.relation_name, p.privilege_type::text, p.grantee::int as identity_id,
  coalesce(g.rolname, 'public')::text as identity_name,
  case when g.rolname is null then 'public' when g.rolcanlogin then 'user' else 'role' end as identity_type,
  p.is_grantable as admin_option
from pg_catalog.rs_relations r
cross join lateral aclexplode(r.relacl) p
left join pg_roles g on g.oid = p.grantee;
create view pg_catalog.svv_mv_info as
select current_database()::text as database_name, schema_name, relation_name as "name", 'f'::text as is_stale, 1 as state,
  'f'::text as autorefresh
from pg_catalog.rs_relations where is_materialized;

-- Nothing is ever in these.
create view pg_catalog.svv_external_columns as
select ''::text as redshift_database_name, ''::text as schemaname, ''::text as tablename, ''::text as columnname,
  ''::text as external_type, 0 as columnnum, 0 as part_key, ''::text as is_nullable where false;
create view pg_catalog.svv_external_schemas as
select 0::oid as esoid, 0::smallint as eskind, ''::name as schemaname, 0 as esowner, ''::text as databasename,
  ''::text as esoptions where false;
create view pg_catalog.svv_external_tables as
select ''::text as redshift_database_name, ''::text as schemaname, ''::text as tablename, ''::text as tabletype,
  ''::text as location, ''::text as parameters where false;
create view pg_catalog.sys_query_detail as
select 0::bigint as query_id, 0::oid as table_id, null::timestamp as start_time, null::timestamp as end_time,
  ''::text as step_name where false;
create view pg_catalog.sys_query_history as
select 0::bigint as query_id, ''::text as query_text, ''::text as status, null::timestamp as start_time,
  null::timestamp as end_time where false;
create view pg_catalog.sys_load_error_detail as
select 0 as user_id, 0::bigint as query_id, ''::text as file_name, 0::bigint as line_number, ''::text as column_name,
  ''::text as error_message where false;
create view pg_catalog.stl_load_errors as
select 0 as userid, 0 as query, ''::text as filename, 0::bigint as line_number, ''::text as colname, ''::text as err_reason
where false;
create view pg_catalog.stv_mv_info as
select ''::text as db_name, ''::text as "schema", ''::text as "name", 0 as state, ''::text as is_stale, ''::text as autorefresh
where false;

-- What SHOW answers.
create function pg_catalog.rs_show_tables(text) returns table (
  database_name text, schema_name text, table_name text, table_type text, table_acl text, remarks text, owner text,
  last_altered_time timestamp, last_modified_time timestamp, dist_style text, table_subtype text) language sql stable as $$
  select current_database()::text, schema_name, relation_name, case relkind when 'r' then 'TABLE' else 'VIEW' end,
    relacl::text, obj_description(relation_oid, 'pg_class'), pg_get_userbyid(relowner)::text, null::timestamp,
    null::timestamp, diststyle,
    case when relkind = 'r' then 'REGULAR TABLE' when is_materialized then 'MATERIALIZED VIEW' else 'REGULAR VIEW' end
  from pg_catalog.rs_relations where schema_name = $1
$$;
create function pg_catalog.rs_show_columns(text, text) returns table (
  database_name text, schema_name text, table_name text, column_name text, ordinal_position int, column_default text,
  is_nullable text, data_type text, character_maximum_length int, numeric_precision int, numeric_scale int, remarks text)
language sql stable as $$
  select table_catalog::text, table_schema::text, table_name::text, column_name::text, ordinal_position::int,
    column_default::text, is_nullable::text, data_type::text, character_maximum_length::int, numeric_precision::int,
    numeric_scale::int, null::text
  from information_schema.columns where table_schema = $1 and table_name = $2 order by ordinal_position
$$;
create function pg_catalog.rs_show_schemas(text) returns table (
  database_name text, schema_name text, schema_owner text, schema_type text, schema_acl text, source_database text,
  schema_option text) language sql stable as $$
  select current_database()::text, nspname::text, pg_get_userbyid(nspowner)::text, 'local', null::text, null::text, null::text
  from pg_namespace where nspname !~ '^pg_' and ($1 is null or nspname like $1)
$$;
create function pg_catalog.rs_show_grants(text, text) returns table (
  database_name text, schema_name text, object_name text, object_type text, privilege_type text, identity_id int,
  identity_name text, identity_type text, admin_option bool) language sql stable as $$
  select current_database()::text, namespace_name, relation_name, 'TABLE', privilege_type, identity_id, identity_name,
    identity_type, admin_option
  from pg_catalog.svv_relation_privileges where namespace_name = $1 and relation_name = $2
$$;

-- What sqlalchemy-redshift reads instead of columns that only Redshift's catalogs have.
create view pg_catalog.rs_reflected_columns as
select schema_name as "schema", relation_name as table_name, column_name as name, 'none'::text as encode, data_type as type,
  is_distkey as distkey, sortkey_number as sortkey, attnotnull as "notnull", remarks as comment, null::text as adsrc, attnum,
  data_type as format_type, column_default as "default", schema_oid, relation_oid as table_oid
from pg_catalog.rs_columns;
create view pg_catalog.rs_reflected_relations as
select relkind, schema_oid, schema_name as "schema", relation_oid as rel_oid, relation_name as relname,
  case when distkey is not null then 'KEY' else coalesce(diststyle, 'EVEN') end as diststyle, relowner as owner_id,
  pg_get_userbyid(relowner)::text as owner_name,
  case when relkind = 'v' then pg_get_viewdef(relation_oid, true) end as view_definition,
  array_to_string(relacl, E'\n') as privileges
from pg_catalog.rs_relations;
create view pg_catalog.rs_reflected_constraints as
select r.schema_name as "schema", r.relation_name as table_name, c.contype, c.conname::text, c.conkey, a.attnum,
  a.attname::text, pg_get_constraintdef(c.oid, true)::varchar(512) as condef, r.schema_oid, r.relation_oid as rel_oid
from pg_catalog.rs_relations r
join pg_constraint c on c.conrelid = r.relation_oid and c.contype in ('p', 'u', 'f')
join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey);

do $$
declare
  ours text;
begin
  for ours in select oid::regclass::text from pg_class where relnamespace = 'pg_catalog'::regnamespace and oid >= 16384
    and relkind in ('r', 'v')
  loop
    execute 'grant select on ' || ours || ' to public';
  end loop;
end$$;
