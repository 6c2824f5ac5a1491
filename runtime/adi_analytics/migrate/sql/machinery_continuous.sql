-- step: function stored_until
create or replace function analytics_meta.stored_until(rollup_name text) returns timestamptz
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $function$
-- Below this time the views read stored rows, above it raw ones. Companions may differ; the lowest counts.
-- It runs as its owner: TimescaleDB tells a watermark only to who may read the rows, and a reader may not read members.
-- One that was never filled answers with the lowest time there is.
select case when min(w.at) < timestamptz '1970-01-01 00:00:00+00' then '-infinity' else min(w.at) end
from _timescaledb_catalog.continuous_agg c,
    lateral (
        select _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(c.mat_hypertable_id)) as at
    ) w
where c.user_view_schema = (select i.events_schema from analytics_meta.installation i)
    and c.user_view_name in (
        select r ->> 'name' from analytics_meta.aggregates a, jsonb_array_elements(a.relations) r
        where a.rollup = rollup_name
    )
$function$;

-- step: function tables_of
create or replace function analytics_meta.tables_of(relation_name text) returns regclass[]
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- Where the stored rows of a relation are: the chunks of the continuous aggregate.
select array_agg(t.oid::regclass)
from timescaledb_information.continuous_aggregates c
join timescaledb_information.chunks k
    on k.hypertable_schema = c.materialization_hypertable_schema and k.hypertable_name = c.materialization_hypertable_name
join pg_namespace n on n.nspname = k.chunk_schema
join pg_class t on t.relnamespace = n.oid and t.relname = k.chunk_name
where c.view_schema = (select i.events_schema from analytics_meta.installation i) and c.view_name = relation_name
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
select analytics_meta.bucket_start(a.width, analytics_meta.stored_until(rollup_name), a.time_zone)
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

-- step: function together
create or replace function analytics_meta.together(buckets tstzmultirange) returns setof tstzrange
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- The runs of buckets that one refresh computes, with what lies between them. TimescaleDB itself knows which buckets of
-- a run changed. Up to ten ranges it computes one by one, more than that as one with all between them.
select tstzrange(min(lower(b.run)), max(upper(b.run)))
from (select u.run, (row_number() over (order by u.run) - 1) / 10 as batch from unnest(buckets) u (run)) b
group by b.batch order by 1
$function$;

-- step: procedure rebuild_buckets
create or replace procedure analytics_meta.rebuild_buckets(
    rollup_name text, from_time timestamptz, to_time timestamptz
)
language plpgsql
as $procedure$
declare
    relation jsonb;
    schema_name text := (select events_schema from analytics_meta.installation);
begin
    for relation in
        select jsonb_array_elements(a.relations) from analytics_meta.aggregates a where a.rollup = rollup_name
    loop
        call refresh_continuous_aggregate(
            format('%I.%I', schema_name, relation ->> 'name')::regclass, from_time, to_time, force => true
        );
    end loop;
end
$procedure$;

-- step: procedure pull_watermark_back
create or replace procedure analytics_meta.pull_watermark_back(
    rollup_name text, inout pulled boolean default false
)
language plpgsql
as $procedure$
-- Below the watermark only stored rows are read: from one ahead of the clock, new rows would not be seen until then.
-- TimescaleDB takes it from the newest stored bucket whenever somebody asks it to drop chunks, even if there are none.
declare
    target analytics_meta.aggregates;
    relation record;
    first_bucket timestamptz;
    extension_schema text := (
        select n.nspname from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
        where e.extname = 'timescaledb'
    );
begin
    pulled := false;
    select * into strict target from analytics_meta.aggregates a where a.rollup = rollup_name;
    first_bucket := analytics_meta.bucket_start(target.width, clock_timestamp(), target.time_zone);
    for relation in
        select c.user_view_schema, c.user_view_name, h.schema_name, h.table_name
        from analytics_meta.installation i
        cross join jsonb_array_elements(target.relations) r
        join _timescaledb_catalog.continuous_agg c
            on c.user_view_schema = i.events_schema and c.user_view_name = r ->> 'name'
        join _timescaledb_catalog.hypertable h on h.id = c.mat_hypertable_id
        where _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(c.mat_hypertable_id))
            > clock_timestamp()
    loop
        pulled := true;
        execute format(
            'delete from %I.%I where %I >= %L', relation.schema_name, relation.table_name, target.bucket_column, first_bucket
        );
        execute format(
            'select count(*) from %I.drop_chunks(%L::regclass, older_than => timestamptz %L)', extension_schema,
            format('%I.%I', relation.user_view_schema, relation.user_view_name), '1000-01-01 00:00:00+00'
        );
    end loop;
    if not pulled then
        return;
    end if;
    -- TimescaleDB thinks that it has stored these buckets: the first and the last row of them, touched, tell it otherwise.
    execute format(
        'update %1$s e set meta = e.meta from (
             (select "timestamp", event_id from %1$s where "timestamp" >= %2$L order by "timestamp", event_id limit 1)
             union
             (select "timestamp", event_id from %1$s where "timestamp" >= %2$L
              order by "timestamp" desc, event_id desc limit 1)
         ) found
         where e."timestamp" = found."timestamp" and e.event_id = found.event_id and e."timestamp" >= %2$L',
        analytics_meta.events_table(), first_bucket
    );
end
$procedure$;
