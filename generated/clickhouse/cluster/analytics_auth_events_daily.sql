-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- Sign-ins by day. A user counts as authenticated by a successful sign-in, code or token refresh.

-- table analytics_auth_events_daily_v1
-- fingerprint: f2ea658b4f1bf630ed09a11ed03775b000a8dafee6a69b3689fbd38611fcd3ce
create table `analytics_auth_events_daily_v1` on cluster '{cluster}' (
    `day` DateTime64(6, 'UTC'),
    `row_count` UInt64,
    `login_attempts` UInt64,
    `successful_logins` UInt64,
    `failed_logins` UInt64,
    `code_verifications` UInt64,
    `token_refreshes` UInt64,
    `unique_users_authenticated` UInt64,
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_auth_events_daily_v1', '{shard}_{replica}')
partition by toYYYYMM(`day`)
order by (`day`)
settings allow_nullable_key = 1;

-- the rows of a range of time
create view `analytics_auth_events_daily_v1_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    count() as `row_count`,
    countIf((_type = 'auth_login_attempt')) as `login_attempts`,
    countIf((_type = 'auth_login_attempt') and (`success: bool` = true)) as `successful_logins`,
    countIf((_type = 'auth_login_attempt') and (`success: bool` = false)) as `failed_logins`,
    countIf((_type = 'auth_code_verified')) as `code_verifications`,
    countIf((_type = 'auth_token_refresh')) as `token_refreshes`,
    uniqExactIf(`$user_id: uuid`, (`success: bool` = true)) as `unique_users_authenticated`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        if(JSONType(data, 'success') = 'Bool', toBool(JSONExtractBool(data, 'success')), null) as `success: bool`,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('auth_login_attempt', 'auth_code_verified', 'auth_token_refresh')
)
group by 1;

-- view analytics_auth_events_daily_v1_live
create view `analytics_auth_events_daily_v1_live` on cluster '{cluster}' as
select
    `day`,
    `row_count`,
    `login_attempts`,
    `successful_logins`,
    `failed_logins`,
    `code_verifications`,
    `token_refreshes`,
    `unique_users_authenticated`
from `analytics_auth_events_daily_v1`
where (`day`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'analytics_auth_events_daily_v1' group by bucket
)
    and `day` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_auth_events_daily_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    count() as `row_count`,
    countIf((_type = 'auth_login_attempt')) as `login_attempts`,
    countIf((_type = 'auth_login_attempt') and (`success: bool` = true)) as `successful_logins`,
    countIf((_type = 'auth_login_attempt') and (`success: bool` = false)) as `failed_logins`,
    countIf((_type = 'auth_code_verified')) as `code_verifications`,
    countIf((_type = 'auth_token_refresh')) as `token_refreshes`,
    uniqExactIf(`$user_id: uuid`, (`success: bool` = true)) as `unique_users_authenticated`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        if(JSONType(data, 'success') = 'Bool', toBool(JSONExtractBool(data, 'success')), null) as `success: bool`,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_auth_events_daily_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('auth_login_attempt', 'auth_code_verified', 'auth_token_refresh')
)
group by 1;

-- view analytics_auth_events_daily
create view `analytics_auth_events_daily` on cluster '{cluster}' as
select
    _m.`day` as `day`,
    _m.`login_attempts` as `login_attempts`,
    _m.`successful_logins` as `successful_logins`,
    _m.`failed_logins` as `failed_logins`,
    _m.`code_verifications` as `code_verifications`,
    _m.`token_refreshes` as `token_refreshes`,
    _m.`unique_users_authenticated` as `unique_users_authenticated`
from `analytics_auth_events_daily_v1_live` as _m;
