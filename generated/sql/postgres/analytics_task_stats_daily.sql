-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Tasks by day.

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

-- comment on view analytics_task_stats_daily
comment on view "analytics_task_stats_daily" is 'Tasks by day.';

-- comment on column analytics_task_stats_daily.day
comment on column "analytics_task_stats_daily"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_task_stats_daily.created
comment on column "analytics_task_stats_daily"."created" is 'Number of rows where event = task_created.';

-- comment on column analytics_task_stats_daily.started
comment on column "analytics_task_stats_daily"."started" is 'Number of rows where event = task_started.';

-- comment on column analytics_task_stats_daily.completed
comment on column "analytics_task_stats_daily"."completed" is 'Number of rows where event = task_completed.';

-- comment on column analytics_task_stats_daily.failed
comment on column "analytics_task_stats_daily"."failed" is 'Number of rows where event = task_failed.';

-- comment on column analytics_task_stats_daily.cancelled
comment on column "analytics_task_stats_daily"."cancelled" is 'Number of rows where event = task_cancelled.';

-- comment on column analytics_task_stats_daily.avg_duration_ms
comment on column "analytics_task_stats_daily"."avg_duration_ms" is 'Average of duration_ms where event = task_completed. Unit: ms.';

-- comment on column analytics_task_stats_daily.p95_duration_ms
comment on column "analytics_task_stats_daily"."p95_duration_ms" is 'Percentile 0.95 of duration_ms where event = task_completed. Unit: ms.';

-- comment on column analytics_task_stats_daily.success_rate
comment on column "analytics_task_stats_daily"."success_rate" is '(completed) / (completed + failed); null when the divisor is 0.';

-- comment on view analytics_task_stats_daily_distribution
comment on view "analytics_task_stats_daily_distribution" is 'Values behind the percentiles of analytics_task_stats_daily, counted by size class.';

-- comment on column analytics_task_stats_daily_distribution.day
comment on column "analytics_task_stats_daily_distribution"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_task_stats_daily_distribution.measures
comment on column "analytics_task_stats_daily_distribution"."measures" is 'Percentiles that read these values.';

-- comment on column analytics_task_stats_daily_distribution.lower_bound
comment on column "analytics_task_stats_daily_distribution"."lower_bound" is 'Lower bound of the size class.';

-- comment on column analytics_task_stats_daily_distribution.upper_bound
comment on column "analytics_task_stats_daily_distribution"."upper_bound" is 'Upper bound of the size class.';

-- comment on column analytics_task_stats_daily_distribution.estimate
comment on column "analytics_task_stats_daily_distribution"."estimate" is 'Value to use for all values of the size class; wrong by less than 1 %.';

-- comment on column analytics_task_stats_daily_distribution.row_count
comment on column "analytics_task_stats_daily_distribution"."row_count" is 'Number of values in the size class.';
