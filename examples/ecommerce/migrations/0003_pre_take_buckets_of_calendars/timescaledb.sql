-- 0003_pre_take_buckets_of_calendars: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: 189166d38bafad28b8a8d51469a0318ec145604092dfa7f620a72bbac0104004
-- why: update the procedures of analytics_meta
-- locks: none

-- drop function bucket_start
drop function if exists analytics_meta."bucket_start";

-- drop function refresh_floor
drop function if exists analytics_meta."refresh_floor";

-- drop function bucket_end
drop function if exists analytics_meta."bucket_end";

-- drop function whole_buckets
drop function if exists analytics_meta."whole_buckets";

-- drop function refreshable
drop function if exists analytics_meta."refreshable";

-- function bodies refer to each other
set local check_function_bodies = off;

-- column aggregates
alter table analytics_meta.aggregates add column if not exists time_zone text;

-- function bucket_start
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

-- function calendar_unit
create or replace function analytics_meta.calendar_unit(width interval) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
select case when width >= interval '28 days' then 'month' when width >= interval '7 days' then 'week' else 'day' end
$function$;

-- function next_bucket
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

-- function refresh_floor
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

-- procedure compute
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

-- procedure work_marks
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

-- function recount_members
create or replace function analytics_meta.recount_members(members_name text, everything boolean) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings the kept counts of a relation of members up to date. A bucket whose digest changed changes the counts of the
-- span that begins there. Digests are taken first: what changes while this runs is noticed the next time.
-- A refresh policy can have changed what is younger than its window before it began, and it may take as long again.
declare
    target analytics_meta.counts;
    owner analytics_meta.aggregates;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
    began timestamptz := clock_timestamp();
    since timestamptz;
    until_time timestamptz;
    buckets timestamptz[];
    digests text[];
    changed tstzmultirange;
    run tstzrange;
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name for update;
    select * into strict owner from analytics_meta.aggregates a where a.rollup = target.rollup;
    select min(r.from_time) into since from analytics_meta.recounts r where r.rollup = target.rollup;
    until_time := least(analytics_meta.stored_until(target.rollup), analytics_meta.bucket_start(owner.width, began, owner.time_zone));
    since := case when everything or target.counted_at is null then '-infinity' else least(
        analytics_meta.bucket_start(owner.width, since, owner.time_zone), target.until, until_time,
        analytics_meta.bucket_start(
            owner.width, target.counted_at - 2 * analytics_meta.span(owner.refresh_window), owner.time_zone
        )
    ) end;
    select coalesce(array_agg(d.bucket order by d.bucket), '{}'), coalesce(array_agg(d.digest order by d.bucket), '{}')
    into buckets, digests from analytics_meta.digests(members_name, since, until_time) d;
    select range_agg(tstzrange(coalesce(s.bucket, c.bucket), coalesce(s.bucket, c.bucket) + target.span)) into changed
    from unnest(buckets, digests) s (bucket, digest)
    full join (
        select k.bucket, k.digest from analytics_meta.counted_buckets k
        where k.members = members_name and k.bucket >= since
    ) c on c.bucket = s.bucket
    where c.digest is distinct from s.digest;
    if changed is not null or until_time <> target.until then
        execute format('delete from %I.%I where %I >= $1', schema_name, target.counts, owner.bucket_column)
        using least(until_time, target.until);
        for run in select unnest(changed * tstzmultirange(tstzrange('-infinity', until_time))) loop
            execute format(
                'delete from %I.%I where %I >= $1 and %3$I < $2', schema_name, target.counts, owner.bucket_column
            ) using lower(run), upper(run);
            execute format(
                'insert into %1$I.%2$I select * from %1$I.%3$I($1, $2)', schema_name, target.counts, target.counted
            ) using lower(run), upper(run);
        end loop;
        perform analytics_meta.keep_recent(members_name, until_time);
        delete from analytics_meta.counted_buckets k where k.members = members_name and k.bucket >= since;
        insert into analytics_meta.counted_buckets (members, bucket, digest)
        select members_name, s.bucket, s.digest from unnest(buckets, digests) s (bucket, digest);
    end if;
    update analytics_meta.counts c set until = until_time, counted_at = began where c.members = members_name;
end
$function$;

-- function recount_due
create or replace function analytics_meta.recount_due(rollup_name text) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- The same when its time has come: buckets are over, something is marked, or a refresh policy may have run since.
begin
    if exists (
        select from analytics_meta.counts c
        join analytics_meta.aggregates a on a.rollup = c.rollup and a.active
        where c.rollup = rollup_name and (
            c.counted_at is null or c.counted_at + analytics_meta.span(a.refresh_every) <= clock_timestamp()
            or c.until < least(
                analytics_meta.stored_until(c.rollup),
                analytics_meta.bucket_start(a.width, clock_timestamp(), a.time_zone)
            )
            or exists (select from analytics_meta.recounts r where r.rollup = rollup_name)
        )
    ) then
        perform analytics_meta.recount(rollup_name);
        return true;
    end if;
    return false;
end
$function$;

-- function bucket_end
create or replace function analytics_meta.bucket_end(
    width interval, at timestamptz, zone text default null
) returns timestamptz
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- The end of the last bucket that has a moment before this time.
select analytics_meta.next_bucket(width, at - interval '1 microsecond', zone)
$function$;

-- function whole_buckets
create or replace function analytics_meta.whole_buckets(
    width interval, times tstzmultirange, zone text default null
) returns tstzmultirange
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- The buckets that these times touch.
select coalesce(range_agg(tstzrange(
    analytics_meta.bucket_start(width, coalesce(lower(r), '-infinity'), zone),
    analytics_meta.bucket_end(width, coalesce(upper(r), 'infinity'), zone)
)), '{}')
from unnest(times) r
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
    where r.has_rows and r.from_time >= timestamptz '1970-01-01 00:00:00+00'
) p
$function$;

-- function expired_groups
create or replace function analytics_meta.expired_groups(older_than timestamptz) returns setof tstzrange
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The times to drop together: partitions or chunks that share a bucket go at once, when all of the bucket has expired.
-- So a bucket either has all its rows or none. Ranges that only touch are kept apart.
select tstzrange(lower(g.times), upper(g.times) + interval '1 microsecond')
from (
    select unnest(range_agg(tstzrange(c.from_time, c.to_time - interval '1 microsecond'))) as times
    from analytics_meta.raw_ranges() r, lateral (
        select least(r.from_time, min(analytics_meta.bucket_start(a.width, r.from_time, a.time_zone))) as from_time,
               greatest(r.to_time, max(analytics_meta.bucket_end(a.width, r.to_time, a.time_zone))) as to_time
        from analytics_meta.aggregates a where a.active
    ) c
    where r.from_time < older_than
) g
where upper(g.times) < older_than
    and analytics_meta.all_stored(upper(g.times) + interval '1 microsecond')
order by 1
$function$;

-- function refresh_must_begin
create or replace function analytics_meta.refresh_must_begin(rollup_name text) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- A refresh moves the watermark, below which raw rows are no longer read: it must not leave a gap behind it.
select analytics_meta.bucket_start(a.width, analytics_meta.stored_until(rollup_name), a.time_zone)
from analytics_meta.aggregates a where a.rollup = rollup_name
$function$;

-- procedure pull_watermark_back
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

-- record of dropped rows
select analytics_meta.start_record();
