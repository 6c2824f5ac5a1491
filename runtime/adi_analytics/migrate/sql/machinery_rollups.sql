-- step: function stored_until
create or replace function analytics_meta.stored_until(rollup_name text) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- Below this time the views read stored rows, above it raw ones.
select r.watermark from analytics_meta.rollups r where r.rollup = rollup_name
$function$;

-- step: function tables_of
create or replace function analytics_meta.tables_of(relation_name text) returns regclass[]
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- Where the stored rows of a relation are.
select array_agg(c.oid::regclass)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = (select i.events_schema from analytics_meta.installation i) and c.relname = relation_name
$function$;

-- step: function refresh_rollup
create or replace function analytics_meta.refresh_rollup(
    rollup_name text, from_time timestamptz, to_time timestamptz, moves_watermark boolean
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Replaces the stored buckets between two bucket starts by what the raw rows give. The row lock makes two at once wait
-- for each other; whoever comes second computes the same again.
declare
    target analytics_meta.aggregates;
    relation jsonb;
    schema_name text := (select events_schema from analytics_meta.installation);
begin
    perform from analytics_meta.rollups r where r.rollup = rollup_name for no key update;
    select * into strict target from analytics_meta.aggregates a where a.rollup = rollup_name;
    for relation in select jsonb_array_elements(target.relations) loop
        execute format(
            'delete from %1$I.%2$I where %3$I >= $1 and %3$I < $2',
            schema_name, relation ->> 'name', target.bucket_column
        ) using from_time, to_time;
        execute format(
            'insert into %1$I.%2$I select * from %1$I.%3$I($1, $2)',
            schema_name, relation ->> 'name', relation ->> 'rows'
        ) using from_time, to_time;
    end loop;
    -- Below the watermark the view reads stored rows only, so it may move on but never over a gap.
    if moves_watermark then
        update analytics_meta.rollups r set watermark = to_time
        where r.rollup = rollup_name and r.watermark < to_time
            and (r.watermark >= from_time or isempty(
                analytics_meta.refreshable(target.width, target.time_zone) * tstzmultirange(tstzrange(r.watermark, from_time))
            ));
    end if;
end
$function$;

-- step: procedure refresh_buckets
create or replace procedure analytics_meta.refresh_buckets(
    rollup_name text, from_time timestamptz, to_time timestamptz
)
language plpgsql
as $procedure$
begin
    perform analytics_meta.refresh_rollup(rollup_name, from_time, to_time, true);
end
$procedure$;

-- step: function needs_refreshing
create or replace function analytics_meta.needs_refreshing() returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
select true
$function$;

-- step: function refresh_must_begin
create or replace function analytics_meta.refresh_must_begin(rollup_name text) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- A refresh may begin anywhere: the watermark does not move over a gap.
select 'infinity'::timestamptz
$function$;

-- step: function all_stored
create or replace function analytics_meta.all_stored(before_time timestamptz) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- Whether every rollup is stored up to a time. Above its watermark a view reads raw rows.
select coalesce(bool_and(analytics_meta.stored_until(a.rollup) >= before_time), true)
from analytics_meta.aggregates a where a.active
$function$;

-- step: procedure try_marks
create or replace procedure analytics_meta.try_marks()
language plpgsql
as $procedure$
declare
    worked integer;
    too_old integer;
begin
    call analytics_meta.work_marks(worked, too_old);
exception when others then
    raise warning 'late events wait: %', sqlerrm using errcode = 'AD001';
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
exception when others then
    raise warning '% waits for its refresh: %', rollup_name, sqlerrm using errcode = 'AD001';
end
$procedure$;

-- step: function together
create or replace function analytics_meta.together(buckets tstzmultirange) returns setof tstzrange
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- The runs of buckets that one refresh computes.
select unnest(buckets)
$function$;

-- step: procedure rebuild_buckets
create or replace procedure analytics_meta.rebuild_buckets(
    rollup_name text, from_time timestamptz, to_time timestamptz
)
language plpgsql
as $procedure$
begin
    call analytics_meta.refresh_buckets(rollup_name, from_time, to_time);  -- it computes all of them anyway
end
$procedure$;

-- step: procedure pull_watermark_back
create or replace procedure analytics_meta.pull_watermark_back(
    rollup_name text, inout pulled boolean default false
)
language plpgsql
as $procedure$
-- Below the watermark only stored rows are read: from one ahead of the clock, new rows would not be seen until then.
-- It goes down to where everything is computed from, because what is stored below it is not known.
begin
    update analytics_meta.rollups r
    set watermark = coalesce(analytics_meta.refresh_floor(a.width, a.time_zone), '-infinity')
    from analytics_meta.aggregates a
    where a.rollup = r.rollup and r.rollup = rollup_name and r.watermark > clock_timestamp();
    pulled := found;
end
$procedure$;
