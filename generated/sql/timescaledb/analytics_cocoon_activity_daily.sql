-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Cocoons by day.

-- continuous aggregate analytics_cocoon_activity_daily_v1
create materialized view "analytics_cocoon_activity_daily_v1"
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as
select
    time_bucket(interval '1 day', "timestamp") as "day",
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
where "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('cocoon_registered', 'cocoon_connected', 'cocoon_disconnected', 'cocoon_claimed')
group by 1
with no data;

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
from "analytics_cocoon_activity_daily_v1";

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

-- comment on view analytics_cocoon_activity_daily
comment on view "analytics_cocoon_activity_daily" is 'Cocoons by day.';

-- comment on column analytics_cocoon_activity_daily.day
comment on column "analytics_cocoon_activity_daily"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_cocoon_activity_daily.registrations
comment on column "analytics_cocoon_activity_daily"."registrations" is 'Number of rows where event = cocoon_registered.';

-- comment on column analytics_cocoon_activity_daily.connections
comment on column "analytics_cocoon_activity_daily"."connections" is 'Number of rows where event = cocoon_connected.';

-- comment on column analytics_cocoon_activity_daily.disconnections
comment on column "analytics_cocoon_activity_daily"."disconnections" is 'Number of rows where event = cocoon_disconnected.';

-- comment on column analytics_cocoon_activity_daily.claims
comment on column "analytics_cocoon_activity_daily"."claims" is 'Number of rows where event = cocoon_claimed.';

-- comment on column analytics_cocoon_activity_daily.avg_session_duration_seconds
comment on column "analytics_cocoon_activity_daily"."avg_session_duration_seconds" is 'Average of duration_seconds where event = cocoon_disconnected. Unit: s.';

-- comment on column analytics_cocoon_activity_daily.unique_cocoons
comment on column "analytics_cocoon_activity_daily"."unique_cocoons" is 'Number of different cocoon_id.';

-- refresh policy of analytics_cocoon_activity_daily_v1
select add_continuous_aggregate_policy(
    '"analytics_cocoon_activity_daily_v1"'::regclass,
    start_offset => interval '3 days',
    end_offset => interval '1 hour',
    schedule_interval => interval '1 hour'
);
