-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Cocoons by day.

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
