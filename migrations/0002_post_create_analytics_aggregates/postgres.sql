-- 0002_post_create_analytics_aggregates: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: post
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: c25785939fd368f36d147ff6cd81bdc10e89be77fd30b29790ba956ebcd733db
-- why: create analytics_daily_active_users
-- why: create analytics_task_stats_daily
-- why: create analytics_api_latency_hourly
-- why: create analytics_integration_health_daily
-- why: create analytics_auth_events_daily
-- why: create analytics_cocoon_activity_daily
-- why: create analytics_errors_hourly
-- locks: none on analytics_events

-- table analytics_daily_active_users_v1
create table "analytics_daily_active_users_v1" (
    "day" timestamp with time zone not null,
    "row_count" bigint,
    "active_users" bigint,
    "total_events" bigint
);

-- index on analytics_daily_active_users_v1
create index "analytics_daily_active_users_v1_day_idx"
    on "analytics_daily_active_users_v1" ("day");

-- function analytics_daily_active_users_v1_rows
create function "analytics_daily_active_users_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_daily_active_users_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    count(*) as "row_count",
    count(distinct user_id) as "active_users",
    count(*) as "total_events"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1;
end;

-- view analytics_daily_active_users_v1_live
create or replace view "analytics_daily_active_users_v1_live" as
select
    "day",
    "row_count",
    "active_users",
    "total_events"
from "analytics_daily_active_users_v1"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_daily_active_users_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    count(*) as "row_count",
    count(distinct user_id) as "active_users",
    count(*) as "total_events"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_daily_active_users_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1;

-- table analytics_daily_active_users_v1_users
create table "analytics_daily_active_users_v1_users" (
    "day" timestamp with time zone not null,
    "member" uuid,
    "row_count" bigint
);

-- index on analytics_daily_active_users_v1_users
create index "analytics_daily_active_users_v1_users_day_idx"
    on "analytics_daily_active_users_v1_users" ("day");

-- function analytics_daily_active_users_v1_users_rows
create function "analytics_daily_active_users_v1_users_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_daily_active_users_v1_users"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    user_id as "member",
    count(*) as "row_count"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2;
end;

-- view analytics_daily_active_users_v1_users_live
create or replace view "analytics_daily_active_users_v1_users_live" as
select
    "day",
    "member",
    "row_count"
from "analytics_daily_active_users_v1_users"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_daily_active_users_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    user_id as "member",
    count(*) as "row_count"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_daily_active_users_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2;

-- watermark of analytics_daily_active_users_v1
insert into analytics_meta.rollups (rollup) values ('analytics_daily_active_users_v1') on conflict do nothing;

-- register analytics_daily_active_users_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('analytics_daily_active_users_v1', 'analytics_daily_active_users', 1,
    '[{"name": "analytics_daily_active_users_v1", "rows": "analytics_daily_active_users_v1_rows"}, {"name": "analytics_daily_active_users_v1_users", "rows": "analytics_daily_active_users_v1_users_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of analytics_daily_active_users_v1
insert into analytics_meta.backfills (relation) values ('analytics_daily_active_users_v1');

-- view analytics_daily_active_users
create or replace view "analytics_daily_active_users" as
select
    "day",
    "active_users",
    "weekly_active_users",
    "monthly_active_users",
    "total_events"
from (
    select
        "day", "row_count", "active_users", "total_events",
        _is_row,
        (sum(_step_1) over _until_here)::bigint as "weekly_active_users",
        (sum(_step_2) over _until_here)::bigint as "monthly_active_users"
    from (
        select
            "day", "row_count", "active_users", "total_events",
            true as _is_row, 0 as _step_1, 0 as _step_2
        from "analytics_daily_active_users_v1_live"
        union all
        select
            _at, null::bigint, null::bigint, null::bigint,
            false, _step_1, _step_2
        from (
            select
                _bucket,
                greatest(_bucket, _previous + interval '168 hours') as _from_1,
                greatest(_bucket, _previous + interval '720 hours') as _from_2,
                count(*) as _members
            from (
                select
                    "day" as _bucket,
                    lag("day") over (partition by "member" order by "day") as _previous
                from "analytics_daily_active_users_v1_users_live"
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

-- table analytics_task_stats_daily_v1
create table "analytics_task_stats_daily_v1" (
    "day" timestamp with time zone not null,
    "row_count" bigint,
    "created" bigint,
    "started" bigint,
    "completed" bigint,
    "failed" bigint,
    "cancelled" bigint,
    "avg_duration_ms__sum" numeric,
    "avg_duration_ms__count" bigint,
    "p95_duration_ms" double precision
);

-- index on analytics_task_stats_daily_v1
create index "analytics_task_stats_daily_v1_day_idx"
    on "analytics_task_stats_daily_v1" ("day");

-- function analytics_task_stats_daily_v1_rows
create function "analytics_task_stats_daily_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_task_stats_daily_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    count(*) as "row_count",
    count(*) filter (where event_type = 'task_created') as "created",
    count(*) filter (where event_type = 'task_started') as "started",
    count(*) filter (where event_type = 'task_completed') as "completed",
    count(*) filter (where event_type = 'task_failed') as "failed",
    count(*) filter (where event_type = 'task_cancelled') as "cancelled",
    sum(case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) filter (where event_type = 'task_completed') as "avg_duration_ms__sum",
    count(case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) filter (where event_type = 'task_completed') as "avg_duration_ms__count",
    percentile_cont(0.95) within group (order by (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end)::double precision) filter (where event_type = 'task_completed') as "p95_duration_ms"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('task_created', 'task_started', 'task_completed', 'task_failed', 'task_cancelled')
group by 1;
end;

-- view analytics_task_stats_daily_v1_live
create or replace view "analytics_task_stats_daily_v1_live" as
select
    "day",
    "row_count",
    "created",
    "started",
    "completed",
    "failed",
    "cancelled",
    "avg_duration_ms__sum",
    "avg_duration_ms__count",
    "p95_duration_ms"
from "analytics_task_stats_daily_v1"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_task_stats_daily_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    count(*) as "row_count",
    count(*) filter (where event_type = 'task_created') as "created",
    count(*) filter (where event_type = 'task_started') as "started",
    count(*) filter (where event_type = 'task_completed') as "completed",
    count(*) filter (where event_type = 'task_failed') as "failed",
    count(*) filter (where event_type = 'task_cancelled') as "cancelled",
    sum(case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) filter (where event_type = 'task_completed') as "avg_duration_ms__sum",
    count(case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) filter (where event_type = 'task_completed') as "avg_duration_ms__count",
    percentile_cont(0.95) within group (order by (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end)::double precision) filter (where event_type = 'task_completed') as "p95_duration_ms"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_task_stats_daily_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('task_created', 'task_started', 'task_completed', 'task_failed', 'task_cancelled')
group by 1;

-- table analytics_task_stats_daily_v1_distribution
create table "analytics_task_stats_daily_v1_distribution" (
    "day" timestamp with time zone not null,
    "sign" integer,
    "magnitude" integer,
    "row_count" bigint
);

-- index on analytics_task_stats_daily_v1_distribution
create index "analytics_task_stats_daily_v1_distribution_day_idx"
    on "analytics_task_stats_daily_v1_distribution" ("day");

-- function analytics_task_stats_daily_v1_distribution_rows
create function "analytics_task_stats_daily_v1_distribution_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_task_stats_daily_v1_distribution"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    sign((case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end))::integer as "sign",
    case when (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) <> 0 then ceil(ln(abs((case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end)::double precision)) / ln(1.02::double precision))::integer end as "magnitude",
    count(*) as "row_count"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('task_created', 'task_started', 'task_completed', 'task_failed', 'task_cancelled')
    and event_type = 'task_completed'
    and (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) is not null
group by 1, 2, 3;
end;

-- view analytics_task_stats_daily_v1_distribution_live
create or replace view "analytics_task_stats_daily_v1_distribution_live" as
select
    "day",
    "sign",
    "magnitude",
    "row_count"
from "analytics_task_stats_daily_v1_distribution"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_task_stats_daily_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    sign((case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end))::integer as "sign",
    case when (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) <> 0 then ceil(ln(abs((case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end)::double precision)) / ln(1.02::double precision))::integer end as "magnitude",
    count(*) as "row_count"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_task_stats_daily_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('task_created', 'task_started', 'task_completed', 'task_failed', 'task_cancelled')
    and event_type = 'task_completed'
    and (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) is not null
group by 1, 2, 3;

-- watermark of analytics_task_stats_daily_v1
insert into analytics_meta.rollups (rollup) values ('analytics_task_stats_daily_v1') on conflict do nothing;

-- register analytics_task_stats_daily_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('analytics_task_stats_daily_v1', 'analytics_task_stats_daily', 1,
    '[{"name": "analytics_task_stats_daily_v1", "rows": "analytics_task_stats_daily_v1_rows"}, {"name": "analytics_task_stats_daily_v1_distribution", "rows": "analytics_task_stats_daily_v1_distribution_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of analytics_task_stats_daily_v1
insert into analytics_meta.backfills (relation) values ('analytics_task_stats_daily_v1');

-- view analytics_task_stats_daily
create or replace view "analytics_task_stats_daily" as
select
    "day",
    "created",
    "started",
    "completed",
    "failed",
    "cancelled",
    ("avg_duration_ms__sum" / nullif("avg_duration_ms__count", 0))::double precision as "avg_duration_ms",
    "p95_duration_ms",
    ("completed")::double precision / nullif("completed" + "failed", 0) as "success_rate"
from "analytics_task_stats_daily_v1_live";

-- view analytics_task_stats_daily_distribution
create or replace view "analytics_task_stats_daily_distribution" as
select
    "day",
    array['p95_duration_ms']::text[] as "measures",
    case "sign" when 0 then 0 when 1 then power(1.02::double precision, "magnitude" - 1) else -power(1.02::double precision, "magnitude") end as "lower_bound",
    case "sign" when 0 then 0 when 1 then power(1.02::double precision, "magnitude") else -power(1.02::double precision, "magnitude" - 1) end as "upper_bound",
    case "sign" when 0 then 0 else "sign" * power(1.02::double precision, "magnitude") * 0.9900990099009901 end as "estimate",
    "row_count" as "row_count"
from "analytics_task_stats_daily_v1_distribution_live";

-- table analytics_api_latency_hourly_v1
create table "analytics_api_latency_hourly_v1" (
    "hour" timestamp with time zone not null,
    "service" text,
    "endpoint" text,
    "method" text,
    "row_count" bigint,
    "request_count" bigint,
    "avg_duration_ms__sum" numeric,
    "avg_duration_ms__count" bigint,
    "p50_duration_ms" double precision,
    "p95_duration_ms" double precision,
    "p99_duration_ms" double precision,
    "error_4xx_count" bigint,
    "error_5xx_count" bigint
);

-- index on analytics_api_latency_hourly_v1
create index "analytics_api_latency_hourly_v1_hour_idx"
    on "analytics_api_latency_hourly_v1" ("hour");

-- function analytics_api_latency_hourly_v1_rows
create function "analytics_api_latency_hourly_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_api_latency_hourly_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 hour', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "hour",
    service as "service",
    case when jsonb_typeof(data -> 'endpoint') = 'string' then data ->> 'endpoint' end as "endpoint",
    case when jsonb_typeof(data -> 'method') = 'string' then data ->> 'method' end as "method",
    count(*) as "row_count",
    count(*) as "request_count",
    sum(case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) as "avg_duration_ms__sum",
    count(case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) as "avg_duration_ms__count",
    percentile_cont(0.5) within group (order by (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end)::double precision) as "p50_duration_ms",
    percentile_cont(0.95) within group (order by (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end)::double precision) as "p95_duration_ms",
    percentile_cont(0.99) within group (order by (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end)::double precision) as "p99_duration_ms",
    count(*) filter (where (case when jsonb_typeof(data -> 'status_code') = 'number' then
        case when abs((data -> 'status_code')::numeric) < 9223372036854775808 and (data -> 'status_code')::numeric % 1 = 0 then (data -> 'status_code')::bigint end
    end) >= 400 and (case when jsonb_typeof(data -> 'status_code') = 'number' then
        case when abs((data -> 'status_code')::numeric) < 9223372036854775808 and (data -> 'status_code')::numeric % 1 = 0 then (data -> 'status_code')::bigint end
    end) < 500) as "error_4xx_count",
    count(*) filter (where (case when jsonb_typeof(data -> 'status_code') = 'number' then
        case when abs((data -> 'status_code')::numeric) < 9223372036854775808 and (data -> 'status_code')::numeric % 1 = 0 then (data -> 'status_code')::bigint end
    end) >= 500 and (case when jsonb_typeof(data -> 'status_code') = 'number' then
        case when abs((data -> 'status_code')::numeric) < 9223372036854775808 and (data -> 'status_code')::numeric % 1 = 0 then (data -> 'status_code')::bigint end
    end) < 600) as "error_5xx_count"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('api_request')
group by 1, 2, 3, 4;
end;

-- view analytics_api_latency_hourly_v1_live
create or replace view "analytics_api_latency_hourly_v1_live" as
select
    "hour",
    "service",
    "endpoint",
    "method",
    "row_count",
    "request_count",
    "avg_duration_ms__sum",
    "avg_duration_ms__count",
    "p50_duration_ms",
    "p95_duration_ms",
    "p99_duration_ms",
    "error_4xx_count",
    "error_5xx_count"
from "analytics_api_latency_hourly_v1"
where "hour" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_api_latency_hourly_v1'), '-infinity')
union all
select
    date_bin(interval '1 hour', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "hour",
    service as "service",
    case when jsonb_typeof(data -> 'endpoint') = 'string' then data ->> 'endpoint' end as "endpoint",
    case when jsonb_typeof(data -> 'method') = 'string' then data ->> 'method' end as "method",
    count(*) as "row_count",
    count(*) as "request_count",
    sum(case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) as "avg_duration_ms__sum",
    count(case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) as "avg_duration_ms__count",
    percentile_cont(0.5) within group (order by (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end)::double precision) as "p50_duration_ms",
    percentile_cont(0.95) within group (order by (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end)::double precision) as "p95_duration_ms",
    percentile_cont(0.99) within group (order by (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end)::double precision) as "p99_duration_ms",
    count(*) filter (where (case when jsonb_typeof(data -> 'status_code') = 'number' then
        case when abs((data -> 'status_code')::numeric) < 9223372036854775808 and (data -> 'status_code')::numeric % 1 = 0 then (data -> 'status_code')::bigint end
    end) >= 400 and (case when jsonb_typeof(data -> 'status_code') = 'number' then
        case when abs((data -> 'status_code')::numeric) < 9223372036854775808 and (data -> 'status_code')::numeric % 1 = 0 then (data -> 'status_code')::bigint end
    end) < 500) as "error_4xx_count",
    count(*) filter (where (case when jsonb_typeof(data -> 'status_code') = 'number' then
        case when abs((data -> 'status_code')::numeric) < 9223372036854775808 and (data -> 'status_code')::numeric % 1 = 0 then (data -> 'status_code')::bigint end
    end) >= 500 and (case when jsonb_typeof(data -> 'status_code') = 'number' then
        case when abs((data -> 'status_code')::numeric) < 9223372036854775808 and (data -> 'status_code')::numeric % 1 = 0 then (data -> 'status_code')::bigint end
    end) < 600) as "error_5xx_count"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_api_latency_hourly_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('api_request')
group by 1, 2, 3, 4;

-- table analytics_api_latency_hourly_v1_distribution
create table "analytics_api_latency_hourly_v1_distribution" (
    "hour" timestamp with time zone not null,
    "service" text,
    "endpoint" text,
    "method" text,
    "sign" integer,
    "magnitude" integer,
    "row_count" bigint
);

-- index on analytics_api_latency_hourly_v1_distribution
create index "analytics_api_latency_hourly_v1_distribution_hour_idx"
    on "analytics_api_latency_hourly_v1_distribution" ("hour");

-- function analytics_api_latency_hourly_v1_distribution_rows
create function "analytics_api_latency_hourly_v1_distribution_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_api_latency_hourly_v1_distribution"
language sql stable
begin atomic
select
    date_bin(interval '1 hour', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "hour",
    service as "service",
    case when jsonb_typeof(data -> 'endpoint') = 'string' then data ->> 'endpoint' end as "endpoint",
    case when jsonb_typeof(data -> 'method') = 'string' then data ->> 'method' end as "method",
    sign((case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end))::integer as "sign",
    case when (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) <> 0 then ceil(ln(abs((case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end)::double precision)) / ln(1.02::double precision))::integer end as "magnitude",
    count(*) as "row_count"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('api_request')
    and (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) is not null
group by 1, 2, 3, 4, 5, 6;
end;

-- view analytics_api_latency_hourly_v1_distribution_live
create or replace view "analytics_api_latency_hourly_v1_distribution_live" as
select
    "hour",
    "service",
    "endpoint",
    "method",
    "sign",
    "magnitude",
    "row_count"
from "analytics_api_latency_hourly_v1_distribution"
where "hour" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_api_latency_hourly_v1'), '-infinity')
union all
select
    date_bin(interval '1 hour', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "hour",
    service as "service",
    case when jsonb_typeof(data -> 'endpoint') = 'string' then data ->> 'endpoint' end as "endpoint",
    case when jsonb_typeof(data -> 'method') = 'string' then data ->> 'method' end as "method",
    sign((case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end))::integer as "sign",
    case when (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) <> 0 then ceil(ln(abs((case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end)::double precision)) / ln(1.02::double precision))::integer end as "magnitude",
    count(*) as "row_count"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_api_latency_hourly_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('api_request')
    and (case when jsonb_typeof(data -> 'duration_ms') = 'number' then
        case when abs((data -> 'duration_ms')::numeric) < 9223372036854775808 and (data -> 'duration_ms')::numeric % 1 = 0 then (data -> 'duration_ms')::bigint end
    end) is not null
group by 1, 2, 3, 4, 5, 6;

-- watermark of analytics_api_latency_hourly_v1
insert into analytics_meta.rollups (rollup) values ('analytics_api_latency_hourly_v1') on conflict do nothing;

-- register analytics_api_latency_hourly_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('analytics_api_latency_hourly_v1', 'analytics_api_latency_hourly', 1,
    '[{"name": "analytics_api_latency_hourly_v1", "rows": "analytics_api_latency_hourly_v1_rows"}, {"name": "analytics_api_latency_hourly_v1_distribution", "rows": "analytics_api_latency_hourly_v1_distribution_rows"}]',
    'hour', interval '1 hours',
    interval '15 minutes', interval '6 hours', interval '15 minutes');

-- backfill of analytics_api_latency_hourly_v1
insert into analytics_meta.backfills (relation) values ('analytics_api_latency_hourly_v1');

-- view analytics_api_latency_hourly
create or replace view "analytics_api_latency_hourly" as
select
    "hour",
    "service",
    "endpoint",
    "method",
    "request_count",
    ("avg_duration_ms__sum" / nullif("avg_duration_ms__count", 0))::double precision as "avg_duration_ms",
    "p50_duration_ms",
    "p95_duration_ms",
    "p99_duration_ms",
    "error_4xx_count",
    "error_5xx_count"
from "analytics_api_latency_hourly_v1_live";

-- view analytics_api_latency_hourly_distribution
create or replace view "analytics_api_latency_hourly_distribution" as
select
    "hour",
    "service",
    "endpoint",
    "method",
    array['p50_duration_ms', 'p95_duration_ms', 'p99_duration_ms']::text[] as "measures",
    case "sign" when 0 then 0 when 1 then power(1.02::double precision, "magnitude" - 1) else -power(1.02::double precision, "magnitude") end as "lower_bound",
    case "sign" when 0 then 0 when 1 then power(1.02::double precision, "magnitude") else -power(1.02::double precision, "magnitude" - 1) end as "upper_bound",
    case "sign" when 0 then 0 else "sign" * power(1.02::double precision, "magnitude") * 0.9900990099009901 end as "estimate",
    "row_count" as "row_count"
from "analytics_api_latency_hourly_v1_distribution_live";

-- table analytics_integration_health_daily_v1
create table "analytics_integration_health_daily_v1" (
    "day" timestamp with time zone not null,
    "provider" text,
    "row_count" bigint,
    "connections" bigint,
    "disconnections" bigint,
    "uses" bigint,
    "errors" bigint,
    "unique_users" bigint
);

-- index on analytics_integration_health_daily_v1
create index "analytics_integration_health_daily_v1_day_idx"
    on "analytics_integration_health_daily_v1" ("day");

-- function analytics_integration_health_daily_v1_rows
create function "analytics_integration_health_daily_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_integration_health_daily_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    case when jsonb_typeof(data -> 'provider') = 'string' then data ->> 'provider' end as "provider",
    count(*) as "row_count",
    count(*) filter (where event_type = 'integration_connected') as "connections",
    count(*) filter (where event_type = 'integration_disconnected') as "disconnections",
    count(*) filter (where event_type = 'integration_used') as "uses",
    count(*) filter (where event_type = 'integration_error') as "errors",
    count(distinct user_id) as "unique_users"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('integration_connected', 'integration_disconnected', 'integration_used', 'integration_error')
group by 1, 2;
end;

-- view analytics_integration_health_daily_v1_live
create or replace view "analytics_integration_health_daily_v1_live" as
select
    "day",
    "provider",
    "row_count",
    "connections",
    "disconnections",
    "uses",
    "errors",
    "unique_users"
from "analytics_integration_health_daily_v1"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_integration_health_daily_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    case when jsonb_typeof(data -> 'provider') = 'string' then data ->> 'provider' end as "provider",
    count(*) as "row_count",
    count(*) filter (where event_type = 'integration_connected') as "connections",
    count(*) filter (where event_type = 'integration_disconnected') as "disconnections",
    count(*) filter (where event_type = 'integration_used') as "uses",
    count(*) filter (where event_type = 'integration_error') as "errors",
    count(distinct user_id) as "unique_users"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_integration_health_daily_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('integration_connected', 'integration_disconnected', 'integration_used', 'integration_error')
group by 1, 2;

-- watermark of analytics_integration_health_daily_v1
insert into analytics_meta.rollups (rollup) values ('analytics_integration_health_daily_v1') on conflict do nothing;

-- register analytics_integration_health_daily_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('analytics_integration_health_daily_v1', 'analytics_integration_health_daily', 1,
    '[{"name": "analytics_integration_health_daily_v1", "rows": "analytics_integration_health_daily_v1_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of analytics_integration_health_daily_v1
insert into analytics_meta.backfills (relation) values ('analytics_integration_health_daily_v1');

-- view analytics_integration_health_daily
create or replace view "analytics_integration_health_daily" as
select
    "day",
    "provider",
    "connections",
    "disconnections",
    "uses",
    "errors",
    "unique_users"
from "analytics_integration_health_daily_v1_live";

-- table analytics_auth_events_daily_v1
create table "analytics_auth_events_daily_v1" (
    "day" timestamp with time zone not null,
    "row_count" bigint,
    "login_attempts" bigint,
    "successful_logins" bigint,
    "failed_logins" bigint,
    "code_verifications" bigint,
    "token_refreshes" bigint,
    "unique_users_authenticated" bigint
);

-- index on analytics_auth_events_daily_v1
create index "analytics_auth_events_daily_v1_day_idx"
    on "analytics_auth_events_daily_v1" ("day");

-- function analytics_auth_events_daily_v1_rows
create function "analytics_auth_events_daily_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_auth_events_daily_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    count(*) as "row_count",
    count(*) filter (where event_type = 'auth_login_attempt') as "login_attempts",
    count(*) filter (where event_type = 'auth_login_attempt' and (case when jsonb_typeof(data -> 'success') = 'boolean' then (data -> 'success')::boolean end) = true) as "successful_logins",
    count(*) filter (where event_type = 'auth_login_attempt' and (case when jsonb_typeof(data -> 'success') = 'boolean' then (data -> 'success')::boolean end) = false) as "failed_logins",
    count(*) filter (where event_type = 'auth_code_verified') as "code_verifications",
    count(*) filter (where event_type = 'auth_token_refresh') as "token_refreshes",
    count(distinct user_id) filter (where (case when jsonb_typeof(data -> 'success') = 'boolean' then (data -> 'success')::boolean end) = true) as "unique_users_authenticated"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('auth_login_attempt', 'auth_code_verified', 'auth_token_refresh')
group by 1;
end;

-- view analytics_auth_events_daily_v1_live
create or replace view "analytics_auth_events_daily_v1_live" as
select
    "day",
    "row_count",
    "login_attempts",
    "successful_logins",
    "failed_logins",
    "code_verifications",
    "token_refreshes",
    "unique_users_authenticated"
from "analytics_auth_events_daily_v1"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_auth_events_daily_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    count(*) as "row_count",
    count(*) filter (where event_type = 'auth_login_attempt') as "login_attempts",
    count(*) filter (where event_type = 'auth_login_attempt' and (case when jsonb_typeof(data -> 'success') = 'boolean' then (data -> 'success')::boolean end) = true) as "successful_logins",
    count(*) filter (where event_type = 'auth_login_attempt' and (case when jsonb_typeof(data -> 'success') = 'boolean' then (data -> 'success')::boolean end) = false) as "failed_logins",
    count(*) filter (where event_type = 'auth_code_verified') as "code_verifications",
    count(*) filter (where event_type = 'auth_token_refresh') as "token_refreshes",
    count(distinct user_id) filter (where (case when jsonb_typeof(data -> 'success') = 'boolean' then (data -> 'success')::boolean end) = true) as "unique_users_authenticated"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_auth_events_daily_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('auth_login_attempt', 'auth_code_verified', 'auth_token_refresh')
group by 1;

-- watermark of analytics_auth_events_daily_v1
insert into analytics_meta.rollups (rollup) values ('analytics_auth_events_daily_v1') on conflict do nothing;

-- register analytics_auth_events_daily_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('analytics_auth_events_daily_v1', 'analytics_auth_events_daily', 1,
    '[{"name": "analytics_auth_events_daily_v1", "rows": "analytics_auth_events_daily_v1_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of analytics_auth_events_daily_v1
insert into analytics_meta.backfills (relation) values ('analytics_auth_events_daily_v1');

-- view analytics_auth_events_daily
create or replace view "analytics_auth_events_daily" as
select
    "day",
    "login_attempts",
    "successful_logins",
    "failed_logins",
    "code_verifications",
    "token_refreshes",
    "unique_users_authenticated"
from "analytics_auth_events_daily_v1_live";

-- table analytics_cocoon_activity_daily_v1
create table "analytics_cocoon_activity_daily_v1" (
    "day" timestamp with time zone not null,
    "row_count" bigint,
    "registrations" bigint,
    "connections" bigint,
    "disconnections" bigint,
    "claims" bigint,
    "avg_session_duration_seconds__sum" numeric,
    "avg_session_duration_seconds__count" bigint,
    "unique_cocoons" bigint
);

-- index on analytics_cocoon_activity_daily_v1
create index "analytics_cocoon_activity_daily_v1_day_idx"
    on "analytics_cocoon_activity_daily_v1" ("day");

-- function analytics_cocoon_activity_daily_v1_rows
create function "analytics_cocoon_activity_daily_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_cocoon_activity_daily_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    count(*) as "row_count",
    count(*) filter (where event_type = 'cocoon_registered') as "registrations",
    count(*) filter (where event_type = 'cocoon_connected') as "connections",
    count(*) filter (where event_type = 'cocoon_disconnected') as "disconnections",
    count(*) filter (where event_type = 'cocoon_claimed') as "claims",
    sum(case when jsonb_typeof(data -> 'duration_seconds') = 'number' then
        case when abs((data -> 'duration_seconds')::numeric) < 9223372036854775808 and (data -> 'duration_seconds')::numeric % 1 = 0 then (data -> 'duration_seconds')::bigint end
    end) filter (where event_type = 'cocoon_disconnected') as "avg_session_duration_seconds__sum",
    count(case when jsonb_typeof(data -> 'duration_seconds') = 'number' then
        case when abs((data -> 'duration_seconds')::numeric) < 9223372036854775808 and (data -> 'duration_seconds')::numeric % 1 = 0 then (data -> 'duration_seconds')::bigint end
    end) filter (where event_type = 'cocoon_disconnected') as "avg_session_duration_seconds__count",
    count(distinct case when jsonb_typeof(data -> 'cocoon_id') = 'string' then
        case when data ->> 'cocoon_id' ~ '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$' then (data ->> 'cocoon_id')::uuid end
    end) as "unique_cocoons"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('cocoon_registered', 'cocoon_connected', 'cocoon_disconnected', 'cocoon_claimed')
group by 1;
end;

-- view analytics_cocoon_activity_daily_v1_live
create or replace view "analytics_cocoon_activity_daily_v1_live" as
select
    "day",
    "row_count",
    "registrations",
    "connections",
    "disconnections",
    "claims",
    "avg_session_duration_seconds__sum",
    "avg_session_duration_seconds__count",
    "unique_cocoons"
from "analytics_cocoon_activity_daily_v1"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_cocoon_activity_daily_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    count(*) as "row_count",
    count(*) filter (where event_type = 'cocoon_registered') as "registrations",
    count(*) filter (where event_type = 'cocoon_connected') as "connections",
    count(*) filter (where event_type = 'cocoon_disconnected') as "disconnections",
    count(*) filter (where event_type = 'cocoon_claimed') as "claims",
    sum(case when jsonb_typeof(data -> 'duration_seconds') = 'number' then
        case when abs((data -> 'duration_seconds')::numeric) < 9223372036854775808 and (data -> 'duration_seconds')::numeric % 1 = 0 then (data -> 'duration_seconds')::bigint end
    end) filter (where event_type = 'cocoon_disconnected') as "avg_session_duration_seconds__sum",
    count(case when jsonb_typeof(data -> 'duration_seconds') = 'number' then
        case when abs((data -> 'duration_seconds')::numeric) < 9223372036854775808 and (data -> 'duration_seconds')::numeric % 1 = 0 then (data -> 'duration_seconds')::bigint end
    end) filter (where event_type = 'cocoon_disconnected') as "avg_session_duration_seconds__count",
    count(distinct case when jsonb_typeof(data -> 'cocoon_id') = 'string' then
        case when data ->> 'cocoon_id' ~ '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$' then (data ->> 'cocoon_id')::uuid end
    end) as "unique_cocoons"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_cocoon_activity_daily_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('cocoon_registered', 'cocoon_connected', 'cocoon_disconnected', 'cocoon_claimed')
group by 1;

-- watermark of analytics_cocoon_activity_daily_v1
insert into analytics_meta.rollups (rollup) values ('analytics_cocoon_activity_daily_v1') on conflict do nothing;

-- register analytics_cocoon_activity_daily_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('analytics_cocoon_activity_daily_v1', 'analytics_cocoon_activity_daily', 1,
    '[{"name": "analytics_cocoon_activity_daily_v1", "rows": "analytics_cocoon_activity_daily_v1_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of analytics_cocoon_activity_daily_v1
insert into analytics_meta.backfills (relation) values ('analytics_cocoon_activity_daily_v1');

-- view analytics_cocoon_activity_daily
create or replace view "analytics_cocoon_activity_daily" as
select
    "day",
    "registrations",
    "connections",
    "disconnections",
    "claims",
    ("avg_session_duration_seconds__sum" / nullif("avg_session_duration_seconds__count", 0))::double precision as "avg_session_duration_seconds",
    "unique_cocoons"
from "analytics_cocoon_activity_daily_v1_live";

-- table analytics_errors_hourly_v1
create table "analytics_errors_hourly_v1" (
    "hour" timestamp with time zone not null,
    "service" text,
    "error_type" text,
    "row_count" bigint,
    "error_count" bigint,
    "affected_users" bigint,
    "sample_error_message" text
);

-- index on analytics_errors_hourly_v1
create index "analytics_errors_hourly_v1_hour_idx"
    on "analytics_errors_hourly_v1" ("hour");

-- function analytics_errors_hourly_v1_rows
create function "analytics_errors_hourly_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_errors_hourly_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 hour', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "hour",
    service as "service",
    case when jsonb_typeof(data -> 'error_type') = 'string' then data ->> 'error_type' end as "error_type",
    count(*) as "row_count",
    count(*) as "error_count",
    count(distinct user_id) as "affected_users",
    (min(array[lpad((extract(epoch from "timestamp" at time zone 'UTC') * 1000000)::bigint::text, 18, '0'), event_id::text, data ->> 'error_message'] collate "C") filter (where (case when jsonb_typeof(data -> 'error_message') = 'string' then data ->> 'error_message' end) is not null))[3] as "sample_error_message"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('application_error')
group by 1, 2, 3;
end;

-- view analytics_errors_hourly_v1_live
create or replace view "analytics_errors_hourly_v1_live" as
select
    "hour",
    "service",
    "error_type",
    "row_count",
    "error_count",
    "affected_users",
    "sample_error_message"
from "analytics_errors_hourly_v1"
where "hour" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_errors_hourly_v1'), '-infinity')
union all
select
    date_bin(interval '1 hour', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "hour",
    service as "service",
    case when jsonb_typeof(data -> 'error_type') = 'string' then data ->> 'error_type' end as "error_type",
    count(*) as "row_count",
    count(*) as "error_count",
    count(distinct user_id) as "affected_users",
    (min(array[lpad((extract(epoch from "timestamp" at time zone 'UTC') * 1000000)::bigint::text, 18, '0'), event_id::text, data ->> 'error_message'] collate "C") filter (where (case when jsonb_typeof(data -> 'error_message') = 'string' then data ->> 'error_message' end) is not null))[3] as "sample_error_message"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_errors_hourly_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('application_error')
group by 1, 2, 3;

-- watermark of analytics_errors_hourly_v1
insert into analytics_meta.rollups (rollup) values ('analytics_errors_hourly_v1') on conflict do nothing;

-- register analytics_errors_hourly_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('analytics_errors_hourly_v1', 'analytics_errors_hourly', 1,
    '[{"name": "analytics_errors_hourly_v1", "rows": "analytics_errors_hourly_v1_rows"}]',
    'hour', interval '1 hours',
    interval '15 minutes', interval '6 hours', interval '15 minutes');

-- backfill of analytics_errors_hourly_v1
insert into analytics_meta.backfills (relation) values ('analytics_errors_hourly_v1');

-- view analytics_errors_hourly
create or replace view "analytics_errors_hourly" as
select
    "hour",
    "service",
    "error_type",
    "error_count",
    "affected_users",
    "sample_error_message"
from "analytics_errors_hourly_v1_live";
