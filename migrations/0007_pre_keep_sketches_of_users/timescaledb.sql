-- 0007_pre_keep_sketches_of_users: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: d2c11a7ee98a0ca3218bd26049d6878d97ed71bcc4d93f84eaafbb1d4e39b586
-- why: create version 1 of analytics_daily_active_users beside version 1
-- locks: SHARE ROW EXCLUSIVE on analytics_events and its chunks (writers wait)

-- continuous aggregate analytics_daily_active_users_v1r2
create materialized view "analytics_daily_active_users_v1r2"
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as
select
    time_bucket(interval '1 day', "timestamp") as "day",
    count(*) as "row_count",
    count(distinct user_id) as "active_users",
    count(*) as "total_events"
from "analytics_events"
where "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1
with no data;

-- view analytics_daily_active_users_v1r2_live
create or replace view "analytics_daily_active_users_v1r2_live" as
select
    "day",
    "row_count",
    "active_users",
    "total_events"
from "analytics_daily_active_users_v1r2";

-- continuous aggregate analytics_daily_active_users_v1r2_users
create materialized view "analytics_daily_active_users_v1r2_users"
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as
select
    time_bucket(interval '1 day', "timestamp") as "day",
    user_id as "member",
    count(*) as "row_count"
from "analytics_events"
where "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2
with no data;

-- view analytics_daily_active_users_v1r2_users_live
create or replace view "analytics_daily_active_users_v1r2_users_live" as
select
    "day",
    "member",
    "row_count"
from "analytics_daily_active_users_v1r2_users";

-- continuous aggregate analytics_daily_active_users_v1r2_sketch
create materialized view "analytics_daily_active_users_v1r2_sketch"
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as
select
    time_bucket(interval '1 day', "timestamp") as "day",
    ('x' || substr(md5((user_id)::text), 1, 3))::bit(12)::integer::smallint as "register",
    max(coalesce(nullif(position(B'1' in ('x' || substr(md5((user_id)::text), 4, 13))::bit(52)), 0), 53)::smallint) as "rho"
from "analytics_events"
where "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2
with no data;

-- view analytics_daily_active_users_v1r2_sketch_live
create or replace view "analytics_daily_active_users_v1r2_sketch_live" as
select
    "day",
    "register",
    "rho"
from "analytics_daily_active_users_v1r2_sketch";

-- table analytics_daily_active_users_v1r2_users_counts
create table "analytics_daily_active_users_v1r2_users_counts" (
    "day" timestamp with time zone not null,
    "weekly_active_users" bigint not null,
    "monthly_active_users" bigint not null
);

-- table analytics_daily_active_users_v1r2_users_recent
create table "analytics_daily_active_users_v1r2_users_recent" (
    "day" timestamp with time zone not null,
    "member" uuid not null
);

-- table analytics_daily_active_users_v1r2_users_recency
create table "analytics_daily_active_users_v1r2_users_recency" (
    "day" timestamp with time zone not null,
    "member_count" bigint not null
);

-- index on analytics_daily_active_users_v1r2_users_counts
create index "analytics_daily_active_users_v1r2_users_counts_idx"
    on "analytics_daily_active_users_v1r2_users_counts" ("day");

-- index on analytics_daily_active_users_v1r2_users_recent
create index "analytics_daily_active_users_v1r2_users_recent_idx"
    on "analytics_daily_active_users_v1r2_users_recent" ("member");

-- function analytics_daily_active_users_v1r2_users_counted
create function "analytics_daily_active_users_v1r2_users_counted"(_from_time timestamptz, _to_time timestamptz)
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
                    "day" as _bucket,
                    lag("day") over (partition by "member" order by "day") as _previous,
                    1 as _count
                from "analytics_daily_active_users_v1r2_users_live"
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

-- function analytics_daily_active_users_v1r2_users_recent_rows
create function "analytics_daily_active_users_v1r2_users_recent_rows"(_until_time timestamptz)
returns setof "analytics_daily_active_users_v1r2_users_recent"
language sql stable
begin atomic
select max("day") as "day", "member"
from "analytics_daily_active_users_v1r2_users_live"
where "day" > _until_time - interval '720 hours' and "day" < _until_time
group by "member";
end;

-- register the counts of analytics_daily_active_users_v1r2_users
insert into analytics_meta.counts (members, rollup, counts, counted, recent, recent_rows, recency, keys, span)
values ('analytics_daily_active_users_v1r2_users',
    'analytics_daily_active_users_v1r2',
    'analytics_daily_active_users_v1r2_users_counts',
    'analytics_daily_active_users_v1r2_users_counted',
    'analytics_daily_active_users_v1r2_users_recent',
    'analytics_daily_active_users_v1r2_users_recent_rows',
    'analytics_daily_active_users_v1r2_users_recency',
    array['member'],
    interval '30 days');

-- refresh policy of analytics_daily_active_users_v1r2
select add_continuous_aggregate_policy(
    '"analytics_daily_active_users_v1r2"'::regclass,
    start_offset => interval '3 days',
    end_offset => interval '1 hour',
    schedule_interval => interval '1 hour'
);

-- refresh policy of analytics_daily_active_users_v1r2_users
select add_continuous_aggregate_policy(
    '"analytics_daily_active_users_v1r2_users"'::regclass,
    start_offset => interval '3 days',
    end_offset => interval '1 hour',
    schedule_interval => interval '1 hour'
);

-- refresh policy of analytics_daily_active_users_v1r2_sketch
select add_continuous_aggregate_policy(
    '"analytics_daily_active_users_v1r2_sketch"'::regclass,
    start_offset => interval '3 days',
    end_offset => interval '1 hour',
    schedule_interval => interval '1 hour'
);

-- register analytics_daily_active_users_v1r2
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('analytics_daily_active_users_v1r2', 'analytics_daily_active_users', 1,
    '[{"name": "analytics_daily_active_users_v1r2", "rows": "analytics_daily_active_users_v1r2_rows"}, {"name": "analytics_daily_active_users_v1r2_users", "rows": "analytics_daily_active_users_v1r2_users_rows"}, {"name": "analytics_daily_active_users_v1r2_sketch", "rows": "analytics_daily_active_users_v1r2_sketch_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of analytics_daily_active_users_v1r2
insert into analytics_meta.backfills (relation) values ('analytics_daily_active_users_v1r2');
