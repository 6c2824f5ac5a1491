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
