-- 0006_pre_keep_trailing_counts: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: d2ef5efd1a600e1166631d93c8bc68f85f612048acf07e495dea8801ccfd1534
-- why: update the procedures of analytics_meta
-- why: change the views of analytics_daily_active_users
-- locks: ACCESS EXCLUSIVE on the views, for milliseconds

-- function bodies refer to each other
set local check_function_bodies = off;

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
    insert into analytics_meta.recounts (rollup, from_time)
    select rollup_name, lower(buckets)
    where exists (select from analytics_meta.counts c where c.rollup = rollup_name);
    for whole in select unnest(refreshable) loop
        for run in select analytics_meta.together(buckets * tstzmultirange(whole)) loop
            if afresh then
                call analytics_meta.rebuild_buckets(rollup_name, lower(run), upper(run));
            else
                call analytics_meta.refresh_buckets(rollup_name, lower(run), upper(run));
            end if;
        end loop;
    end loop;
    perform analytics_meta.recount(rollup_name);
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
        perform analytics_meta.try_recount(target.rollup);
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

-- function digests
create or replace function analytics_meta.digests(
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
        (select i.events_schema from analytics_meta.installation i), target.members, target.rollup, bucket_column, (select string_agg(quote_ident(k), ', ') from unnest(target.keys) k),
        (select string_agg(quote_ident(k), ', ' order by place)
         from unnest(bucket_column || target.keys[:cardinality(target.keys) - 1]) with ordinality t (k, place))
    ) using from_time, to_time;
end
$function$;

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
    until_time := least(analytics_meta.stored_until(target.rollup), analytics_meta.bucket_start(owner.width, began));
    since := case when everything or target.counted_at is null then '-infinity' else least(
        analytics_meta.bucket_start(owner.width, since), target.until, until_time,
        analytics_meta.bucket_start(owner.width, target.counted_at - 2 * analytics_meta.span(owner.refresh_window))
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

-- function keep_recent
create or replace function analytics_meta.keep_recent(members_name text, until_time timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Stores which members were active in the longest span before the buckets that are not over, and when for the last time.
declare
    target analytics_meta.counts;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
    columns text;
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name;
    select string_agg(quote_ident(k), ', ' order by place) into strict columns
    from analytics_meta.aggregates a,
        unnest(a.bucket_column || target.keys[:cardinality(target.keys) - 1]) with ordinality t (k, place)
    where a.rollup = target.rollup;
    execute format('delete from %I.%I', schema_name, target.recent);
    execute format('delete from %I.%I', schema_name, target.recency);
    execute format(
        'insert into %1$I.%2$I select * from %1$I.%3$I($1)', schema_name, target.recent, target.recent_rows
    ) using until_time;
    execute format(
        'insert into %1$I.%2$I select %3$s, count(*) from %1$I.%4$I group by %3$s',
        schema_name, target.recency, columns, target.recent
    );
end
$function$;

-- function recount
create or replace function analytics_meta.recount(rollup_name text, everything boolean default false) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings the trailing counts of an aggregate up to date.
declare
    marks bigint[] := array(select r.id from analytics_meta.recounts r where r.rollup = rollup_name);
    each text;
begin
    for each in select c.members from analytics_meta.counts c where c.rollup = rollup_name order by 1 loop
        perform analytics_meta.recount_members(each, everything);
    end loop;
    delete from analytics_meta.recounts r where r.id = any (marks);
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
                analytics_meta.stored_until(c.rollup), analytics_meta.bucket_start(a.width, clock_timestamp())
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

-- function forget_counts
create or replace function analytics_meta.forget_counts(rollup_name text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Takes the kept counts away: until the next recount the view computes all.
declare
    target analytics_meta.counts;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
begin
    for target in select * from analytics_meta.counts c where c.rollup = rollup_name for update loop
        execute format('delete from %I.%I', schema_name, target.counts);
        execute format('delete from %I.%I', schema_name, target.recent);
        execute format('delete from %I.%I', schema_name, target.recency);
        delete from analytics_meta.counted_buckets k where k.members = target.members;
        update analytics_meta.counts c set until = '-infinity', counted_at = null where c.members = target.members;
    end loop;
end
$function$;

-- function try_recount
create or replace function analytics_meta.try_recount(rollup_name text) returns void
language plpgsql
as $function$
begin
    perform analytics_meta.recount_due(rollup_name);
exception when others then
    raise warning 'the trailing counts of % wait: %', rollup_name, sqlerrm using errcode = 'AD001';
end
$function$;

-- record of dropped rows
select analytics_meta.start_record();

-- table analytics_daily_active_users_v1_users_counts
create table "analytics_daily_active_users_v1_users_counts" (
    "day" timestamp with time zone not null,
    "weekly_active_users" bigint not null,
    "monthly_active_users" bigint not null
);

-- table analytics_daily_active_users_v1_users_recent
create table "analytics_daily_active_users_v1_users_recent" (
    "day" timestamp with time zone not null,
    "member" uuid not null
);

-- table analytics_daily_active_users_v1_users_recency
create table "analytics_daily_active_users_v1_users_recency" (
    "day" timestamp with time zone not null,
    "member_count" bigint not null
);

-- index on analytics_daily_active_users_v1_users_counts
create index "analytics_daily_active_users_v1_users_counts_idx"
    on "analytics_daily_active_users_v1_users_counts" ("day");

-- index on analytics_daily_active_users_v1_users_recent
create index "analytics_daily_active_users_v1_users_recent_idx"
    on "analytics_daily_active_users_v1_users_recent" ("member");

-- function analytics_daily_active_users_v1_users_counted
create function "analytics_daily_active_users_v1_users_counted"(_from_time timestamptz, _to_time timestamptz)
returns setof "analytics_daily_active_users_v1_users_counts"
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
        from "analytics_daily_active_users_v1_live"
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
                    "day" as _bucket,
                    lag("day") over (partition by "member" order by "day") as _previous,
                    1 as _count
                from "analytics_daily_active_users_v1_users_live"
                where "day" > _from_time - interval '720 hours' and "day" < _to_time
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

-- function analytics_daily_active_users_v1_users_recent_rows
create function "analytics_daily_active_users_v1_users_recent_rows"(_until_time timestamptz)
returns setof "analytics_daily_active_users_v1_users_recent"
language sql stable
begin atomic
select max("day") as "day", "member"
from "analytics_daily_active_users_v1_users_live"
where "day" > _until_time - interval '720 hours' and "day" < _until_time
group by "member";
end;

-- register the counts of analytics_daily_active_users_v1_users
insert into analytics_meta.counts (members, rollup, counts, counted, recent, recent_rows, recency, keys, span)
values ('analytics_daily_active_users_v1_users',
    'analytics_daily_active_users_v1',
    'analytics_daily_active_users_v1_users_counts',
    'analytics_daily_active_users_v1_users_counted',
    'analytics_daily_active_users_v1_users_recent',
    'analytics_daily_active_users_v1_users_recent_rows',
    'analytics_daily_active_users_v1_users_recency',
    array['member'],
    interval '30 days');

-- view analytics_daily_active_users
create or replace view "analytics_daily_active_users" as
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
            from "analytics_daily_active_users_v1_live"
            where "day" >= coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1_users'), '-infinity')
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
                    from "analytics_daily_active_users_v1_users_live" as _open
                    left join "analytics_daily_active_users_v1_users_recent" as _recent
                        on _recent."member" = _open."member"
                    where _open."day" >= coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1_users'), '-infinity')
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
                    from "analytics_daily_active_users_v1_users_recency"
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
        case when _main."day" < coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1_users'), '-infinity') then coalesce((
            select _kept."weekly_active_users" from "analytics_daily_active_users_v1_users_counts" as _kept
            where _kept."day" = _main."day"
        ), (
            select count(distinct _day."member") from "analytics_daily_active_users_v1_users_live" as _day
            where _day."day" > _main."day" - interval '168 hours' and _day."day" <= _main."day"
        )) else (
            (select _found from _open_1) -> row(_main."day")::text ->> 0
        )::bigint end as "weekly_active_users",
        case when _main."day" < coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1_users'), '-infinity') then coalesce((
            select _kept."monthly_active_users" from "analytics_daily_active_users_v1_users_counts" as _kept
            where _kept."day" = _main."day"
        ), (
            select count(distinct _day."member") from "analytics_daily_active_users_v1_users_live" as _day
            where _day."day" > _main."day" - interval '720 hours' and _day."day" <= _main."day"
        )) else (
            (select _found from _open_1) -> row(_main."day")::text ->> 1
        )::bigint end as "monthly_active_users"
    from "analytics_daily_active_users_v1_live" as _main
) as _counted;

-- comment on view analytics_daily_active_users
comment on view "analytics_daily_active_users" is 'Users who did something, by day. Weekly and monthly are distinct users of the trailing 7 and 30 days. Only rows where user_id is present.';

-- comment on column analytics_daily_active_users.day
comment on column "analytics_daily_active_users"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_daily_active_users.active_users
comment on column "analytics_daily_active_users"."active_users" is 'Number of different user_id.';

-- comment on column analytics_daily_active_users.weekly_active_users
comment on column "analytics_daily_active_users"."weekly_active_users" is 'Number of different user_id over the last 1 week.';

-- comment on column analytics_daily_active_users.monthly_active_users
comment on column "analytics_daily_active_users"."monthly_active_users" is 'Number of different user_id over the last 30 days.';

-- comment on column analytics_daily_active_users.total_events
comment on column "analytics_daily_active_users"."total_events" is 'Number of rows.';
