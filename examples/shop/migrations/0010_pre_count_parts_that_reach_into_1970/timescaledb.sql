-- 0010_pre_count_parts_that_reach_into_1970: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: 2a28088eb06cdd6e854882751b2a26a9c7c92c98edc3afbccba50e65452f32d3
-- why: update the procedures of analytics_meta
-- locks: none

-- function bodies refer to each other
set local check_function_bodies = off;

-- function raw_floor
create or replace function analytics_meta.raw_floor() returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The time from which on all raw rows are still there: the start of the oldest part above all that was dropped.
-- A part below that exists when rows came in late. No rollup reads rows of before 1970.
with g as materialized (select upper(analytics_meta.gone()) as until)
select min(greatest(r.from_time, g.until))
from analytics_meta.raw_ranges() r, g
where r.has_rows and r.to_time > timestamptz '1970-01-01 00:00:00+00' and (g.until is null or r.to_time > g.until)
$function$;

-- function refreshable
create or replace function analytics_meta.refreshable(width interval, zone text default null) returns tstzmultirange
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The buckets that may be computed again: all their raw rows are there. Those from the floor on, and older ones with
-- rows that were loaded later; but none that has lost a row.
select analytics_meta.whole_buckets(width, p.times, zone)
    - analytics_meta.whole_buckets(width, analytics_meta.gone(), zone)
from (
    select coalesce(range_agg(tstzrange(r.from_time, r.to_time)), '{}')
        + coalesce((
            select tstzmultirange(tstzrange(f.at, 'infinity')) from analytics_meta.raw_floor() f (at)
            where f.at is not null
        ), '{}') as times
    from analytics_meta.raw_ranges() r
    where r.has_rows and r.to_time > timestamptz '1970-01-01 00:00:00+00'
) p
$function$;

-- record of dropped rows
select analytics_meta.start_record();
