-- 0011_pre_keep_answers_about_people: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: 581af3e1e47925866492f789945b64bdbd5913714abe025471d772a98f19ae82
-- why: update the procedures of analytics_meta
-- why: change the views of analytics_daily_active_users
-- why: change the views of analytics_members_daily
-- why: change the views of daily_retention
-- why: change the views of task_flow
-- locks: ACCESS EXCLUSIVE on the views, for milliseconds

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

-- function refresh_rollup
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

-- procedure pull_watermark_back
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

-- record of dropped rows
select analytics_meta.start_record();

-- drop function analytics_daily_active_users_v1r2_users_counted
drop function if exists "analytics_daily_active_users_v1r2_users_counted";

-- drop function analytics_daily_active_users_v1r2_users_recent_rows
drop function if exists "analytics_daily_active_users_v1r2_users_recent_rows";

-- function analytics_daily_active_users_v1r2_users_counted
create function "analytics_daily_active_users_v1r2_users_counted"(_from_time timestamptz, _to_time timestamptz, _onward boolean)
returns setof "analytics_daily_active_users_v1r2_users_counts"
language sql stable
begin atomic
select "day", "weekly_active_users", "monthly_active_users"
from (
    select
        "day", _is_row,
        (sum(_step_1) over _until_here)::bigint as "weekly_active_users",
        (sum(_step_2) over _until_here)::bigint as "monthly_active_users"
    from (
        select "day", true as _is_row, 0 as _step_1, 0 as _step_2
        from "analytics_daily_active_users_v1r2_live"
        where "day" >= _from_time and "day" < _to_time
        union all
        select _at, false, _step_1, _step_2
        from (
            select
                _bucket,
                greatest(_bucket, _previous + interval '168 hours') as _from_1,
                greatest(_bucket, _previous + interval '720 hours') as _from_2,
                sum(_count) as _members
            from (
                select
                    _day."day" as _bucket,
                    coalesce(
                        lag(_day."day") over (partition by _day."member" order by _day."day"),
                        _recent."day"
                    ) as _previous,
                    1 as _count
                from "analytics_daily_active_users_v1r2_users_live" as _day
                left join "analytics_daily_active_users_v1r2_users_recent" as _recent
                    on _onward and _recent."member" = _day."member"
                where _day."day" > _from_time - case when _onward then interval '1 microsecond' else interval '720 hours' end
                    and _day."day" < _to_time
            ) as _days
            group by 1, 2, 3
        ) as _alike
        cross join lateral (values
            (_from_1, _members, 0),
            (_bucket + interval '168 hours', -_members, 0),
            (_from_2, 0, _members),
            (_bucket + interval '720 hours', 0, -_members)
        ) as _steps (_at, _step_1, _step_2)
        union all
        select _at, false, _step_1, _step_2
        from (
            select
                _bucket,
                greatest(_bucket, _previous + interval '168 hours') as _from_1,
                greatest(_bucket, _previous + interval '720 hours') as _from_2,
                sum(_count) as _members
            from (
                select "day" as _bucket, null::timestamptz as _previous, "member_count" as _count
                from "analytics_daily_active_users_v1r2_users_recency"
                where _onward
            ) as _days
            group by 1, 2, 3
        ) as _alike
        cross join lateral (values
            (_from_1, _members, 0),
            (_bucket + interval '168 hours', -_members, 0),
            (_from_2, 0, _members),
            (_bucket + interval '720 hours', 0, -_members)
        ) as _steps (_at, _step_1, _step_2)
    ) as _rows
    window _until_here as (order by "day")
) as _counted
where _is_row;
end;

-- function analytics_daily_active_users_v1r2_users_recent_rows
create function "analytics_daily_active_users_v1r2_users_recent_rows"(_from_time timestamptz, _until_time timestamptz)
returns setof "analytics_daily_active_users_v1r2_users_recent"
language sql stable
begin atomic
select max("day") as "day", "member"
from "analytics_daily_active_users_v1r2_users_live"
where "day" >= _from_time and "day" > _until_time - interval '720 hours' and "day" < _until_time
group by "member";
end;

-- view analytics_daily_active_users
create or replace view "analytics_daily_active_users" as
select "day", "active_users", "weekly_active_users", "monthly_active_users", "total_events"
from (
with
_open_1 as materialized (
    select coalesce(jsonb_object_agg(
        row("day")::text,
        jsonb_build_array("weekly_active_users", "monthly_active_users")
    ), '{}') as _found
    from (
        select
            "day", _is_row,
            (sum(_step_1) over _until_here)::bigint as "weekly_active_users",
            (sum(_step_2) over _until_here)::bigint as "monthly_active_users"
        from (
            select "day", true as _is_row, 0 as _step_1, 0 as _step_2
            from "analytics_daily_active_users_v1r2_live"
            where "day" >= coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1r2_users'), '-infinity')
            union all
            select _at, false, _step_1, _step_2
            from (
                select
                    _bucket,
                    greatest(_bucket, _previous + interval '168 hours') as _from_1,
                    greatest(_bucket, _previous + interval '720 hours') as _from_2,
                    sum(_count) as _members
                from (
                    select
                        _open."day" as _bucket,
                        coalesce(
                            lag(_open."day") over (partition by _open."member" order by _open."day"),
                            _recent."day"
                        ) as _previous,
                        1 as _count
                    from "analytics_daily_active_users_v1r2_users_live" as _open
                    left join "analytics_daily_active_users_v1r2_users_recent" as _recent
                        on _recent."member" = _open."member"
                    where _open."day" >= coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1r2_users'), '-infinity')
                ) as _days
                group by 1, 2, 3
            ) as _alike
            cross join lateral (values
                (_from_1, _members, 0),
                (_bucket + interval '168 hours', -_members, 0),
                (_from_2, 0, _members),
                (_bucket + interval '720 hours', 0, -_members)
            ) as _steps (_at, _step_1, _step_2)
            union all
            select _at, false, _step_1, _step_2
            from (
                select
                    _bucket,
                    greatest(_bucket, _previous + interval '168 hours') as _from_1,
                    greatest(_bucket, _previous + interval '720 hours') as _from_2,
                    sum(_count) as _members
                from (
                    select "day" as _bucket, null::timestamptz as _previous, "member_count" as _count
                    from "analytics_daily_active_users_v1r2_users_recency"
                ) as _days
                group by 1, 2, 3
            ) as _alike
            cross join lateral (values
                (_from_1, _members, 0),
                (_bucket + interval '168 hours', -_members, 0),
                (_from_2, 0, _members),
                (_bucket + interval '720 hours', 0, -_members)
            ) as _steps (_at, _step_1, _step_2)
        ) as _rows
        window _until_here as (order by "day")
    ) as _counted
    where _is_row
)
select
    "day",
    "active_users",
    "weekly_active_users",
    "monthly_active_users",
    "total_events"
from (
    select
        _main.*,
        case when _main."day" < coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1r2_users'), '-infinity') then coalesce((
            select _kept."weekly_active_users" from "analytics_daily_active_users_v1r2_users_counts" as _kept
            where _kept."day" = _main."day"
        ), (
            select count(distinct _day."member") from "analytics_daily_active_users_v1r2_users_live" as _day
            where _day."day" > _main."day" - interval '168 hours' and _day."day" <= _main."day"
        )) else (
            (select _found from _open_1) -> row(_main."day")::text ->> 0
        )::bigint end as "weekly_active_users",
        case when _main."day" < coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1r2_users'), '-infinity') then coalesce((
            select _kept."monthly_active_users" from "analytics_daily_active_users_v1r2_users_counts" as _kept
            where _kept."day" = _main."day"
        ), (
            select count(distinct _day."member") from "analytics_daily_active_users_v1r2_users_live" as _day
            where _day."day" > _main."day" - interval '720 hours' and _day."day" <= _main."day"
        )) else (
            (select _found from _open_1) -> row(_main."day")::text ->> 1
        )::bigint end as "monthly_active_users"
    from "analytics_daily_active_users_v1r2_live" as _main
) as _counted
) as computed
where "day" >= coalesce((select history_before from analytics_meta.aggregates where rollup = 'analytics_daily_active_users_v1r2'), '-infinity')
    or "day" not in (select distinct "day" from "analytics_daily_active_users_v1r2_history")
union all
select "day", "active_users", "weekly_active_users", "monthly_active_users", "total_events"
from "analytics_daily_active_users_v1r2_history"
where "day" < coalesce((select history_before from analytics_meta.aggregates where rollup = 'analytics_daily_active_users_v1r2'), '-infinity');

-- view analytics_daily_active_users_sketch
create or replace view "analytics_daily_active_users_sketch" as
select "day", "measures", "register", "rho"
from (
select
    "day",
    array['active_users']::text[] as "measures",
    "register" as "register",
    "rho" as "rho"
from "analytics_daily_active_users_v1r2_sketch_live"
) as computed
where "day" >= coalesce((select history_before from analytics_meta.aggregates where rollup = 'analytics_daily_active_users_v1r2'), '-infinity')
    or "day" not in (select distinct "day" from "analytics_daily_active_users_v1r2_history")
union all
select "day", "measures", "register", "rho"
from "analytics_daily_active_users_sketch_v1r2_history"
where "day" < coalesce((select history_before from analytics_meta.aggregates where rollup = 'analytics_daily_active_users_v1r2'), '-infinity');

-- comment on view analytics_daily_active_users
comment on view "analytics_daily_active_users" is 'Users who did something, by day. Weekly and monthly are distinct users of the trailing 7 and 30 days. Only rows where user_id is present.';

-- comment on column analytics_daily_active_users.day
comment on column "analytics_daily_active_users"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_daily_active_users.active_users
comment on column "analytics_daily_active_users"."active_users" is 'Number of different user_id, over longer ranges by its sketch.';

-- comment on column analytics_daily_active_users.weekly_active_users
comment on column "analytics_daily_active_users"."weekly_active_users" is 'Number of different user_id over the last 1 week.';

-- comment on column analytics_daily_active_users.monthly_active_users
comment on column "analytics_daily_active_users"."monthly_active_users" is 'Number of different user_id over the last 30 days.';

-- comment on column analytics_daily_active_users.total_events
comment on column "analytics_daily_active_users"."total_events" is 'Number of rows.';

-- comment on view analytics_daily_active_users_sketch
comment on view "analytics_daily_active_users_sketch" is 'Sketches behind the mergeable counts of analytics_daily_active_users: see docs/reference/aggregates.md.';

-- comment on column analytics_daily_active_users_sketch.day
comment on column "analytics_daily_active_users_sketch"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_daily_active_users_sketch.measures
comment on column "analytics_daily_active_users_sketch"."measures" is 'Distinct counts that this is a sketch of.';

-- comment on column analytics_daily_active_users_sketch.register
comment on column "analytics_daily_active_users_sketch"."register" is 'Register of the sketch, from 0 to 4095.';

-- comment on column analytics_daily_active_users_sketch.rho
comment on column "analytics_daily_active_users_sketch"."rho" is 'Largest place of the first one in the hashes of the register; merge several with max.';

-- table analytics_members_daily_v1_known
create table "analytics_members_daily_v1_known" (
    member uuid not null,
    first timestamp with time zone,
    last timestamp with time zone
) with (fillfactor = 80);

-- index member of analytics_members_daily_v1_known
create index "analytics_members_daily_v1_known_idx"
    on "analytics_members_daily_v1_known" (member);

-- index first of analytics_members_daily_v1_known
create index "analytics_members_daily_v1_known_1_idx"
    on "analytics_members_daily_v1_known" (first);

-- function analytics_members_daily_v1_known_rows
create function "analytics_members_daily_v1_known_rows"(_from_time timestamptz, _to_time timestamptz)
returns setof "analytics_members_daily_v1_known"
language sql stable
begin atomic
select
    "member" as member,
    min("first") as first,
    max("last") as last
from "analytics_members_daily_v1_live"
where "day" >= _from_time and "day" < _to_time
group by "member";
end;

-- table analytics_members_daily_v1_answers
create table "analytics_members_daily_v1_answers" (
    bucket timestamp with time zone not null,
    members bigint,
    new_members bigint
);

-- index bucket of analytics_members_daily_v1_answers
create index "analytics_members_daily_v1_answers_idx"
    on "analytics_members_daily_v1_answers" (bucket);

-- function analytics_members_daily_v1_answered
create function "analytics_members_daily_v1_answered"(_from_time timestamptz, _to_time timestamptz)
returns setof "analytics_members_daily_v1_answers"
language sql stable
begin atomic
select
    _day._bucket as bucket, count(*) as members, count(*) filter (where _day._first = _day._first_ever) as new_members
from (
    select
        _row."day" as _bucket, _row."first" as _first,
        _known.first as _first_ever
    from "analytics_members_daily_v1_live" as _row
    left join "analytics_members_daily_v1_known" as _known on _known.member = _row."member"
    where _row."day" >= _from_time and _row."day" < _to_time
) as _day
group by 1;
end;

-- register the answers of analytics_members_daily_v1
insert into analytics_meta.answers (rollup, known, known_rows, columns, merges, parts)
values ('analytics_members_daily_v1',
    'analytics_members_daily_v1_known',
    'analytics_members_daily_v1_known_rows',
    '{first,last}',
    '{min,max}',
    '[{"table": "analytics_members_daily_v1_answers", "function": "analytics_members_daily_v1_answered", "before": 0, "after": 0}]');

-- view analytics_members_daily
create or replace view "analytics_members_daily" as
select
    bucket as "day",
    members,
    new_members,
    members - new_members as returning_members,
    (sum(new_members) over (order by bucket))::bigint as total_members
from (
    select bucket, members, new_members
    from "analytics_members_daily_v1_answers"
    where bucket < coalesce((select until from analytics_meta.answers where rollup = 'analytics_members_daily_v1'), '-infinity')
    union all
    select
        _day._bucket as bucket, count(*) as members, count(*) filter (where _day._first = _day._first_ever) as new_members
    from (
        select
            _row."day" as _bucket, _row."first" as _first,
            coalesce((
                    select _known.first from "analytics_members_daily_v1_known" as _known where _known.member = _row."member"
                ), min(_row."first") over (partition by _row."member")) as _first_ever
        from "analytics_members_daily_v1_live" as _row
        where _row."day" >= coalesce((select until from analytics_meta.answers where rollup = 'analytics_members_daily_v1'), '-infinity')
    ) as _day
    group by 1
) as _bucket;

-- view analytics_members
create or replace view "analytics_members" as
select _known.member, _known.first, _known.last
from "analytics_members_daily_v1_known" as _known
where not exists (
    select from "analytics_members_daily_v1_live" as _row where _row."day" >= coalesce((select until from analytics_meta.answers where rollup = 'analytics_members_daily_v1'), '-infinity') and _row."member" = _known.member
)
union all
select _open._member, coalesce(_known.first, _open._first), _open._last
from (
    select "member" as _member, min("first") as _first, max("last") as _last
    from "analytics_members_daily_v1_live"
    where "day" >= coalesce((select until from analytics_meta.answers where rollup = 'analytics_members_daily_v1'), '-infinity')
    group by 1
) as _open
left join "analytics_members_daily_v1_known" as _known on _known.member = _open._member;

-- comment on view analytics_members_daily
comment on view "analytics_members_daily" is 'Members by bucket. Everybody who did something that an event tells of.';

-- comment on column analytics_members_daily.day
comment on column "analytics_members_daily"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_members_daily.members
comment on column "analytics_members_daily"."members" is 'Members that came in the bucket.';

-- comment on column analytics_members_daily.new_members
comment on column "analytics_members_daily"."new_members" is 'Those of them that had never come before.';

-- comment on column analytics_members_daily.returning_members
comment on column "analytics_members_daily"."returning_members" is 'Those of them that had come before.';

-- comment on column analytics_members_daily.total_members
comment on column "analytics_members_daily"."total_members" is 'All members that had come by the end of the bucket.';

-- comment on view analytics_members
comment on view "analytics_members" is 'A row per member. Everybody who did something that an event tells of.';

-- comment on column analytics_members.member
comment on column "analytics_members"."member" is 'The member.';

-- comment on column analytics_members.first
comment on column "analytics_members"."first" is 'When it came first, as far as events were ever stored.';

-- comment on column analytics_members.last
comment on column "analytics_members"."last" is 'When it came last.';

-- table daily_retention_v1_known
create table "daily_retention_v1_known" (
    member uuid not null,
    started timestamp with time zone,
    returned timestamp with time zone
) with (fillfactor = 80);

-- index member of daily_retention_v1_known
create index "daily_retention_v1_known_idx"
    on "daily_retention_v1_known" (member);

-- index started of daily_retention_v1_known
create index "daily_retention_v1_known_1_idx"
    on "daily_retention_v1_known" (started);

-- index returned of daily_retention_v1_known
create index "daily_retention_v1_known_2_idx"
    on "daily_retention_v1_known" (returned);

-- function daily_retention_v1_known_rows
create function "daily_retention_v1_known_rows"(_from_time timestamptz, _to_time timestamptz)
returns setof "daily_retention_v1_known"
language sql stable
begin atomic
select
    "member" as member,
    min("day") filter (where "started") as started,
    min("day") filter (where "returned") as returned
from "daily_retention_v1_live"
where "day" >= _from_time and "day" < _to_time
group by "member";
end;

-- table daily_retention_v1_answers
create table "daily_retention_v1_answers" (
    bucket timestamp with time zone not null,
    cohort timestamp with time zone,
    period integer,
    members bigint,
    returned bigint
);

-- index bucket of daily_retention_v1_answers
create index "daily_retention_v1_answers_idx"
    on "daily_retention_v1_answers" (bucket);

-- function daily_retention_v1_answered
create function "daily_retention_v1_answered"(_from_time timestamptz, _to_time timestamptz)
returns setof "daily_retention_v1_answers"
language sql stable
begin atomic
select _cohort as bucket, _cohort as cohort, null::integer as period, count(*) as members, 0::bigint as returned
from (
    select member as _member, started as _cohort
    from "daily_retention_v1_known"
    where started >= _from_time and started < _to_time
) as _start
group by 1
union all
select _return."day", _start._cohort,
    (extract(epoch from _return."day" - _start._cohort) / 86400)::integer, 0, count(*)
from (
    select member as _member, started as _cohort
    from "daily_retention_v1_known"
    where started >= _from_time - interval '720 hours' and started < _to_time
) as _start
join "daily_retention_v1_live" as _return
    on _return."member" = _start._member
    and _return."day" >= _start._cohort and _return."day" <= _start._cohort + 30 * interval '24 hours'
where _return."returned" and _return."day" >= _from_time and _return."day" < _to_time
group by 1, 2, 3;
end;

-- table daily_retention_v1_life
create table "daily_retention_v1_life" (
    bucket timestamp with time zone not null,
    new_members bigint,
    returning_members bigint,
    resurrected_members bigint,
    dormant_members bigint
);

-- index bucket of daily_retention_v1_life
create index "daily_retention_v1_life_idx"
    on "daily_retention_v1_life" (bucket);

-- function daily_retention_v1_lived
create function "daily_retention_v1_lived"(_from_time timestamptz, _to_time timestamptz)
returns setof "daily_retention_v1_life"
language sql stable
begin atomic
select
    _step._at as bucket,
    sum(_step._new)::bigint as new_members,
    sum(_step._returning)::bigint as returning_members,
    sum(_step._resurrected)::bigint as resurrected_members,
    sum(_step._dormant)::bigint as dormant_members
from (
    select
        _bucket,
        count(*) filter (where _bucket = _first) as _new,
        count(*) filter (where _bucket > _first and _before is not distinct from _bucket - interval '24 hours') as _returning,
        count(*) filter (where _bucket > _first and not _before is not distinct from _bucket - interval '24 hours') as _resurrected,
        count(*) filter (where _after is distinct from _bucket + interval '24 hours') as _dormant
    from (
        select
            _row."day" as _bucket,
            _known.returned as _first,
            lag(_row."day") over _of_member as _before,
            lead(_row."day") over _of_member as _after
        from "daily_retention_v1_live" as _row
        left join "daily_retention_v1_known" as _known on _known.member = _row."member"
        where _row."returned" and _row."day" >= _from_time - interval '24 hours' and _row."day" < _to_time
        window _of_member as (partition by _row."member" order by _row."day")
    ) as _visits
    group by 1
) as _count
cross join lateral (values
    (_count._bucket, _count._new, _count._returning, _count._resurrected, 0),
    (_count._bucket + interval '24 hours', 0, 0, 0, _count._dormant)
) as _step (_at, _new, _returning, _resurrected, _dormant)
where _step._at >= _from_time and _step._at < _to_time
group by 1
having sum(_step._new + _step._returning + _step._resurrected + _step._dormant) > 0;
end;

-- register the answers of daily_retention_v1
insert into analytics_meta.answers (rollup, known, known_rows, columns, merges, parts)
values ('daily_retention_v1',
    'daily_retention_v1_known',
    'daily_retention_v1_known_rows',
    '{started,returned}',
    '{min,min}',
    '[{"table": "daily_retention_v1_answers", "function": "daily_retention_v1_answered", "before": 0, "after": 2592000}, {"table": "daily_retention_v1_life", "function": "daily_retention_v1_lived", "before": 0, "after": 86400}]');

-- view daily_retention
create or replace view "daily_retention" as
with _cells as materialized (
    select bucket, cohort, period, members, returned
    from "daily_retention_v1_answers"
    where bucket < coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity')
    union all
    select _cohort as bucket, _cohort as cohort, null::integer as period, count(*) as members, 0::bigint as returned
    from (
        select member as _member, started as _cohort
        from "daily_retention_v1_known"
        where started >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity')
        union all
        select _row."member", min(_row."day")
        from "daily_retention_v1_live" as _row
        where _row."day" >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity') and _row."started" and not exists (
            select from "daily_retention_v1_known" as _known where _known.member = _row."member" and _known.started is not null
        )
        group by 1
    ) as _start
    group by 1
    union all
    select _return."day", _start._cohort,
        (extract(epoch from _return."day" - _start._cohort) / 86400)::integer, 0, count(*)
    from (
        select member as _member, started as _cohort
        from "daily_retention_v1_known"
        where started >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity') - interval '720 hours'
        union all
        select _row."member", min(_row."day")
        from "daily_retention_v1_live" as _row
        where _row."day" >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity') and _row."started" and not exists (
            select from "daily_retention_v1_known" as _known where _known.member = _row."member" and _known.started is not null
        )
        group by 1
    ) as _start
    join "daily_retention_v1_live" as _return
        on _return."member" = _start._member
        and _return."day" >= _start._cohort and _return."day" <= _start._cohort + 30 * interval '24 hours'
    where _return."returned" and _return."day" >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity')
    group by 1, 2, 3
)
select
    _size.cohort as "day",
    _at._period::bigint as period,
    _size.members,
    coalesce(_cell.returned, 0) as returned,
    coalesce(_cell.returned, 0)::double precision / _size.members as rate,
    _size.cohort + (_at._period + 1) * interval '24 hours' <= now() as complete
from _cells as _size
cross join generate_series(0, 30) as _at (_period)
left join _cells as _cell on _cell.cohort = _size.cohort and _cell.period = _at._period
where _size.period is null and _size.cohort + _at._period * interval '24 hours' <= now();

-- view daily_retention_lifecycle
create or replace view "daily_retention_lifecycle" as
select
    bucket as "day",
    new_members,
    returning_members,
    resurrected_members,
    dormant_members,
    bucket + interval '24 hours' <= now() as complete
from (
    select bucket, new_members, returning_members, resurrected_members, dormant_members
    from "daily_retention_v1_life"
    where bucket < coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity')
    union all
    select
        _step._at as bucket,
        sum(_step._new)::bigint as new_members,
        sum(_step._returning)::bigint as returning_members,
        sum(_step._resurrected)::bigint as resurrected_members,
        sum(_step._dormant)::bigint as dormant_members
    from (
        select
            _bucket,
            count(*) filter (where _bucket = _first) as _new,
            count(*) filter (where _bucket > _first and _before is not distinct from _bucket - interval '24 hours') as _returning,
            count(*) filter (where _bucket > _first and not _before is not distinct from _bucket - interval '24 hours') as _resurrected,
            count(*) filter (where _after is distinct from _bucket + interval '24 hours') as _dormant
        from (
            select
                _row."day" as _bucket,
                coalesce((
                    select _known.returned from "daily_retention_v1_known" as _known where _known.member = _row."member"
                ), min(_row."day") over (partition by _row."member")) as _first,
                lag(_row."day") over _of_member as _before,
                lead(_row."day") over _of_member as _after
            from "daily_retention_v1_live" as _row
            where _row."returned" and _row."day" >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity') - interval '24 hours'
            window _of_member as (partition by _row."member" order by _row."day")
        ) as _visits
        group by 1
    ) as _count
    cross join lateral (values
        (_count._bucket, _count._new, _count._returning, _count._resurrected, 0),
        (_count._bucket + interval '24 hours', 0, 0, 0, _count._dormant)
    ) as _step (_at, _new, _returning, _resurrected, _dormant)
    where _step._at >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity') and _step._at <= now()
    group by 1
    having sum(_step._new + _step._returning + _step._resurrected + _step._dormant) > 0
) as _bucket;

-- view daily_retention_mean
create or replace view "daily_retention_mean" as
select
    period,
    count(*) as cohorts,
    sum(members)::bigint as members,
    sum(returned)::bigint as returned,
    sum(returned)::double precision / nullif(sum(members), 0)::double precision as rate
from "daily_retention"
where complete
group by period;

-- comment on view daily_retention
comment on view "daily_retention" is 'Who comes back, by the day on which they were first seen.';

-- comment on column daily_retention.day
comment on column "daily_retention"."day" is 'The cohort: the bucket of 1 day of the start.';

-- comment on column daily_retention.period
comment on column "daily_retention"."period" is 'Buckets of 1 day after that of the start, from 0.';

-- comment on column daily_retention.members
comment on column "daily_retention"."members" is 'Members of the cohort.';

-- comment on column daily_retention.returned
comment on column "daily_retention"."returned" is 'Those of them that returned in the period.';

-- comment on column daily_retention.rate
comment on column "daily_retention"."rate" is 'returned over members, from 0 to 1.';

-- comment on column daily_retention.complete
comment on column "daily_retention"."complete" is 'Whether the count can no longer grow, but for late events.';

-- comment on view daily_retention_lifecycle
comment on view "daily_retention_lifecycle" is 'Members of daily_retention by how they came.';

-- comment on column daily_retention_lifecycle.day
comment on column "daily_retention_lifecycle"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column daily_retention_lifecycle.new_members
comment on column "daily_retention_lifecycle"."new_members" is 'Members that returned for the first time ever.';

-- comment on column daily_retention_lifecycle.returning_members
comment on column "daily_retention_lifecycle"."returning_members" is 'Members that had returned in the bucket before, too.';

-- comment on column daily_retention_lifecycle.resurrected_members
comment on column "daily_retention_lifecycle"."resurrected_members" is 'Members that had returned, but not in the bucket before.';

-- comment on column daily_retention_lifecycle.dormant_members
comment on column "daily_retention_lifecycle"."dormant_members" is 'Members that returned in the bucket before, but not here.';

-- comment on column daily_retention_lifecycle.complete
comment on column "daily_retention_lifecycle"."complete" is 'Whether the bucket is over.';

-- comment on view daily_retention_mean
comment on view "daily_retention_mean" is 'daily_retention over all complete cohorts, weighted.';

-- comment on column daily_retention_mean.period
comment on column "daily_retention_mean"."period" is 'Buckets of 1 day after that of the start, from 0.';

-- comment on column daily_retention_mean.cohorts
comment on column "daily_retention_mean"."cohorts" is 'Cohorts whose cell is complete.';

-- comment on column daily_retention_mean.members
comment on column "daily_retention_mean"."members" is 'Members of the cohort, in all of these cohorts.';

-- comment on column daily_retention_mean.returned
comment on column "daily_retention_mean"."returned" is 'Those of them that returned in the period, in all of these cohorts.';

-- comment on column daily_retention_mean.rate
comment on column "daily_retention_mean"."rate" is 'The mean of the cohorts'' rates, weighted by their members.';

-- table task_flow_v1_answers
create table "task_flow_v1_answers" (
    bucket timestamp with time zone not null,
    members_1 bigint,
    members_2 bigint,
    members_3 bigint,
    seconds_2 double precision[],
    seconds_3 double precision[]
);

-- index bucket of task_flow_v1_answers
create index "task_flow_v1_answers_idx"
    on "task_flow_v1_answers" (bucket);

-- function task_flow_v1_answered
create function "task_flow_v1_answered"(_from_time timestamptz, _to_time timestamptz)
returns setof "task_flow_v1_answers"
language sql stable
begin atomic
select
    _bucket as bucket,
    count(_took_1) as members_1,
    count(_took_2) as members_2,
    count(_took_3) as members_3,
    percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_2)::double precision)
        as seconds_2,
    percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_3)::double precision)
        as seconds_3
from (
    select
        _bucket, _member, interval '0' as _took_1,
        min(_end_2 - _time) filter (where _end_2 <= _time + interval '168 hours') as _took_2,
        min(_end_3 - _time) filter (where _end_3 <= _time + interval '168 hours') as _took_3
    from (
        select
            _bucket, _member, _time, _place, _mark,
            min(_time) filter (where _mark & 2 <> 0) over _later as _end_2,
            min(_end_3) filter (where _mark & 2 <> 0) over _later as _end_3
        from (
            select
                _bucket, _member, _time, _place, _mark,
                min(_time) filter (where _mark & 4 <> 0) over _later as _end_3
            from (
                select
                    _stored."day" as _bucket, _stored."member" as _member, _row._time, _row._place, _row._mark
                from "task_flow_v1_live" as _stored
                cross join lateral unnest(_stored."times", _stored."steps")
                    with ordinality as _row (_time, _mark, _place)
                where _stored."day" >= _from_time and _stored."day" < _to_time + interval '168 hours'
            ) as _level_3
            window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
        ) as _level_2
        window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
    ) as _attempts
    where _mark & 1 <> 0 and _bucket < _to_time
    group by _bucket, _member
) as _reached
group by _bucket;
end;

-- register the answers of task_flow_v1
insert into analytics_meta.answers (rollup, known, known_rows, columns, merges, parts)
values ('task_flow_v1',
    null,
    null,
    '{}',
    '{}',
    '[{"table": "task_flow_v1_answers", "function": "task_flow_v1_answered", "before": 604800, "after": 0}]');

-- view task_flow
create or replace view "task_flow" as
select
    _answer.bucket as "day",
    _answer.members_1 as entered,
    _answer.members_3 as converted,
    _answer.members_3::double precision / _answer.members_1 as rate,
    _answer.seconds_3[1] as seconds_p50,
    _answer.seconds_3[2] as seconds_p90,
    _answer.bucket + interval '24 hours' + interval '168 hours' > now() as provisional
from (
    select *
    from "task_flow_v1_answers"
    where bucket < coalesce((select until - interval '168 hours' from analytics_meta.answers where rollup = 'task_flow_v1'), '-infinity')
    union all
    select
        _bucket as bucket,
        count(_took_1) as members_1,
        count(_took_2) as members_2,
        count(_took_3) as members_3,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_2)::double precision)
            as seconds_2,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_3)::double precision)
            as seconds_3
    from (
        select
            _bucket, _member, interval '0' as _took_1,
            min(_end_2 - _time) filter (where _end_2 <= _time + interval '168 hours') as _took_2,
            min(_end_3 - _time) filter (where _end_3 <= _time + interval '168 hours') as _took_3
        from (
            select
                _bucket, _member, _time, _place, _mark,
                min(_time) filter (where _mark & 2 <> 0) over _later as _end_2,
                min(_end_3) filter (where _mark & 2 <> 0) over _later as _end_3
            from (
                select
                    _bucket, _member, _time, _place, _mark,
                    min(_time) filter (where _mark & 4 <> 0) over _later as _end_3
                from (
                    select
                        _stored."day" as _bucket, _stored."member" as _member, _row._time, _row._place, _row._mark
                    from "task_flow_v1_live" as _stored
                    cross join lateral unnest(_stored."times", _stored."steps")
                        with ordinality as _row (_time, _mark, _place)
                    where _stored."day" >= coalesce((select until - interval '168 hours' from analytics_meta.answers where rollup = 'task_flow_v1'), '-infinity')
                ) as _level_3
                window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
            ) as _level_2
            window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
        ) as _attempts
        where _mark & 1 <> 0
        group by _bucket, _member
    ) as _reached
    group by _bucket
) as _answer;

-- view task_flow_steps
create or replace view "task_flow_steps" as
select
    _answer.bucket as "day",
    _step.step::bigint as step,
    _step.step_name,
    _step.members,
    _step.members::double precision / _answer.members_1 as rate,
    _step.members::double precision / nullif(_step._before, 0) as step_rate,
    _step._seconds[1] as seconds_p50,
    _step._seconds[2] as seconds_p90,
    _answer.bucket + interval '24 hours' + interval '168 hours' > now() as provisional
from (
    select *
    from "task_flow_v1_answers"
    where bucket < coalesce((select until - interval '168 hours' from analytics_meta.answers where rollup = 'task_flow_v1'), '-infinity')
    union all
    select
        _bucket as bucket,
        count(_took_1) as members_1,
        count(_took_2) as members_2,
        count(_took_3) as members_3,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_2)::double precision)
            as seconds_2,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_3)::double precision)
            as seconds_3
    from (
        select
            _bucket, _member, interval '0' as _took_1,
            min(_end_2 - _time) filter (where _end_2 <= _time + interval '168 hours') as _took_2,
            min(_end_3 - _time) filter (where _end_3 <= _time + interval '168 hours') as _took_3
        from (
            select
                _bucket, _member, _time, _place, _mark,
                min(_time) filter (where _mark & 2 <> 0) over _later as _end_2,
                min(_end_3) filter (where _mark & 2 <> 0) over _later as _end_3
            from (
                select
                    _bucket, _member, _time, _place, _mark,
                    min(_time) filter (where _mark & 4 <> 0) over _later as _end_3
                from (
                    select
                        _stored."day" as _bucket, _stored."member" as _member, _row._time, _row._place, _row._mark
                    from "task_flow_v1_live" as _stored
                    cross join lateral unnest(_stored."times", _stored."steps")
                        with ordinality as _row (_time, _mark, _place)
                    where _stored."day" >= coalesce((select until - interval '168 hours' from analytics_meta.answers where rollup = 'task_flow_v1'), '-infinity')
                ) as _level_3
                window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
            ) as _level_2
            window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
        ) as _attempts
        where _mark & 1 <> 0
        group by _bucket, _member
    ) as _reached
    group by _bucket
) as _answer
cross join lateral (values
    (1, 'created'::text, _answer.members_1, null::double precision[], null::bigint),
    (2, 'started'::text, _answer.members_2, _answer.seconds_2, _answer.members_1),
    (3, 'done'::text, _answer.members_3, _answer.seconds_3, _answer.members_2)
) as _step (step, step_name, members, _seconds, _before);

-- comment on view task_flow
comment on view "task_flow" is 'From a new task to one that ended well. From created to done within 1 week.';

-- comment on column task_flow.day
comment on column "task_flow"."day" is 'Start of the bucket of 1 day in which the attempt began, in UTC.';

-- comment on column task_flow.entered
comment on column "task_flow"."entered" is 'Members with the first step in the bucket.';

-- comment on column task_flow.converted
comment on column "task_flow"."converted" is 'Those of them that got to the last step within 1 week.';

-- comment on column task_flow.rate
comment on column "task_flow"."rate" is 'converted over entered, from 0 to 1.';

-- comment on column task_flow.seconds_p50
comment on column "task_flow"."seconds_p50" is 'Median of the seconds from the beginning of an attempt to the last step; the shortest of each member counts. Null without any.';

-- comment on column task_flow.seconds_p90
comment on column "task_flow"."seconds_p90" is '90th percentile of the seconds from the beginning of an attempt to the last step; the shortest of each member counts. Null without any.';

-- comment on column task_flow.provisional
comment on column "task_flow"."provisional" is 'Whether 1 week after the bucket are still to pass.';

-- comment on view task_flow_steps
comment on view "task_flow_steps" is 'The steps of task_flow.';

-- comment on column task_flow_steps.day
comment on column "task_flow_steps"."day" is 'Start of the bucket of 1 day in which the attempt began, in UTC.';

-- comment on column task_flow_steps.step
comment on column "task_flow_steps"."step" is 'Number of the step, from 1.';

-- comment on column task_flow_steps.step_name
comment on column "task_flow_steps"."step_name" is 'Name of the step; null where the steps have no order.';

-- comment on column task_flow_steps.members
comment on column "task_flow_steps"."members" is 'Members that got so far within 1 week.';

-- comment on column task_flow_steps.rate
comment on column "task_flow_steps"."rate" is 'members over those that entered, from 0 to 1.';

-- comment on column task_flow_steps.step_rate
comment on column "task_flow_steps"."step_rate" is 'members over those of the step before; null at the first.';

-- comment on column task_flow_steps.seconds_p50
comment on column "task_flow_steps"."seconds_p50" is 'Median of the seconds from the beginning of an attempt to the step; the shortest of each member counts. Null without any.';

-- comment on column task_flow_steps.seconds_p90
comment on column "task_flow_steps"."seconds_p90" is '90th percentile of the seconds from the beginning of an attempt to the step; the shortest of each member counts. Null without any.';

-- comment on column task_flow_steps.provisional
comment on column "task_flow_steps"."provisional" is 'Whether 1 week after the bucket are still to pass.';
