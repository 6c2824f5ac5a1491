-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Integrations by day and provider.

-- continuous aggregate analytics_integration_health_daily_v1
create materialized view "analytics_integration_health_daily_v1"
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as
select
    time_bucket(interval '1 day', "timestamp") as "day",
    case when jsonb_typeof(data -> 'provider') = 'string' then data ->> 'provider' end as "provider",
    count(*) as "row_count",
    count(*) filter (where event_type = 'integration_connected') as "connections",
    count(*) filter (where event_type = 'integration_disconnected') as "disconnections",
    count(*) filter (where event_type = 'integration_used') as "uses",
    count(*) filter (where event_type = 'integration_error') as "errors",
    count(distinct user_id) as "unique_users"
from "analytics_events"
where "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('integration_connected', 'integration_disconnected', 'integration_used', 'integration_error')
group by 1, 2
with no data;

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
from "analytics_integration_health_daily_v1";

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

-- refresh policy of analytics_integration_health_daily_v1
select add_continuous_aggregate_policy(
    '"analytics_integration_health_daily_v1"'::regclass,
    start_offset => interval '3 days',
    end_offset => interval '1 hour',
    schedule_interval => interval '1 hour'
);
