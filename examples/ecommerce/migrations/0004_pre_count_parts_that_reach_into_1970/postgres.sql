-- 0004_pre_count_parts_that_reach_into_1970: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: d5731d6027f84440b0a011696d74a97ba89ba7947d98f8f0f7637d0b698a6327
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

-- procedure prepare_storage
create or replace procedure analytics_meta.prepare_storage(inout made integer default 0)
language plpgsql
as $procedure$
-- Makes the partitions of the days to come, and those that rows in the default partition wait for. Each is a
-- transaction of its own: a long list of them would need more locks than a server has. Until they are made, the
-- default partition takes the rows.
declare
    before jsonb := analytics_meta.pin();
    width interval := (select analytics_meta.span(chunk_interval) from analytics_meta.storage);
    keep_from timestamptz := (
        select coalesce(now() - analytics_meta.span(retention), '-infinity') from analytics_meta.storage
    );
    ahead timestamptz := now() + greatest(7 * width, interval '72 hours');
    wanted record;
    more integer;
begin
    made := 0;
    commit;
    for wanted in
        select at from generate_series(analytics_meta.bucket_start(width, now()), ahead, width) at
        union
        select r.from_time from analytics_meta.raw_ranges() r
        where r.part = analytics_meta.default_part() and r.to_time > keep_from and r.from_time < ahead
            -- rows outside of these years are mistakes: no rollup reads them
            and r.to_time > timestamptz '1970-01-01 00:00:00+00'
        order by at
    loop
        call analytics_meta.make_partition(wanted.at, more);
        if more is null then
            raise warning 'partitions wait: another session works with %', analytics_meta.default_part()
                using errcode = 'AD001';
            exit;
        end if;
        made := made + more;
    end loop;
    perform analytics_meta.unpin(before);
end
$procedure$;

-- record of dropped rows
select analytics_meta.start_record();
