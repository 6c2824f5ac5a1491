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

-- step: function events_table
create or replace function analytics_meta.events_table() returns regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
select format('%I.%I', i.events_schema, s.table_name)::regclass
from analytics_meta.installation i, analytics_meta.storage s
$function$;

-- step: function bucket_start
create or replace function analytics_meta.bucket_start(width interval, at timestamptz) returns timestamptz
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- Buckets are counted from a Monday, in hours of 60 minutes whatever the session's time zone does.
select case
    when isfinite(at) then date_bin(make_interval(secs => extract(epoch from width)::double precision), at,
                                    timestamptz '2000-01-03 00:00:00+00')
    else at
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
where r.has_rows and r.from_time >= timestamptz '1970-01-01 00:00:00+00' and (g.until is null or r.to_time > g.until)
$function$;

-- step: function refresh_floor
create or replace function analytics_meta.refresh_floor(width interval) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The first bucket from which on all may be computed again. One that has lost a row may not: its stored rows are all
-- that is left.
with f as materialized (select analytics_meta.raw_floor() as at, upper(analytics_meta.gone()) as until)
select case when b.at < f.until then analytics_meta.bucket_end(width, f.at) else b.at end
from f, lateral (select analytics_meta.bucket_start(width, f.at) as at) b
$function$;

-- step: procedure refresh
create or replace procedure analytics_meta.refresh(
    rollup_name text, from_time timestamptz, to_time timestamptz, inout refreshed_from timestamptz default null
)
language plpgsql
as $procedure$
-- Computes the buckets of a rollup between two times again, from the raw rows. Buckets whose raw rows are gone, and the
-- one that is not over yet, stay as they are. refreshed_from is null when nothing was left to do.
declare
    target analytics_meta.aggregates;
    first_bucket timestamptz;
    last_end timestamptz;
    refreshable tstzmultirange;
    run tstzrange;
begin
    select * into target from analytics_meta.aggregates a where a.rollup = rollup_name;
    if not found then
        raise exception 'no rollup %', rollup_name using errcode = 'undefined_object',
            hint = 'See `select rollup from analytics_meta.aggregates`.';
    end if;
    refreshed_from := null;
    first_bucket := analytics_meta.bucket_start(target.width, coalesce(from_time, '-infinity'));
    last_end := analytics_meta.bucket_start(target.width, least(coalesce(to_time, 'infinity'), clock_timestamp()));
    if first_bucket >= last_end then
        return;
    end if;
    perform analytics_meta.note_parts();
    refreshable := analytics_meta.refreshable(target.width);
    refreshed_from := lower(refreshable * tstzmultirange(tstzrange(first_bucket, last_end)));
    if refreshed_from is null then
        return;
    end if;
    first_bucket := least(first_bucket, analytics_meta.refresh_must_begin(rollup_name));
    for run in select unnest(refreshable * tstzmultirange(tstzrange(first_bucket, last_end))) loop
        call analytics_meta.refresh_buckets(rollup_name, lower(run), upper(run));
    end loop;
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
-- Rollups that are still being filled are refreshed too: their fill may have passed the bucket already.
declare
    marks timestamptz[];
    versions text[];
    target record;
    refreshed timestamptz;
begin
    select array_agg(l.bucket order by l.bucket), array_agg(l.xmin::text order by l.bucket)
    into marks, versions
    from analytics_meta.late_buckets l;
    worked := coalesce(array_length(marks, 1), 0);
    with whole as materialized (
        select analytics_meta.refreshable(w.width) as times
        from (select distinct a.width from analytics_meta.aggregates a where a.active) w
        where worked > 0
    )
    select count(*) into too_old from unnest(marks) m (at)
    where exists (select from whole w where not tstzrange(m.at, m.at + interval '1 hour') <@ w.times);
    for target in
        -- All buckets that a marked hour touches: an hour may hold several. Neighbours are refreshed in one go.
        select a.rollup, lower(r.run) as from_time, upper(r.run) as to_time
        from analytics_meta.aggregates a
        cross join lateral (
            select unnest(range_agg(tstzrange(
                analytics_meta.bucket_start(a.width, m.at),
                analytics_meta.bucket_start(a.width, m.at + interval '1 hour' - interval '1 microsecond')
                    + analytics_meta.span(a.width)
            ))) as run
            from unnest(marks) m (at)
        ) r
        where a.active
        order by a.rollup, from_time
    loop
        call analytics_meta.refresh(target.rollup, target.from_time, target.to_time, refreshed);
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
    end loop;
    call analytics_meta.expire_storage(counted);
    commit;
    perform analytics_meta.unpin(before);
    perform pg_advisory_unlock(1633970529, 1835101806);
end
$procedure$;
