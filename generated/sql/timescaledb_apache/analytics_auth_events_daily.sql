-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Sign-ins by day. A user counts as authenticated by a successful sign-in, code or token refresh.

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

-- comment on view analytics_auth_events_daily
comment on view "analytics_auth_events_daily" is 'Sign-ins by day. A user counts as authenticated by a successful sign-in, code or token refresh.';

-- comment on column analytics_auth_events_daily.day
comment on column "analytics_auth_events_daily"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_auth_events_daily.login_attempts
comment on column "analytics_auth_events_daily"."login_attempts" is 'Number of rows where event = auth_login_attempt.';

-- comment on column analytics_auth_events_daily.successful_logins
comment on column "analytics_auth_events_daily"."successful_logins" is 'Number of rows where event = auth_login_attempt and success = true.';

-- comment on column analytics_auth_events_daily.failed_logins
comment on column "analytics_auth_events_daily"."failed_logins" is 'Number of rows where event = auth_login_attempt and success = false.';

-- comment on column analytics_auth_events_daily.code_verifications
comment on column "analytics_auth_events_daily"."code_verifications" is 'Number of rows where event = auth_code_verified.';

-- comment on column analytics_auth_events_daily.token_refreshes
comment on column "analytics_auth_events_daily"."token_refreshes" is 'Number of rows where event = auth_token_refresh.';

-- comment on column analytics_auth_events_daily.unique_users_authenticated
comment on column "analytics_auth_events_daily"."unique_users_authenticated" is 'Number of different user_id where success = true.';
