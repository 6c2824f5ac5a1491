-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- API requests and their latency by hour, service, endpoint and method.

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

-- comment on view analytics_api_latency_hourly
comment on view "analytics_api_latency_hourly" is 'API requests and their latency by hour, service, endpoint and method.';

-- comment on column analytics_api_latency_hourly.hour
comment on column "analytics_api_latency_hourly"."hour" is 'Start of the bucket of 1 hour, in UTC.';

-- comment on column analytics_api_latency_hourly.service
comment on column "analytics_api_latency_hourly"."service" is 'Service that reported the event.';

-- comment on column analytics_api_latency_hourly.endpoint
comment on column "analytics_api_latency_hourly"."endpoint" is 'The route, with placeholders instead of ids.';

-- comment on column analytics_api_latency_hourly.method
comment on column "analytics_api_latency_hourly"."method" is 'The HTTP method.';

-- comment on column analytics_api_latency_hourly.request_count
comment on column "analytics_api_latency_hourly"."request_count" is 'Number of rows.';

-- comment on column analytics_api_latency_hourly.avg_duration_ms
comment on column "analytics_api_latency_hourly"."avg_duration_ms" is 'Average of duration_ms. Unit: ms.';

-- comment on column analytics_api_latency_hourly.p50_duration_ms
comment on column "analytics_api_latency_hourly"."p50_duration_ms" is 'Percentile 0.5 of duration_ms. Unit: ms.';

-- comment on column analytics_api_latency_hourly.p95_duration_ms
comment on column "analytics_api_latency_hourly"."p95_duration_ms" is 'Percentile 0.95 of duration_ms. Unit: ms.';

-- comment on column analytics_api_latency_hourly.p99_duration_ms
comment on column "analytics_api_latency_hourly"."p99_duration_ms" is 'Percentile 0.99 of duration_ms. Unit: ms.';

-- comment on column analytics_api_latency_hourly.error_4xx_count
comment on column "analytics_api_latency_hourly"."error_4xx_count" is 'Number of rows where status_code >= 400 and status_code < 500.';

-- comment on column analytics_api_latency_hourly.error_5xx_count
comment on column "analytics_api_latency_hourly"."error_5xx_count" is 'Number of rows where status_code >= 500 and status_code < 600.';

-- comment on view analytics_api_latency_hourly_distribution
comment on view "analytics_api_latency_hourly_distribution" is 'Values behind the percentiles of analytics_api_latency_hourly, counted by size class.';

-- comment on column analytics_api_latency_hourly_distribution.hour
comment on column "analytics_api_latency_hourly_distribution"."hour" is 'Start of the bucket of 1 hour, in UTC.';

-- comment on column analytics_api_latency_hourly_distribution.service
comment on column "analytics_api_latency_hourly_distribution"."service" is 'Service that reported the event.';

-- comment on column analytics_api_latency_hourly_distribution.endpoint
comment on column "analytics_api_latency_hourly_distribution"."endpoint" is 'The route, with placeholders instead of ids.';

-- comment on column analytics_api_latency_hourly_distribution.method
comment on column "analytics_api_latency_hourly_distribution"."method" is 'The HTTP method.';

-- comment on column analytics_api_latency_hourly_distribution.measures
comment on column "analytics_api_latency_hourly_distribution"."measures" is 'Percentiles that read these values.';

-- comment on column analytics_api_latency_hourly_distribution.lower_bound
comment on column "analytics_api_latency_hourly_distribution"."lower_bound" is 'Lower bound of the size class.';

-- comment on column analytics_api_latency_hourly_distribution.upper_bound
comment on column "analytics_api_latency_hourly_distribution"."upper_bound" is 'Upper bound of the size class.';

-- comment on column analytics_api_latency_hourly_distribution.estimate
comment on column "analytics_api_latency_hourly_distribution"."estimate" is 'Value to use for all values of the size class; wrong by less than 1 %.';

-- comment on column analytics_api_latency_hourly_distribution.row_count
comment on column "analytics_api_latency_hourly_distribution"."row_count" is 'Number of values in the size class.';
