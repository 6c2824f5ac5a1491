-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- Integrations by day and provider.

-- table analytics_integration_health_daily_v1
-- fingerprint: 0e669447d6abc54ceaeb33d0c5faad6750be63bf323c089df36f0ad45fac3874
create table `analytics_integration_health_daily_v1` on cluster '{cluster}' (
    `day` DateTime64(6, 'UTC'),
    `provider` Nullable(String),
    `row_count` UInt64,
    `connections` UInt64,
    `disconnections` UInt64,
    `uses` UInt64,
    `errors` UInt64,
    `unique_users` UInt64,
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_integration_health_daily_v1', '{shard}_{replica}')
partition by toYYYYMM(`day`)
order by (`day`, `provider`)
settings allow_nullable_key = 1;

-- the rows of a range of time
create view `analytics_integration_health_daily_v1_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    `provider: string` as `provider`,
    count() as `row_count`,
    countIf((_type = 'integration_connected')) as `connections`,
    countIf((_type = 'integration_disconnected')) as `disconnections`,
    countIf((_type = 'integration_used')) as `uses`,
    countIf((_type = 'integration_error')) as `errors`,
    uniqExact(`$user_id: uuid`) as `unique_users`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        if(JSONType(data, 'provider') = 'String', JSONExtractString(data, 'provider'), null) as `provider: string`,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('integration_connected', 'integration_disconnected', 'integration_used', 'integration_error')
)
group by 1, 2;

-- view analytics_integration_health_daily_v1_live
create view `analytics_integration_health_daily_v1_live` on cluster '{cluster}' as
select
    `day`,
    `provider`,
    `row_count`,
    `connections`,
    `disconnections`,
    `uses`,
    `errors`,
    `unique_users`
from `analytics_integration_health_daily_v1`
where (`day`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'analytics_integration_health_daily_v1' group by bucket
)
    and `day` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_integration_health_daily_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    `provider: string` as `provider`,
    count() as `row_count`,
    countIf((_type = 'integration_connected')) as `connections`,
    countIf((_type = 'integration_disconnected')) as `disconnections`,
    countIf((_type = 'integration_used')) as `uses`,
    countIf((_type = 'integration_error')) as `errors`,
    uniqExact(`$user_id: uuid`) as `unique_users`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        if(JSONType(data, 'provider') = 'String', JSONExtractString(data, 'provider'), null) as `provider: string`,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_integration_health_daily_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('integration_connected', 'integration_disconnected', 'integration_used', 'integration_error')
)
group by 1, 2;

-- view analytics_integration_health_daily
create view `analytics_integration_health_daily` on cluster '{cluster}' as
select
    _m.`day` as `day`,
    _m.`provider` as `provider`,
    _m.`connections` as `connections`,
    _m.`disconnections` as `disconnections`,
    _m.`uses` as `uses`,
    _m.`errors` as `errors`,
    _m.`unique_users` as `unique_users`
from `analytics_integration_health_daily_v1_live` as _m;
