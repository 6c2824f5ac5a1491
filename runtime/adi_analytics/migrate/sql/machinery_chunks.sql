-- step: function raw_ranges
create or replace function analytics_meta.raw_ranges(
    out part regclass, out from_time timestamptz, out to_time timestamptz, out has_rows boolean
) returns setof record
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- A chunk that retention drops meanwhile has no name any more, and that is no error.
select to_regclass(format('%I.%I', c.chunk_schema, c.chunk_name)), c.range_start, c.range_end, true
from timescaledb_information.chunks c, analytics_meta.installation i, analytics_meta.storage s
where c.hypertable_schema = i.events_schema and c.hypertable_name = s.table_name
$function$;

-- step: procedure prepare_storage
create or replace procedure analytics_meta.prepare_storage(inout made integer default 0)
language plpgsql
as $procedure$
begin
    made := 0;  -- TimescaleDB makes chunks when rows come
end
$procedure$;

-- step: function raw_parts
create or replace function analytics_meta.raw_parts(out part text, out from_time timestamptz, out to_time timestamptz)
returns setof record
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
select format('%I.%I', c.chunk_schema, c.chunk_name), c.range_start, c.range_end
from timescaledb_information.chunks c, analytics_meta.installation i, analytics_meta.storage s
where c.hypertable_schema = i.events_schema and c.hypertable_name = s.table_name
$function$;

-- step: function written_by
create or replace function analytics_meta.written_by(times tstzrange) returns regclass[]
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The tables that rows of these times are written to.
select coalesce(array_agg(r.part order by r.from_time), '{}')
from analytics_meta.raw_ranges() r where r.part is not null and tstzrange(r.from_time, r.to_time) <@ times
$function$;

-- step: function locked_by_drop
create or replace function analytics_meta.locked_by_drop(times tstzrange) returns regclass[]
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
select analytics_meta.written_by(times)
$function$;

-- step: function drop_parts
create or replace function analytics_meta.drop_parts(times tstzrange) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
declare
    extension_schema text := (
        select n.nspname from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
        where e.extname = 'timescaledb'
    );
    expired record;
begin
    for expired in
        select p.from_time, p.to_time from analytics_meta.raw_parts() p
        where tstzrange(p.from_time, p.to_time) <@ times
    loop
        execute format('select %I.drop_chunks($1, older_than => $2, newer_than => $3)', extension_schema)
        using analytics_meta.events_table(), expired.to_time, expired.from_time;
    end loop;
end
$function$;
