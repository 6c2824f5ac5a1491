-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Sign-ins by day. A user counts as authenticated by a successful sign-in, code or token refresh.

-- continuous aggregate analytics_auth_events_daily_v1
create materialized view "analytics_auth_events_daily_v1"
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as
select
    time_bucket(interval '1 day', "timestamp") as "day",
    count(*) as "row_count",
    count(*) filter (where event_type = 'auth_login_attempt') as "login_attempts",
    count(*) filter (where event_type = 'auth_login_attempt' and (case when jsonb_typeof(data -> 'success') = 'boolean' then (data -> 'success')::boolean end) = true) as "successful_logins",
    count(*) filter (where event_type = 'auth_login_attempt' and (case when jsonb_typeof(data -> 'success') = 'boolean' then (data -> 'success')::boolean end) = false) as "failed_logins",
    count(*) filter (where event_type = 'auth_code_verified') as "code_verifications",
    count(*) filter (where event_type = 'auth_token_refresh') as "token_refreshes",
    count(distinct user_id) filter (where (case when jsonb_typeof(data -> 'success') = 'boolean' then (data -> 'success')::boolean end) = true) as "unique_users_authenticated"
from "analytics_events"
where "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('auth_login_attempt', 'auth_code_verified', 'auth_token_refresh')
group by 1
with no data;

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
from "analytics_auth_events_daily_v1";

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

-- refresh policy of analytics_auth_events_daily_v1
select add_continuous_aggregate_policy(
    '"analytics_auth_events_daily_v1"'::regclass,
    start_offset => interval '3 days',
    end_offset => interval '1 hour',
    schedule_interval => interval '1 hour'
);
