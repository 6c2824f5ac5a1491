-- 0001_pre_create_store_events: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: 189166d38bafad28b8a8d51469a0318ec145604092dfa7f620a72bbac0104004
-- why: create the tables and procedures of analytics_meta
-- why: create store_events
-- locks: none on tables that exist

-- function bodies refer to each other
set local check_function_bodies = off;

-- schema analytics_meta
create schema if not exists analytics_meta;

-- table late_buckets
create table if not exists analytics_meta.late_buckets (
    bucket timestamptz not null,
    marked_at timestamptz not null default now(),
    constraint late_buckets_pkey primary key (bucket)
);

-- table storage
create table if not exists analytics_meta.storage (
    singleton boolean not null default true
        constraint storage_pkey primary key
        constraint storage_singleton_check check (singleton),
    table_name text not null,
    chunk_interval interval not null,
    retention interval
);

-- table aggregates
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

-- column aggregates
alter table analytics_meta.aggregates add column if not exists time_zone text;

-- function events_table
create or replace function analytics_meta.events_table() returns regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
select format('%I.%I', i.events_schema, s.table_name)::regclass
from analytics_meta.installation i, analytics_meta.storage s
$function$;

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

-- function span
create or replace function analytics_meta.span(width interval) returns interval
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- The interval in seconds: a day of an interval may have 23 or 25 hours, a bucket has not.
select make_interval(secs => extract(epoch from width)::double precision)
$function$;

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
where r.has_rows and r.from_time >= timestamptz '1970-01-01 00:00:00+00' and (g.until is null or r.to_time > g.until)
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

-- procedure recompute
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

-- procedure refresh
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

-- procedure refresh_due
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

-- procedure maintain
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

-- table counts
create table if not exists analytics_meta.counts (
    members text not null
        constraint counts_pkey primary key,
    rollup text not null,
    keys text[] not null,
    span interval not null,
    counts text not null,
    counted text not null,
    recent text not null,
    recent_rows text not null,
    recency text not null,
    until timestamptz not null default '-infinity',
    counted_at timestamptz
);

-- table counted_buckets
create table if not exists analytics_meta.counted_buckets (
    members text not null,
    bucket timestamptz not null,
    digest text not null,
    constraint counted_buckets_pkey primary key (members, bucket)
);

-- table recounts
create table if not exists analytics_meta.recounts (
    id bigint generated always as identity
        constraint recounts_pkey primary key,
    rollup text not null,
    from_time timestamptz not null
);

-- function digests_of_counts
create or replace function analytics_meta.digests_of_counts(
    members_name text, from_time timestamptz, to_time timestamptz, out bucket timestamptz, out digest text
) returns setof record
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $function$
-- What the trailing counts of a bucket depend on, in short: its members, and the rows that it has. Another member or row
-- gives another digest. A refresh that TimescaleDB does by itself is noticed by them.
declare
    target analytics_meta.counts;
    bucket_column text;
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name;
    select a.bucket_column into strict bucket_column from analytics_meta.aggregates a where a.rollup = target.rollup;
    return query execute format(
        'select bucket, concat_ws('' '', sum(members), bit_xor(of_members), sum(found), bit_xor(of_rows))
         from (
             select %4$I as bucket, count(*) as members, bit_xor(hash_record_extended(row(%5$s), 0)) as of_members,
                    0::bigint as found, 0::bigint as of_rows
             from %1$I.%2$I where %4$I >= $1 and %4$I < $2 group by 1
             union all
             select %4$I, 0, 0, count(*), bit_xor(hash_record_extended(row(%6$s), 1))
             from %1$I.%3$I where %4$I >= $1 and %4$I < $2 group by 1
         ) found group by 1',
        (select i.events_schema from analytics_meta.installation i), target.members, target.rollup, bucket_column,
        (select string_agg(quote_ident(k), ', ') from unnest(target.keys) k),
        (select string_agg(quote_ident(k), ', ' order by place)
         from unnest(bucket_column || target.keys[:cardinality(target.keys) - 1]) with ordinality t (k, place))
    ) using from_time, to_time;
end
$function$;

-- function count_again
create or replace function analytics_meta.count_again(
    members_name text, changed tstzmultirange, until_time timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Counts again what depends on changed buckets, as far as it is kept: a bucket counts in the span that begins there.
declare
    target analytics_meta.counts;
    bucket_column text;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
    run tstzrange;
    affected tstzmultirange;
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name;
    select a.bucket_column into strict bucket_column from analytics_meta.aggregates a where a.rollup = target.rollup;
    select range_agg(tstzrange(lower(c), upper(c) + target.span)) * tstzmultirange(tstzrange('-infinity', until_time))
    into affected from unnest(changed) c;
    for run in select unnest(affected) loop
        execute format('delete from %I.%I where %I >= $1 and %3$I < $2', schema_name, target.counts, bucket_column)
        using lower(run), upper(run);
        execute format(
            'insert into %1$I.%2$I select * from %1$I.%3$I($1, $2, false)', schema_name, target.counts, target.counted
        ) using lower(run), upper(run);
    end loop;
    if upper(changed) + target.span > until_time then
        execute format('delete from %I.%I', schema_name, target.recent);
        perform analytics_meta.store_recent(members_name, '-infinity', until_time);
    end if;
end
$function$;

-- function count_on
create or replace function analytics_meta.count_on(
    members_name text, from_time timestamptz, to_time timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Counts the buckets that come after those that are kept: from their members and from who was active before.
declare
    target analytics_meta.counts;
    bucket_column text;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name;
    select a.bucket_column into strict bucket_column from analytics_meta.aggregates a where a.rollup = target.rollup;
    execute format('delete from %I.%I where %I >= $1', schema_name, target.counts, bucket_column) using from_time;
    execute format(
        'insert into %1$I.%2$I select * from %1$I.%3$I($1, $2, true)', schema_name, target.counts, target.counted
    ) using from_time, to_time;
    perform analytics_meta.store_recent(members_name, from_time, to_time);
end
$function$;

-- function store_recent
create or replace function analytics_meta.store_recent(
    members_name text, from_time timestamptz, until_time timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Stores which members were active in the longest span before the buckets that are not over, and when for the last time:
-- adds those between two bucket starts, and drops those of before the span.
declare
    target analytics_meta.counts;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
    columns text[];
    groups text;
    same text;
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name;
    select a.bucket_column || target.keys into strict columns
    from analytics_meta.aggregates a where a.rollup = target.rollup;
    select string_agg(quote_ident(k), ', ' order by place) into groups
    from unnest(columns[:cardinality(columns) - 1]) with ordinality t (k, place);
    select string_agg(format('r.%1$I is not distinct from f.%1$I', k), ' and ') into same
    from unnest(target.keys[:cardinality(target.keys) - 1]) k;
    execute format('delete from %I.%I where %I <= $1', schema_name, target.recent, columns[1])
    using until_time - target.span;
    execute format(
        'with fresh as materialized (select * from %1$I.%2$I($1, $2)), gone as (
             delete from %1$I.%3$I r using fresh f where r.%4$I = f.%4$I %5$s
         )
         insert into %1$I.%3$I select * from fresh',
        schema_name, target.recent_rows, target.recent, columns[cardinality(columns)], 'and ' || same
    ) using from_time, until_time;
    execute format('delete from %I.%I', schema_name, target.recency);
    execute format(
        'insert into %1$I.%2$I select %3$s, count(*) from %1$I.%4$I group by %3$s',
        schema_name, target.recency, groups, target.recent
    );
end
$function$;

-- table answers
create table if not exists analytics_meta.answers (
    rollup text not null
        constraint answers_pkey primary key,
    known text,
    known_rows text,
    columns text[] not null,
    merges text[] not null,
    parts jsonb not null,
    until timestamptz not null default '-infinity',
    compared_at timestamptz
);

-- function digests_of_answers
create or replace function analytics_meta.digests_of_answers(
    rollup_name text, from_time timestamptz, to_time timestamptz, out bucket timestamptz, out digest text
) returns setof record
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $function$
-- What answers about people depend on, in short: how many rows a bucket has, and which.
declare
    bucket_column text;
begin
    select a.bucket_column into strict bucket_column from analytics_meta.aggregates a where a.rollup = rollup_name;
    return query execute format(
        'select %3$I, concat_ws('' '', count(*), bit_xor(hash_record_extended(t, 0)))
         from %1$I.%2$I t where %3$I >= $1 and %3$I < $2 group by 1',
        (select i.events_schema from analytics_meta.installation i), rollup_name, bucket_column
    ) using from_time, to_time;
end
$function$;

-- function remember
create or replace function analytics_meta.remember(
    rollup_name text, changed tstzmultirange, until_time timestamptz
) returns tstzmultirange
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings what is known of members up to date, when these buckets changed: by min and max where that is enough. Where a
-- member's first or last time lay in a changed bucket and is not there any more, all its buckets are looked at.
-- Returns the buckets of first times that came or went.
declare
    target analytics_meta.answers;
    bucket_width interval;
    zone text;
    place text;
    rows_of text;
    in_changed text;
    unsettled text;
    merged text;
    moves text;
    all_null text;
    moved tstzmultirange;
    more tstzmultirange;
    open_ends bigint;
    nested_loops text := current_setting('enable_nestloop');
begin
    select * into strict target from analytics_meta.answers t where t.rollup = rollup_name;
    if target.known is null then
        return '{}';
    end if;
    select a.width, a.time_zone into strict bucket_width, zone from analytics_meta.aggregates a where a.rollup = rollup_name;
    select format('%I.%I', i.events_schema, target.known), format('%I.%I', i.events_schema, target.known_rows)
    into strict place, rows_of from analytics_meta.installation i;
    select
        string_agg(format('k.%1$s >= lower($1) and k.%1$s < upper($1) and k.%1$s <@ $1', c), ' or '),
        string_agg(format(
            'coalesce(k.%1$s <@ $1 and (n.%1$s is null or n.%1$s %2$s k.%1$s), false)',
            c, case m when 'min' then '>' else '<' end
        ), ' or '),
        string_agg(format(
            'case when k.%1$s <@ $1 then n.%1$s else %2$s(k.%1$s, n.%1$s) end as %1$s', c,
            case m when 'min' then 'least' else 'greatest' end
        ), ', '),
        string_agg(format(
            'case when unsettled or old_%1$s is distinct from %1$s then old_%1$s end, '
            'case when old_%1$s is distinct from %1$s then %1$s end', c
        ), ', ') filter (where m = 'min'),
        string_agg(format('k.%s is null', c), ' and ')
    into in_changed, unsettled, merged, moves, all_null
    from unnest(target.columns, target.merges) t (c, m);
    -- The planner takes members for few, and would look each up in the index.
    perform set_config('enable_nestloop', 'off', true);
    execute format(
        'with now as materialized (
             select n.member, %3$s
             from unnest($1) r cross join lateral %2$s(lower(r), upper(r)) n group by n.member
         ), touched as (
             select n.member from now n union select k.member from %1$s k where %4$s
         ), judged as materialized (
             select t.member, k.ctid as place, %5$s as unsettled, %6$s, %7$s
             from touched t left join now n on n.member = t.member left join %1$s k on k.member = t.member
         ), changes as (
             select * from judged j where unsettled or (%8$s)
         ), moved as (
             update %1$s k set %9$s from changes c where k.ctid = c.place
         ), made as (
             insert into %1$s select member, %11$s from changes c where c.place is null
         )
         select (select count(*) from changes c where c.unsettled),
                range_agg(tstzrange(b.at, analytics_meta.next_bucket($2, b.at, $3)))
         from (
             select distinct analytics_meta.bucket_start($2, u.at, $3)
             from changes c cross join lateral unnest(array[%10$s]) u (at) where u.at is not null
         ) b (at)',
        place, rows_of,
        (select string_agg(format('%2$s(n.%1$s) as %1$s', c, m), ', ') from unnest(target.columns, target.merges) t (c, m)),
        in_changed, unsettled,
        (select string_agg(format('k.%1$s as old_%1$s', c), ', ') from unnest(target.columns) c),
        merged,
        (select string_agg(format('old_%1$s is distinct from %1$s', c), ' or ') from unnest(target.columns) c),
        (select string_agg(format('%1$s = case when not c.unsettled then c.%1$s end', c), ', ') from unnest(target.columns) c),
        moves, array_to_string(target.columns, ', ')
    ) into open_ends, moved using changed, bucket_width, zone;
    perform set_config('enable_nestloop', nested_loops, true);
    if open_ends > 0 then
        execute format(
            'with again as materialized (
                 select n.* from %2$s(''-infinity'', $1) n
                 where exists (select from %1$s k where k.member = n.member and %3$s)
             ), settled as (
                 update %1$s k set %4$s from again n where n.member = k.member and %3$s
             )
             select range_agg(tstzrange(b.at, analytics_meta.next_bucket($2, b.at, $3)))
             from (
                 select distinct analytics_meta.bucket_start($2, u.at, $3)
                 from again n cross join lateral unnest(array[%5$s]) u (at) where u.at is not null
             ) b (at)',
            place, rows_of, all_null,
            (select string_agg(format('%1$s = n.%1$s', c), ', ') from unnest(target.columns) c),
            (select string_agg(format('n.%s', c), ', ') from unnest(target.columns, target.merges) t (c, m) where m = 'min')
        ) into more using until_time, bucket_width, zone;
        execute format('delete from %s k where %s', place, all_null);
    end if;
    return coalesce(moved, '{}') + coalesce(more, '{}');
end
$function$;

-- function answer
create or replace function analytics_meta.answer(rollup_name text, part jsonb, run tstzrange) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Computes the kept answers of a run of buckets.
declare
    schema_name text := (select i.events_schema from analytics_meta.installation i);
begin
    execute format('delete from %I.%I where bucket >= $1 and bucket < $2', schema_name, part ->> 'table')
    using lower(run), upper(run);
    execute format(
        'insert into %1$I.%2$I select * from %1$I.%3$I($1, $2)', schema_name, part ->> 'table', part ->> 'function'
    ) using lower(run), upper(run);
end
$function$;

-- function answer_again
create or replace function analytics_meta.answer_again(
    rollup_name text, changed tstzmultirange, until_time timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Computes again what depends on changed buckets, as far as it is kept.
declare
    parts jsonb := (select t.parts from analytics_meta.answers t where t.rollup = rollup_name);
    part jsonb;
    run tstzrange;
begin
    changed := changed + analytics_meta.remember(rollup_name, changed, until_time);
    for part in select jsonb_array_elements(parts) loop
        for run in
            select unnest(range_agg(tstzrange(
                lower(c) - make_interval(secs => (part -> 'before')::double precision),
                upper(c) + make_interval(secs => (part -> 'after')::double precision)
            )) * tstzmultirange(tstzrange(
                '-infinity', until_time - make_interval(secs => (part -> 'before')::double precision)
            )))
            from unnest(changed) c
        loop
            perform analytics_meta.answer(rollup_name, part, run);
        end loop;
    end loop;
end
$function$;

-- function answer_on
create or replace function analytics_meta.answer_on(
    rollup_name text, from_time timestamptz, to_time timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Computes the answers that can be kept when these buckets, which come after all that are kept, are over.
declare
    parts jsonb := (select t.parts from analytics_meta.answers t where t.rollup = rollup_name);
    part jsonb;
begin
    perform analytics_meta.remember(rollup_name, tstzmultirange(tstzrange(from_time, to_time)), to_time);
    for part in select jsonb_array_elements(parts) loop
        perform analytics_meta.answer(rollup_name, part, tstzrange(
            from_time - make_interval(secs => (part -> 'before')::double precision),
            to_time - make_interval(secs => (part -> 'before')::double precision)
        ));
    end loop;
end
$function$;

-- function kept
create or replace function analytics_meta.kept(
    out relation text, out rollup text, out until timestamptz, out compared_at timestamptz, out counted boolean
) returns setof record
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The relations of members beside which something is kept: trailing counts, or answers to a question about people.
select c.members, c.rollup, c.until, c.counted_at, true from analytics_meta.counts c
union all
select a.rollup, a.rollup, a.until, a.compared_at, false from analytics_meta.answers a
$function$;

-- function digests
create or replace function analytics_meta.digests(
    members_name text, from_time timestamptz, to_time timestamptz, out bucket timestamptz, out digest text
) returns setof record
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if exists (select from analytics_meta.counts c where c.members = members_name) then
        return query select * from analytics_meta.digests_of_counts(members_name, from_time, to_time);
    else
        return query select * from analytics_meta.digests_of_answers(members_name, from_time, to_time);
    end if;
end
$function$;

-- function first_bucket
create or replace function analytics_meta.first_bucket(
    relation_name text, from_time timestamptz, to_time timestamptz
) returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The first bucket with a stored row between two bucket starts.
declare
    found_bucket timestamptz;
begin
    execute format(
        'select min(%3$I) from %1$I.%2$I where %3$I >= $1 and %3$I < $2',
        (select i.events_schema from analytics_meta.installation i), relation_name,
        (select a.bucket_column from analytics_meta.aggregates a join analytics_meta.kept() k on k.rollup = a.rollup
         where k.relation = relation_name)
    ) into found_bucket using from_time, to_time;
    return found_bucket;
end
$function$;

-- function recount_changed
create or replace function analytics_meta.recount_changed(relation_name text, since timestamptz) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings what is kept of buckets up to date whose digest changed since a time: those of one piece. Returns whether there
-- may be more. Digests are taken first: what changes while this runs is noticed the next time.
declare
    target record;
    bucket_width interval;
    zone text;
    buckets timestamptz[];
    digests text[];
    changed tstzmultirange;
    piece tstzmultirange;
begin
    select * into strict target from analytics_meta.kept() k where k.relation = relation_name;
    select a.width, a.time_zone into strict bucket_width, zone from analytics_meta.aggregates a where a.rollup = target.rollup;
    select array_agg(d.bucket), array_agg(d.digest) into buckets, digests
    from analytics_meta.digests(relation_name, since, target.until) d;
    select range_agg(tstzrange(
        coalesce(s.bucket, c.bucket), analytics_meta.next_bucket(bucket_width, coalesce(s.bucket, c.bucket), zone)
    )) into changed
    from unnest(buckets, digests) s (bucket, digest)
    full join (
        select k.bucket, k.digest from analytics_meta.counted_buckets k
        where k.members = relation_name and k.bucket >= since
    ) c on c.bucket = s.bucket
    where c.digest is distinct from s.digest;
    if changed is null then
        return false;
    end if;
    piece := changed * tstzmultirange(tstzrange(
        lower(changed), analytics_meta.piece_end(bucket_width, lower(changed), zone)
    ));
    if target.counted then
        perform analytics_meta.count_again(relation_name, piece, target.until);
    else
        perform analytics_meta.answer_again(relation_name, piece, target.until);
    end if;
    delete from analytics_meta.counted_buckets k where k.members = relation_name and k.bucket <@ piece;
    insert into analytics_meta.counted_buckets (members, bucket, digest)
    select relation_name, s.bucket, s.digest from unnest(buckets, digests) s (bucket, digest) where s.bucket <@ piece;
    update analytics_meta.recounts r set from_time = upper(piece)
    where r.rollup = relation_name and r.from_time < upper(piece) and piece <> changed;
    return piece <> changed;
end
$function$;

-- function piece_end
create or replace function analytics_meta.piece_end(width interval, first_bucket timestamptz, zone text) returns timestamptz
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- How much is counted in one transaction: the buckets of about a week, at least one.
select greatest(
    analytics_meta.next_bucket(width, first_bucket, zone),
    analytics_meta.bucket_start(width, first_bucket + interval '168 hours', zone)
)
$function$;

-- function recount_on
create or replace function analytics_meta.recount_on(
    relation_name text, until_time timestamptz
) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Keeps one piece more, of the buckets that are over. Returns whether there is more.
declare
    target record;
    bucket_width interval;
    zone text;
    first_bucket timestamptz;
    stop timestamptz;
    buckets timestamptz[];
    digests text[];
begin
    select * into strict target from analytics_meta.kept() k where k.relation = relation_name;
    if target.until >= until_time then
        return false;
    end if;
    select a.width, a.time_zone into strict bucket_width, zone from analytics_meta.aggregates a where a.rollup = target.rollup;
    first_bucket := target.until;
    for attempt in 1..2 loop
        stop := least(analytics_meta.piece_end(bucket_width, first_bucket, zone), until_time);
        select array_agg(d.bucket), array_agg(d.digest) into buckets, digests
        from analytics_meta.digests(relation_name, target.until, stop) d;
        exit when buckets is not null or stop = until_time;
        -- A gap, or the very first time: all up to the next bucket with rows costs nothing.
        first_bucket := coalesce(analytics_meta.first_bucket(relation_name, stop, until_time), until_time);
    end loop;
    if target.counted then
        perform analytics_meta.count_on(relation_name, target.until, stop);
        update analytics_meta.counts c set until = stop where c.members = relation_name;
    else
        perform analytics_meta.answer_on(relation_name, target.until, stop);
        update analytics_meta.answers a set until = stop where a.rollup = relation_name;
    end if;
    delete from analytics_meta.counted_buckets k where k.members = relation_name and k.bucket >= target.until;
    insert into analytics_meta.counted_buckets (members, bucket, digest)
    select relation_name, s.bucket, s.digest from unnest(buckets, digests) s (bucket, digest);
    return stop < until_time;
end
$function$;

-- function recount_piece
create or replace function analytics_meta.recount_piece(relation_name text) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings what is kept beside a relation of members up to date, one piece of it. Returns whether there is more.
-- A refresh policy can have changed what is younger than its window before it began, and it may take as long again.
declare
    target record;
    owner analytics_meta.aggregates;
    began timestamptz := clock_timestamp();
    marks bigint[];
    since timestamptz;
    until_time timestamptz;
begin
    perform from analytics_meta.counts c where c.members = relation_name for update;
    perform from analytics_meta.answers a where a.rollup = relation_name for update;
    select * into strict target from analytics_meta.kept() k where k.relation = relation_name;
    select * into strict owner from analytics_meta.aggregates a where a.rollup = target.rollup;
    perform set_config('work_mem', '256MB', true)
    where pg_size_bytes(current_setting('work_mem')) < pg_size_bytes('256MB');
    until_time := least(analytics_meta.stored_until(target.rollup), analytics_meta.bucket_start(owner.width, began, owner.time_zone));
    if until_time < target.until or target.until = '-infinity' then  -- a watermark was ahead of the clock; a new start
        perform analytics_meta.forget_kept(relation_name);
        target.until := '-infinity';
    end if;
    select array_agg(r.id), min(r.from_time) into marks, since
    from analytics_meta.recounts r where r.rollup = relation_name;
    since := case when target.compared_at is null then '-infinity' else least(
        analytics_meta.bucket_start(owner.width, since, owner.time_zone),
        analytics_meta.bucket_start(
            owner.width, target.compared_at - 2 * analytics_meta.span(owner.refresh_window), owner.time_zone
        )
    ) end;
    if since < target.until then
        if analytics_meta.recount_changed(relation_name, since) then
            return true;
        end if;
    end if;
    delete from analytics_meta.recounts r where r.id = any (marks);
    update analytics_meta.counts c set counted_at = began where c.members = relation_name;
    update analytics_meta.answers a set compared_at = began where a.rollup = relation_name;
    return analytics_meta.recount_on(relation_name, until_time);
end
$function$;

-- function recount_some
create or replace function analytics_meta.recount_some(rollup_name text) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings what is kept of an aggregate or a question up to date, one piece of it. Returns whether there is more.
declare
    each text;
    more boolean := false;
begin
    -- A mark on the aggregate, as earlier releases write, is one on each of its relations of members.
    with shared as (
        delete from analytics_meta.recounts r
        where r.rollup = rollup_name and exists (select from analytics_meta.counts c where c.rollup = rollup_name)
        returning r.from_time
    )
    insert into analytics_meta.recounts (rollup, from_time)
    select c.members, min(s.from_time) from shared s, analytics_meta.counts c where c.rollup = rollup_name group by 1;
    for each in select k.relation from analytics_meta.kept() k where k.rollup = rollup_name order by 1 loop
        more := analytics_meta.recount_piece(each) or more;
    end loop;
    return more;
end
$function$;

-- function mark_recount
create or replace function analytics_meta.mark_recount(rollup_name text, since timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $function$
-- Lets the next recount look at all buckets since a time.
insert into analytics_meta.recounts (rollup, from_time)
select k.relation, since from analytics_meta.kept() k where k.rollup = rollup_name
$function$;

-- function recount
create or replace function analytics_meta.recount(rollup_name text, everything boolean default false) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings all that is kept of an aggregate or a question up to date, in one transaction.
begin
    if everything then
        perform analytics_meta.mark_recount(rollup_name, '-infinity');
    end if;
    while analytics_meta.recount_some(rollup_name) loop
        null;
    end loop;
end
$function$;

-- function recount_due
create or replace function analytics_meta.recount_due(rollup_name text) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings one piece of it up to date when its time has come: buckets are over, something is marked, or a refresh policy
-- may have run since. Returns whether it did something: call it until it did nothing, a transaction each.
begin
    if exists (
        select from analytics_meta.kept() k
        join analytics_meta.aggregates a on a.rollup = k.rollup and a.active
        where k.rollup = rollup_name and (
            k.compared_at is null or k.compared_at + analytics_meta.span(a.refresh_every) <= clock_timestamp()
            or k.until <> least(
                analytics_meta.stored_until(k.rollup),
                analytics_meta.bucket_start(a.width, clock_timestamp(), a.time_zone)
            )
            or exists (select from analytics_meta.recounts r where r.rollup in (k.relation, k.rollup))
        )
    ) then
        perform analytics_meta.recount_some(rollup_name);
        return true;
    end if;
    return false;
end
$function$;

-- function forget_kept
create or replace function analytics_meta.forget_kept(relation_name text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Takes what is kept beside a relation of members away: until the next recount the views compute all.
declare
    schema_name text := (select i.events_schema from analytics_meta.installation i);
    each text;
begin
    for each in
        select unnest(array[c.counts, c.recent, c.recency]) from analytics_meta.counts c where c.members = relation_name
        union all
        select a.known from analytics_meta.answers a where a.rollup = relation_name and a.known is not null
        union all
        select p ->> 'table' from analytics_meta.answers a, jsonb_array_elements(a.parts) p where a.rollup = relation_name
    loop
        execute format('delete from %I.%I', schema_name, each);
    end loop;
    delete from analytics_meta.counted_buckets k where k.members = relation_name;
    update analytics_meta.counts c set until = '-infinity', counted_at = null where c.members = relation_name;
    update analytics_meta.answers a set until = '-infinity', compared_at = null where a.rollup = relation_name;
end
$function$;

-- function forget_counts
create or replace function analytics_meta.forget_counts(rollup_name text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Takes all that is kept of an aggregate or a question away: until the next recount the views compute all.
begin
    perform analytics_meta.forget_kept(k.relation) from analytics_meta.kept() k where k.rollup = rollup_name;
end
$function$;

-- function try_piece
create or replace function analytics_meta.try_piece(rollup_name text) returns boolean
language plpgsql
as $function$
-- The same as recount_due, but what goes wrong waits for the next time, with a warning.
begin
    return analytics_meta.recount_due(rollup_name);
exception when others then
    raise warning 'what is kept of % waits: %', rollup_name, sqlerrm using errcode = 'AD001';
    return false;
end
$function$;

-- table parts
create table if not exists analytics_meta.parts (
    part text not null
        constraint parts_pkey primary key,
    from_time timestamptz not null,
    to_time timestamptz not null
);

-- table expired
create table if not exists analytics_meta.expired (
    singleton boolean not null default true
        constraint expired_pkey primary key
        constraint expired_singleton_check check (singleton),
    ranges tstzmultirange not null default '{}',
    uncounted bigint not null default 0
);

-- function note_parts
create or replace function analytics_meta.note_parts() returns void
language sql
set search_path = pg_catalog, pg_temp
as $function$
-- Remembers the partitions or chunks that are there, so that one that somebody drops by hand is missed.
insert into analytics_meta.parts (part, from_time, to_time)
select p.part, p.from_time, p.to_time from analytics_meta.raw_parts() p
on conflict on constraint parts_pkey do nothing
$function$;

-- function gone
create or replace function analytics_meta.gone() returns tstzmultirange
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The times whose raw rows were dropped, by retention or by hand. What was stored of them is all that is left.
select coalesce((select e.ranges from analytics_meta.expired e), '{}') + coalesce((
    select range_agg(tstzrange(p.from_time, p.to_time))
    from analytics_meta.parts p left join analytics_meta.raw_parts() r on r.part = p.part
    where r.part is null
), '{}')
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

-- function start_record
create or replace function analytics_meta.start_record() returns void
language sql
set search_path = pg_catalog, pg_temp
as $function$
-- Begins the record of what was dropped. In a database of before the record, where something is stored, everything
-- below the oldest raw row that retention has not reached counts as dropped; but no row that is not stored yet.
insert into analytics_meta.expired (ranges)
select case
    when not exists (
        select from analytics_meta.aggregates a where analytics_meta.stored_until(a.rollup) > '-infinity'
    ) or s.retention is null then '{}'
    else tstzmultirange(tstzrange('-infinity', coalesce(
        (
            select min(r.from_time) from analytics_meta.raw_ranges() r
            where r.has_rows and r.to_time > least(now() - analytics_meta.span(s.retention), w.lowest)
        ),
        w.highest
    )))
end
from analytics_meta.storage s, lateral (
    select min(nullif(analytics_meta.stored_until(a.rollup), '-infinity')) as lowest,
           max(analytics_meta.stored_until(a.rollup)) as highest
    from analytics_meta.aggregates a where a.active
) w
on conflict on constraint expired_pkey do nothing;
select analytics_meta.note_parts()
$function$;

-- function pin
create or replace function analytics_meta.pin() returns jsonb
language plpgsql
as $function$
-- Sets what an answer depends on, for the session, and returns what was set before. A procedure that commits cannot
-- have SET clauses. TimescaleDB's own procedures are found by the search path.
declare
    wanted jsonb := pg_catalog.jsonb_build_object(
        'search_path', coalesce((
            select pg_catalog.quote_ident(n.nspname)
            from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
            where e.extname = 'timescaledb'
        ), 'pg_catalog'),
        'timezone', 'UTC', 'datestyle', 'ISO, YMD', 'intervalstyle', 'postgres', 'standard_conforming_strings', 'on',
        'row_security', 'on', 'lock_timeout', '5s', 'statement_timeout', '0',
        'idle_in_transaction_session_timeout', '0', 'default_transaction_isolation', 'read committed',
        'default_transaction_read_only', 'off', 'default_transaction_deferrable', 'off',
        'jit', 'off'  -- to compile a query takes a hundred times as long as most of these take to run
    );
    before jsonb := (
        select pg_catalog.jsonb_object_agg(p.key, pg_catalog.current_setting(p.key))
        from pg_catalog.jsonb_each_text(wanted) p
    );
begin
    perform pg_catalog.set_config(p.key, p.value, false) from pg_catalog.jsonb_each_text(wanted) p;
    return before;
end
$function$;

-- function unpin
create or replace function analytics_meta.unpin(before jsonb) returns void
language plpgsql
as $function$
begin
    perform pg_catalog.set_config(p.key, p.value, false) from pg_catalog.jsonb_each_text(before) p;
end
$function$;

-- function can_lock
create or replace function analytics_meta.can_lock(relations regclass[]) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '100ms'
as $function$
-- Whether nobody works with these tables now. A lock that waits makes later readers wait behind it, so it may wait for
-- a moment only. It is let go at once: what it is for may take a while to get ready.
declare
    relation regclass;
begin
    foreach relation in array relations loop
        execute format('lock table only %s in access exclusive mode', relation);
    end loop;
    raise exception using errcode = 'AD000';
exception
    when sqlstate 'AD000' then return true;
    when lock_not_available or deadlock_detected then return false;
end
$function$;

-- function raw_rows
create or replace function analytics_meta.raw_rows(from_time timestamptz, to_time timestamptz) returns bigint[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- How many raw rows there are, and the last id: the same again means that no row came or went.
declare
    found_rows bigint[];
begin
    execute format(
        'select array[count(*), coalesce(max(id), 0)] from %s where "timestamp" >= $1 and "timestamp" < $2',
        analytics_meta.events_table()
    ) into found_rows using from_time, to_time;
    return found_rows;
end
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

-- function drop_group
create or replace function analytics_meta.drop_group(times tstzrange, seen jsonb) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '100ms'
as $function$
-- Drops what lies in these times, if the rows are still those that were seen, and records it. Returns null when it
-- has to wait. Writers to these old rows wait meanwhile, readers only for the moment of the drop.
declare
    parts text[] := (select array_agg(p.part) from analytics_meta.raw_parts() p where tstzrange(p.from_time, p.to_time) <@ times);
    dropped_ranges tstzmultirange;
    lost tstzmultirange := tstzmultirange(times) * analytics_meta.gone();
    lost_rows bigint := 0;
    relation regclass;
    made integer;
begin
    foreach relation in array analytics_meta.written_by(times) loop
        execute format('lock table %s in share row exclusive mode', relation);
    end loop;
    if to_jsonb(analytics_meta.raw_rows(lower(times), upper(times))) <> seen then
        return null;
    end if;
    select count(*), range_agg(tstzrange(r.from_time, r.to_time)) into made, dropped_ranges
    from analytics_meta.raw_ranges() r where tstzrange(r.from_time, r.to_time) <@ times and r.from_time < r.to_time;
    if not isempty(lost) then
        execute format('select count(*) from %s where "timestamp" <@ $1', analytics_meta.events_table())
        into lost_rows using lost;
    end if;
    perform analytics_meta.drop_parts(times);
    update analytics_meta.expired e
    set ranges = e.ranges + coalesce(dropped_ranges, '{}'), uncounted = e.uncounted + lost_rows;
    delete from analytics_meta.parts p where p.part = any (parts);
    if lost_rows > 0 then
        raise warning '% rows of % were dropped uncounted: the other rows of their buckets were gone', lost_rows, times
            using errcode = 'AD001';
    end if;
    return made;
exception
    when lock_not_available or deadlock_detected then return null;
end
$function$;

-- procedure expire_groups
create or replace procedure analytics_meta.expire_groups(groups tstzrange[], inout dropped integer default 0)
language plpgsql
as $procedure$
-- Stores the buckets of these times once more, then drops the rows of one group after the other, up to the first that
-- somebody works with.
declare
    seen jsonb[];
    target record;
    since timestamptz;
    more integer;
begin
    dropped := 0;
    if not analytics_meta.can_lock(analytics_meta.locked_by_drop(groups[1])) then
        return;
    end if;
    seen := array(
        select to_jsonb(analytics_meta.raw_rows(lower(g.times), upper(g.times)))
        from unnest(groups) with ordinality g (times, place) order by g.place
    );
    for target in select a.rollup from analytics_meta.aggregates a where a.active order by a.rollup loop
        call analytics_meta.refresh(target.rollup, lower(groups[1]), upper(groups[cardinality(groups)]), since);
    end loop;
    commit;
    for place in 1..cardinality(groups) loop
        more := analytics_meta.drop_group(groups[place], seen[place]);
        commit;
        exit when more is null;
        dropped := dropped + more;
    end loop;
end
$procedure$;

-- procedure expire_storage
create or replace procedure analytics_meta.expire_storage(inout dropped integer default 0)
language plpgsql
as $procedure$
-- Drops the rows that retention has passed; but never before they are stored in every rollup.
declare
    before jsonb := analytics_meta.pin();
    older_than timestamptz := (select now() - analytics_meta.span(retention) from analytics_meta.storage);
    groups tstzrange[];
    more integer;
begin
    dropped := 0;
    commit;
    if older_than is not null and not exists (select from analytics_meta.backfills b where b.status <> 'done') then
        perform analytics_meta.note_parts();
        for attempt in 1..5 loop
            groups := array(select g.times from analytics_meta.expired_groups(older_than) g (times) order by g.times);
            exit when cardinality(groups) = 0;
            call analytics_meta.expire_groups(groups, more);
            dropped := dropped + more;
            commit;
            if more = 0 then
                perform pg_sleep(0.05 + random() * 0.2);
            end if;
        end loop;
        if cardinality(groups) > 0 and exists (select from analytics_meta.expired_groups(older_than)) then
            raise warning 'rows that retention has passed wait: another session works with %',
                analytics_meta.events_table() using errcode = 'AD001';
        end if;
    end if;
    perform analytics_meta.unpin(before);
end
$procedure$;

-- function raw_ranges
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

-- procedure prepare_storage
create or replace procedure analytics_meta.prepare_storage(inout made integer default 0)
language plpgsql
as $procedure$
begin
    made := 0;  -- TimescaleDB makes chunks when rows come
end
$procedure$;

-- function raw_parts
create or replace function analytics_meta.raw_parts(out part text, out from_time timestamptz, out to_time timestamptz)
returns setof record
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
select format('%I.%I', c.chunk_schema, c.chunk_name), c.range_start, c.range_end
from timescaledb_information.chunks c, analytics_meta.installation i, analytics_meta.storage s
where c.hypertable_schema = i.events_schema and c.hypertable_name = s.table_name
$function$;

-- function written_by
create or replace function analytics_meta.written_by(times tstzrange) returns regclass[]
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The tables that rows of these times are written to.
select coalesce(array_agg(r.part order by r.from_time), '{}')
from analytics_meta.raw_ranges() r where r.part is not null and tstzrange(r.from_time, r.to_time) <@ times
$function$;

-- function locked_by_drop
create or replace function analytics_meta.locked_by_drop(times tstzrange) returns regclass[]
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
select analytics_meta.written_by(times)
$function$;

-- function drop_parts
create or replace function analytics_meta.drop_parts(times tstzrange) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
declare
    extension_schema text := (
        select n.nspname from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
        where e.extname = 'timescaledb'
    );
    expired record;
begin
    for expired in
        select p.from_time, p.to_time from analytics_meta.raw_parts() p
        where tstzrange(p.from_time, p.to_time) <@ times
    loop
        execute format('select %I.drop_chunks($1, older_than => $2, newer_than => $3)', extension_schema)
        using analytics_meta.events_table(), expired.to_time, expired.from_time;
    end loop;
end
$function$;

-- procedure retention_job
create or replace procedure analytics_meta.retention_job(job_id integer, config jsonb)
language plpgsql
as $procedure$
-- What TimescaleDB's scheduler calls instead of its own retention policy, which drops rows that are not stored yet.
declare
    dropped integer;
begin
    if pg_try_advisory_lock(1633970529, 1835101806) then
        call analytics_meta.expire_storage(dropped);
        perform pg_advisory_unlock(1633970529, 1835101806);
    end if;
end
$procedure$;

-- function stored_until
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

-- procedure refresh_buckets
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

-- function refresh_must_begin
create or replace function analytics_meta.refresh_must_begin(rollup_name text) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- A refresh moves the watermark, below which raw rows are no longer read: it must not leave a gap behind it.
select analytics_meta.bucket_start(a.width, analytics_meta.stored_until(rollup_name), a.time_zone)
from analytics_meta.aggregates a where a.rollup = rollup_name
$function$;

-- function all_stored
create or replace function analytics_meta.all_stored(before_time timestamptz) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The refresh before a drop moves the watermarks itself. That of an aggregate without rows says nothing.
select true
$function$;

-- function needs_refreshing
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

-- procedure try_marks
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

-- procedure try_refresh
create or replace procedure analytics_meta.try_refresh(rollup_name text)
language plpgsql
as $procedure$
declare
    done boolean;
begin
    call analytics_meta.refresh_due(rollup_name, false, done);
end
$procedure$;

-- function together
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

-- procedure rebuild_buckets
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

-- storage settings
insert into analytics_meta.storage (table_name, chunk_interval, retention)
values ('store_events', interval '1 days', interval '400 days')
on conflict on constraint storage_pkey do update
    set chunk_interval = excluded.chunk_interval, retention = excluded.retention;

-- table of events
create table "store_events" (
    id bigint generated always as identity,
    "timestamp" timestamptz not null,
    event_type text not null,
    service text not null,
    user_id text,
    data jsonb not null,
    event_id uuid not null,
    meta jsonb not null default '{}',
    constraint "store_events_pkey" primary key ("timestamp", event_id)
);

-- hypertable of events
select create_hypertable(
    '"store_events"'::regclass,
    'timestamp',
    chunk_time_interval => interval '1 day',
    create_default_indexes => false
);

-- index on user_id
create index "store_events_user_id_timestamp_idx" on "store_events" (user_id, "timestamp" desc)
    where user_id is not null;

-- index on event_type
create index "store_events_event_type_timestamp_idx" on "store_events" (event_type, "timestamp" desc);

-- index on service
create index "store_events_service_timestamp_idx" on "store_events" (service, "timestamp" desc);

-- table of dead letters
create table "store_dead_letters" (
    id bigint generated always as identity,
    created_at timestamptz not null default now(),
    event_id uuid not null,
    "timestamp" timestamptz,
    event_type text not null,
    service text,
    reason text not null,
    sqlstate text,
    message text not null,
    library_version text not null,
    payload text not null,
    replayed_at timestamptz,
    constraint "store_dead_letters_pkey" primary key (id)
);

-- record of dropped rows
select analytics_meta.start_record();

-- compression settings
alter table "store_events" set (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'event_type',
    timescaledb.compress_orderby = '"timestamp" desc, event_id'
);

-- compression policy
select add_compression_policy('"store_events"'::regclass, interval '7 days');

-- retention job
select add_job('analytics_meta.retention_job'::regproc, interval '1 hour');

-- comment on table store_events
comment on table "store_events" is 'Events of the catalog store, a row each.';

-- comment on column store_events.id
comment on column "store_events"."id" is 'Number that the database gives to each row. event_id identifies the event.';

-- comment on column store_events.timestamp
comment on column "store_events"."timestamp" is 'When the event happened.';

-- comment on column store_events.event_type
comment on column "store_events"."event_type" is 'Name of the event in the catalog.';

-- comment on column store_events.service
comment on column "store_events"."service" is 'Service that reported the event.';

-- comment on column store_events.user_id
comment on column "store_events"."user_id" is 'User whom the event is about, when there is one.';

-- comment on column store_events.data
comment on column "store_events"."data" is 'Fields of the event, as the catalog describes them.';

-- comment on column store_events.event_id
comment on column "store_events"."event_id" is 'Id of the event. It stays the same when the event is sent again.';

-- comment on column store_events.meta
comment on column "store_events"."meta" is 'How the event was sent: host, environment, version of the event, sample rate and context.';

-- comment on table store_dead_letters
comment on table "store_dead_letters" is 'Events that could not be stored, and why.';

-- comment on column store_dead_letters.id
comment on column "store_dead_letters"."id" is 'Number of the dead letter.';

-- comment on column store_dead_letters.created_at
comment on column "store_dead_letters"."created_at" is 'When the dead letter was stored.';

-- comment on column store_dead_letters.event_id
comment on column "store_dead_letters"."event_id" is 'Id of the event.';

-- comment on column store_dead_letters.timestamp
comment on column "store_dead_letters"."timestamp" is 'When the event happened, when that is known.';

-- comment on column store_dead_letters.event_type
comment on column "store_dead_letters"."event_type" is 'Name of the event in the catalog.';

-- comment on column store_dead_letters.service
comment on column "store_dead_letters"."service" is 'Service that reported the event, when that is known.';

-- comment on column store_dead_letters.reason
comment on column "store_dead_letters"."reason" is 'Kind of fault.';

-- comment on column store_dead_letters.sqlstate
comment on column "store_dead_letters"."sqlstate" is 'Error code of the server, when it refused the row.';

-- comment on column store_dead_letters.message
comment on column "store_dead_letters"."message" is 'What was wrong.';

-- comment on column store_dead_letters.library_version
comment on column "store_dead_letters"."library_version" is 'Version of adi-analytics that stored the dead letter.';

-- comment on column store_dead_letters.payload
comment on column "store_dead_letters"."payload" is 'The row as JSON text.';

-- comment on column store_dead_letters.replayed_at
comment on column "store_dead_letters"."replayed_at" is 'When the event was sent again; null until then.';
