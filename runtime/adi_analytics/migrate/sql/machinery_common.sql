-- step: table storage
create table if not exists analytics_meta.storage (
    singleton boolean not null default true
        constraint storage_pkey primary key
        constraint storage_singleton_check check (singleton),
    table_name text not null,
    chunk_interval interval not null,
    retention interval
);

-- step: table aggregates
create table if not exists analytics_meta.aggregates (
    rollup text not null
        constraint aggregates_pkey primary key,
    aggregate text not null,
    version integer not null,
    relations jsonb not null,
    bucket_column text not null,
    width interval not null,
    refresh_every interval not null,
    refresh_window interval not null,
    refresh_lag interval not null,
    active boolean not null default true,
    refreshed_at timestamptz,
    history_before timestamptz
);

-- step: column aggregates
alter table analytics_meta.aggregates add column if not exists time_zone text;

-- step: function events_table
create or replace function analytics_meta.events_table() returns regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
select format('%I.%I', i.events_schema, s.table_name)::regclass
from analytics_meta.installation i, analytics_meta.storage s
$function$;

-- step: function bucket_start
create or replace function analytics_meta.bucket_start(
    width interval, at timestamptz, zone text default null
) returns timestamptz
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- Buckets are counted from a Monday, in hours of 60 minutes whatever the session's time zone does. With a zone they are
-- days, weeks or months of its calendar.
select case
    when not isfinite(at) then at
    when zone is not null then
        date_trunc(analytics_meta.calendar_unit(width), at at time zone zone) at time zone zone
    else date_bin(make_interval(secs => extract(epoch from width)::double precision), at,
                  timestamptz '2000-01-03 00:00:00+00')
end
$function$;

-- step: function calendar_unit
create or replace function analytics_meta.calendar_unit(width interval) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
select case when width >= interval '28 days' then 'month' when width >= interval '7 days' then 'week' else 'day' end
$function$;

-- step: function next_bucket
create or replace function analytics_meta.next_bucket(
    width interval, at timestamptz, zone text default null
) returns timestamptz
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- The start of the bucket after the one that this time is in.
select case
    when not isfinite(at) then at
    when zone is not null then (
        date_trunc(analytics_meta.calendar_unit(width), at at time zone zone)
        + ('1 ' || analytics_meta.calendar_unit(width))::interval
    ) at time zone zone
    else analytics_meta.bucket_start(width, at) + analytics_meta.span(width)
end
$function$;

-- step: function span
create or replace function analytics_meta.span(width interval) returns interval
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- The interval in seconds: a day of an interval may have 23 or 25 hours, a bucket has not.
select make_interval(secs => extract(epoch from width)::double precision)
$function$;

-- step: function raw_floor
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

-- step: function refresh_floor
create or replace function analytics_meta.refresh_floor(width interval, zone text default null) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The first bucket from which on all may be computed again. One that has lost a row may not: its stored rows are all
-- that is left.
with f as materialized (select analytics_meta.raw_floor() as at, upper(analytics_meta.gone()) as until)
select case when b.at < f.until then analytics_meta.bucket_end(width, f.at, zone) else b.at end
from f, lateral (select analytics_meta.bucket_start(width, f.at, zone) as at) b
$function$;

-- step: procedure recompute
create or replace procedure analytics_meta.recompute(
    rollup_name text, buckets tstzmultirange, refreshable tstzmultirange, afresh boolean
)
language plpgsql
as $procedure$
-- Computes these buckets of a rollup again, those that are refreshable. Nothing that takes long is looked up for each.
declare
    must_begin timestamptz := analytics_meta.refresh_must_begin(rollup_name);
    whole tstzrange;
    run tstzrange;
begin
    if upper(buckets) > must_begin then
        buckets := buckets + tstzmultirange(tstzrange(must_begin, upper(buckets)));
    end if;
    -- A refresh may end the transaction: the mark stays when something goes wrong before the counts are right again.
    perform analytics_meta.mark_recount(rollup_name, lower(buckets));
    for whole in select unnest(refreshable) loop
        for run in select analytics_meta.together(buckets * tstzmultirange(whole)) loop
            if afresh then
                call analytics_meta.rebuild_buckets(rollup_name, lower(run), upper(run));
            else
                call analytics_meta.refresh_buckets(rollup_name, lower(run), upper(run));
            end if;
        end loop;
    end loop;
    perform analytics_meta.recount_some(rollup_name);  -- one piece: the rest is left to maintain, a transaction each
end
$procedure$;

-- step: procedure compute
create or replace procedure analytics_meta.compute(
    rollup_name text, from_time timestamptz, to_time timestamptz, afresh boolean,
    inout refreshed_from timestamptz default null
)
language plpgsql
as $procedure$
-- Computes the buckets of a rollup between two times again, from the raw rows. Buckets whose raw rows are gone, and the
-- one that is not over yet, stay as they are. refreshed_from is null when nothing was left to do.
-- afresh computes also what looks up to date, and brings a watermark back that is ahead of the clock.
declare
    target analytics_meta.aggregates;
    buckets tstzmultirange;
    refreshable tstzmultirange;
    first_bucket timestamptz;
    last_end timestamptz;
    pulled boolean;
begin
    select * into target from analytics_meta.aggregates a where a.rollup = rollup_name;
    if not found then
        raise exception 'no rollup %', rollup_name using errcode = 'undefined_object',
            hint = 'See `select rollup from analytics_meta.aggregates`.';
    end if;
    refreshed_from := null;
    if afresh then
        call analytics_meta.pull_watermark_back(rollup_name, pulled);
        from_time := case when not pulled then from_time end;  -- what is stored below it is not known
    end if;
    first_bucket := analytics_meta.bucket_start(target.width, coalesce(from_time, '-infinity'), target.time_zone);
    last_end := analytics_meta.bucket_start(
        target.width, least(coalesce(to_time, 'infinity'), clock_timestamp()), target.time_zone
    );
    if first_bucket >= last_end then
        return;
    end if;
    perform analytics_meta.note_parts();
    refreshable := analytics_meta.refreshable(target.width, target.time_zone);
    buckets := tstzmultirange(tstzrange(first_bucket, last_end));
    refreshed_from := lower(refreshable * buckets);
    if refreshed_from is not null then
        call analytics_meta.recompute(rollup_name, buckets, refreshable, afresh);
    end if;
end
$procedure$;

-- step: procedure refresh
create or replace procedure analytics_meta.refresh(
    rollup_name text, from_time timestamptz, to_time timestamptz, inout refreshed_from timestamptz default null
)
language plpgsql
as $procedure$
-- Computes the buckets of a rollup that changed between two times.
begin
    call analytics_meta.compute(rollup_name, from_time, to_time, false, refreshed_from);
end
$procedure$;

-- step: procedure refresh_due
create or replace procedure analytics_meta.refresh_due(rollup_name text, forced boolean, inout done boolean default false)
language plpgsql
as $procedure$
-- Does what a refresh policy does, when its interval has passed: every bucket that can have changed since the last
-- time. That is the window before the last time (older events leave a mark), and all that was never computed.
-- Where the policies run it comes once a window only: for what they missed while they did not run, or before they ran.
declare
    target analytics_meta.aggregates;
    last_time timestamptz;
    this_time timestamptz := clock_timestamp();
    refreshed timestamptz;
    pace interval;
begin
    done := false;
    select * into target from analytics_meta.aggregates a where a.rollup = rollup_name and a.active;
    pace := case when analytics_meta.needs_refreshing() then target.refresh_every else target.refresh_window end;
    last_time := target.refreshed_at;
    if target.rollup is null
        or exists (select from analytics_meta.backfills b where b.relation = rollup_name and b.status <> 'done')
        or (not forced and last_time + analytics_meta.span(pace) > this_time)
    then
        return;
    end if;
    call analytics_meta.refresh(
        rollup_name,
        case when last_time is null then null
             else least(last_time - analytics_meta.span(target.refresh_window), analytics_meta.stored_until(rollup_name)) end,
        this_time - analytics_meta.span(target.refresh_lag),
        refreshed
    );
    -- Without a row to store, the first refresh is still to come: it is the one that looks at everything.
    done := refreshed is not null;
    if done then
        update analytics_meta.aggregates a set refreshed_at = this_time where a.rollup = rollup_name;
    end if;
end
$procedure$;

-- step: procedure work_marks
create or replace procedure analytics_meta.work_marks(inout worked integer default 0, inout too_old integer default 0)
language plpgsql
as $procedure$
-- Brings late events into the rollups: a mark says that rows of an hour came after the refresh window had passed.
-- A mark is removed only if nobody renewed it meanwhile (xmin tells) or is about to, and after every rollup has been
-- refreshed.
-- Rollups that are still being filled are refreshed too: their fill may have passed the bucket already. The first
-- refresh is still to come where none was: it looks at everything.
declare
    marks timestamptz[];
    versions text[];
    target record;
    refreshable jsonb;
begin
    select array_agg(l.bucket order by l.bucket), array_agg(l.xmin::text order by l.bucket)
    into marks, versions
    from analytics_meta.late_buckets l;
    worked := coalesce(array_length(marks, 1), 0);
    too_old := 0;
    if worked = 0 then
        return;
    end if;
    perform analytics_meta.note_parts();
    -- Each look at the partitions or chunks takes longer than a bucket does.
    select jsonb_object_agg(concat_ws(' ', w.width, w.time_zone), analytics_meta.refreshable(w.width, w.time_zone))
    into refreshable
    from (select distinct a.width, a.time_zone from analytics_meta.aggregates a where a.active) w;
    select count(*) into too_old from unnest(marks) m (at)
    where exists (
        select from jsonb_each_text(refreshable) r
        where not tstzrange(m.at, m.at + interval '1 hour') <@ r.value::tstzmultirange
    );
    for target in
        -- All buckets that a marked hour touches: an hour may hold several.
        select a.rollup, r.buckets * tstzmultirange(tstzrange(
            '-infinity', analytics_meta.bucket_start(a.width, clock_timestamp(), a.time_zone)
        )) as buckets, (refreshable ->> concat_ws(' ', a.width, a.time_zone))::tstzmultirange as refreshable
        from analytics_meta.aggregates a
        cross join lateral (
            select range_agg(tstzrange(
                analytics_meta.bucket_start(a.width, m.at, a.time_zone),
                analytics_meta.bucket_end(a.width, m.at + interval '1 hour', a.time_zone)
            )) as buckets
            from unnest(marks) m (at)
        ) r
        where a.active and (
            a.refreshed_at is not null
            or exists (select from analytics_meta.backfills b where b.relation = a.rollup and b.status <> 'done')
        )
        order by a.rollup
    loop
        if not isempty(target.buckets * target.refreshable) then
            call analytics_meta.recompute(
                target.rollup, target.buckets * target.refreshable, target.refreshable, false
            );
        end if;
    end loop;
    delete from analytics_meta.late_buckets l
    using (
        select s.bucket
        from analytics_meta.late_buckets s, unnest(marks, versions) m (bucket, version)
        where s.bucket = m.bucket and s.xmin::text = m.version
        for update of s skip locked
    ) settled
    where l.bucket = settled.bucket;
end
$procedure$;

-- step: procedure maintain
create or replace procedure analytics_meta.maintain()
language plpgsql
as $procedure$
-- All housekeeping that is due; for pg_cron: select cron.schedule('adi-analytics', '* * * * *',
-- 'call analytics_meta.maintain()'). A second one at the same time finds the lock taken and leaves.
-- What has to wait for another session is left for the next time, with a warning, and the rest is done.
declare
    target record;
    before jsonb;
    counted integer;
begin
    if not pg_try_advisory_lock(1633970529, 1835101806) then
        return;
    end if;
    before := analytics_meta.pin();
    commit;
    call analytics_meta.prepare_storage(counted);
    commit;
    call analytics_meta.try_marks();
    commit;
    for target in select a.rollup from analytics_meta.aggregates a where a.active order by a.rollup loop
        call analytics_meta.try_refresh(target.rollup);
        commit;
        while analytics_meta.try_piece(target.rollup) loop
            commit;
        end loop;
        commit;
    end loop;
    call analytics_meta.expire_storage(counted);
    commit;
    perform analytics_meta.unpin(before);
    perform pg_advisory_unlock(1633970529, 1835101806);
end
$procedure$;
