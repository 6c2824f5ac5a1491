-- step: function stored_until
create or replace function analytics_meta.stored_until(rollup_name text) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- Below this time the views read stored rows, above it raw ones. Companions may differ; the lowest counts.
-- One that was never filled answers with the lowest time there is.
select case when min(w.at) < timestamptz '1970-01-01 00:00:00+00' then '-infinity' else min(w.at) end
from analytics_meta.installation i, analytics_meta.aggregates a, jsonb_array_elements(a.relations) r,
    _timescaledb_catalog.continuous_agg c,
    lateral (
        select _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(c.mat_hypertable_id)) as at
    ) w
where a.rollup = rollup_name and c.user_view_schema = i.events_schema and c.user_view_name = r ->> 'name'
$function$;

-- step: procedure refresh_buckets
create or replace procedure analytics_meta.refresh_buckets(
    rollup_name text, from_time timestamptz, to_time timestamptz
)
language plpgsql
as $procedure$
-- Each refresh ends the transaction that it runs in, so this cannot be called inside of one.
declare
    relation jsonb;
    schema_name text := (select events_schema from analytics_meta.installation);
begin
    for relation in
        select jsonb_array_elements(a.relations) from analytics_meta.aggregates a where a.rollup = rollup_name
    loop
        -- The name is found by the search path: a dynamic CALL would count as a function, which may not commit.
        call refresh_continuous_aggregate(
            format('%I.%I', schema_name, relation ->> 'name')::regclass, from_time, to_time
        );
    end loop;
end
$procedure$;

-- step: function refresh_must_begin
create or replace function analytics_meta.refresh_must_begin(rollup_name text) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- A refresh moves the watermark, below which raw rows are no longer read: it must not leave a gap behind it.
select analytics_meta.bucket_start(a.width, analytics_meta.stored_until(rollup_name))
from analytics_meta.aggregates a where a.rollup = rollup_name
$function$;

-- step: function all_stored
create or replace function analytics_meta.all_stored(before_time timestamptz) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The refresh before a drop moves the watermarks itself. That of an aggregate without rows says nothing.
select true
$function$;

-- step: function needs_refreshing
create or replace function analytics_meta.needs_refreshing() returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The policies refresh where TimescaleDB's scheduler runs; on a server without background workers nobody else does.
select not exists (
    select from pg_stat_activity
    where backend_type = 'TimescaleDB Background Worker Scheduler' and datname = current_database()
)
$function$;

-- step: procedure try_marks
create or replace procedure analytics_meta.try_marks()
language plpgsql
as $procedure$
-- A refresh commits, so no error of it can be caught here.
declare
    worked integer;
    too_old integer;
begin
    call analytics_meta.work_marks(worked, too_old);
end
$procedure$;

-- step: procedure try_refresh
create or replace procedure analytics_meta.try_refresh(rollup_name text)
language plpgsql
as $procedure$
declare
    done boolean;
begin
    call analytics_meta.refresh_due(rollup_name, false, done);
end
$procedure$;
