-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Application errors by hour, service and type.

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

-- comment on view analytics_errors_hourly
comment on view "analytics_errors_hourly" is 'Application errors by hour, service and type.';

-- comment on column analytics_errors_hourly.hour
comment on column "analytics_errors_hourly"."hour" is 'Start of the bucket of 1 hour, in UTC.';

-- comment on column analytics_errors_hourly.service
comment on column "analytics_errors_hourly"."service" is 'Service that reported the event.';

-- comment on column analytics_errors_hourly.error_type
comment on column "analytics_errors_hourly"."error_type" is 'The error''s class.';

-- comment on column analytics_errors_hourly.error_count
comment on column "analytics_errors_hourly"."error_count" is 'Number of rows.';

-- comment on column analytics_errors_hourly.affected_users
comment on column "analytics_errors_hourly"."affected_users" is 'Number of different user_id.';

-- comment on column analytics_errors_hourly.sample_error_message
comment on column "analytics_errors_hourly"."sample_error_message" is 'First error_message.';
