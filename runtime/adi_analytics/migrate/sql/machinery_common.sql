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
-- The time from which on all raw rows are still there: the start of the oldest part that retention has not reached.
-- A part below that exists when an event came in years late; around it everything else is gone.
select min(r.from_time)
from analytics_meta.raw_ranges() r, analytics_meta.storage s
where r.has_rows and (s.retention is null or r.to_time > now() - analytics_meta.span(s.retention))
$function$;

-- step: function refresh_floor
create or replace function analytics_meta.refresh_floor(width interval) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The first bucket that may be computed again. One that is cut by the floor may not, once retention can have dropped
-- the rows before it: its stored rows are all that is left.
select case
    when b.at = f.at or s.retention is null or b.at >= now() - analytics_meta.span(s.retention) then b.at
    else b.at + analytics_meta.span(width)
end
from analytics_meta.storage s,
     lateral (select analytics_meta.raw_floor() as at) f,
     lateral (select analytics_meta.bucket_start(width, f.at) as at) b
$function$;

-- step: procedure refresh
create or replace procedure analytics_meta.refresh(
    rollup_name text, from_time timestamptz, to_time timestamptz, inout refreshed_from timestamptz default null
)
language plpgsql
as $procedure$
-- Computes the buckets of a rollup between two times again, from the raw rows. Buckets below the raw rows, and the
-- one that is not over yet, stay as they are. refreshed_from is null when nothing was left to do.
declare
    target analytics_meta.aggregates;
    first_bucket timestamptz;
    last_end timestamptz;
begin
    select * into target from analytics_meta.aggregates a where a.rollup = rollup_name;
    if not found then
        raise exception 'no rollup %', rollup_name using errcode = 'undefined_object',
            hint = 'See `select rollup from analytics_meta.aggregates`.';
    end if;
    first_bucket := greatest(
        analytics_meta.bucket_start(target.width, coalesce(from_time, '-infinity')),
        analytics_meta.refresh_floor(target.width)
    );
    last_end := analytics_meta.bucket_start(target.width, least(coalesce(to_time, 'infinity'), clock_timestamp()));
    refreshed_from := null;
    -- Without raw rows there is no floor, and nothing to compute from.
    if analytics_meta.raw_floor() is null or first_bucket >= last_end then
        return;
    end if;
    refreshed_from := first_bucket;
    call analytics_meta.refresh_buckets(rollup_name, first_bucket, last_end);
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
-- A mark is removed only if nobody renewed it meanwhile (xmin tells), and after every rollup has been refreshed.
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
    select count(*) into too_old from unnest(marks) m (at)
    where m.at < coalesce(analytics_meta.raw_floor(), 'infinity');
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
    using unnest(marks, versions) m (bucket, version)
    where l.bucket = m.bucket and l.xmin::text = m.version;
end
$procedure$;

-- step: procedure maintain
create or replace procedure analytics_meta.maintain()
language plpgsql
as $procedure$
-- All housekeeping that is due; for pg_cron: select cron.schedule('adi-analytics', '* * * * *',
-- 'call analytics_meta.maintain()'). A second one at the same time finds the lock taken and leaves.
declare
    target record;
    done boolean;
    counted integer;
    skipped integer;
    path_before text := current_setting('search_path');
begin
    if not pg_try_advisory_lock(1633970529, 1835101806) then
        return;
    end if;
    -- A procedure with a SET clause of its own may not commit.
    perform set_config('search_path', (
        select string_agg(quote_ident(n.nspname), ', ')
        from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
        where e.extname = 'timescaledb'
    ), false) where exists (select from pg_catalog.pg_extension where extname = 'timescaledb');
    call analytics_meta.prepare_storage(counted);
    commit;
    call analytics_meta.work_marks(counted, skipped);
    commit;
    for target in select rollup from analytics_meta.aggregates where active order by rollup loop
        call analytics_meta.refresh_due(target.rollup, false, done);
        commit;
    end loop;
    call analytics_meta.expire_storage(counted);
    commit;
    perform set_config('search_path', path_before, false);
    perform pg_advisory_unlock(1633970529, 1835101806);
end
$procedure$;
