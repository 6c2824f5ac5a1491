-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Integrations by day and provider.

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

-- comment on view analytics_integration_health_daily
comment on view "analytics_integration_health_daily" is 'Integrations by day and provider.';

-- comment on column analytics_integration_health_daily.day
comment on column "analytics_integration_health_daily"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_integration_health_daily.provider
comment on column "analytics_integration_health_daily"."provider" is 'The provider''s name, for example github.';

-- comment on column analytics_integration_health_daily.connections
comment on column "analytics_integration_health_daily"."connections" is 'Number of rows where event = integration_connected.';

-- comment on column analytics_integration_health_daily.disconnections
comment on column "analytics_integration_health_daily"."disconnections" is 'Number of rows where event = integration_disconnected.';

-- comment on column analytics_integration_health_daily.uses
comment on column "analytics_integration_health_daily"."uses" is 'Number of rows where event = integration_used.';

-- comment on column analytics_integration_health_daily.errors
comment on column "analytics_integration_health_daily"."errors" is 'Number of rows where event = integration_error.';

-- comment on column analytics_integration_health_daily.unique_users
comment on column "analytics_integration_health_daily"."unique_users" is 'Number of different user_id.';
