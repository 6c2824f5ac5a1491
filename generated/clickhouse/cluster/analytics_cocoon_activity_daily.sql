-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- Cocoons by day.

-- table analytics_cocoon_activity_daily_v1
-- fingerprint: 70857898bf68c98fbb8d2468705e823df34bfe1c59377529e4210b036209b2ce
create table `analytics_cocoon_activity_daily_v1` on cluster '{cluster}' (
    `day` DateTime64(6, 'UTC'),
    `row_count` UInt64,
    `registrations` UInt64,
    `connections` UInt64,
    `disconnections` UInt64,
    `claims` UInt64,
    `avg_session_duration_seconds__sum` Nullable(Int256),
    `avg_session_duration_seconds__count` UInt64,
    `unique_cocoons` UInt64,
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_cocoon_activity_daily_v1', '{shard}_{replica}')
partition by toYYYYMM(`day`)
order by (`day`)
settings allow_nullable_key = 1;

-- the rows of a range of time
create view `analytics_cocoon_activity_daily_v1_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    count() as `row_count`,
    countIf((_type = 'cocoon_registered')) as `registrations`,
    countIf((_type = 'cocoon_connected')) as `connections`,
    countIf((_type = 'cocoon_disconnected')) as `disconnections`,
    countIf((_type = 'cocoon_claimed')) as `claims`,
    sumIf(_value_1, (_type = 'cocoon_disconnected')) as `avg_session_duration_seconds__sum`,
    countIf(isNotNull(_value_1) and (_type = 'cocoon_disconnected')) as `avg_session_duration_seconds__count`,
    uniqExact(`cocoon_id: uuid`) as `unique_cocoons`
from (
    select
        *,
        toInt256(`duration_seconds: int`) as _value_1
    from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        nullIf(multiIf(JSONType(data, 'duration_seconds') = 'Int64', toNullable(JSONExtractInt(data, 'duration_seconds')), JSONType(data, 'duration_seconds') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'duration_seconds'), 'Int64'), JSONType(data, 'duration_seconds') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'duration_seconds'), 'Int64'), null), toInt64('-9223372036854775808')) as `duration_seconds: int`,
        if(JSONType(data, 'cocoon_id') = 'String' and match(JSONExtractString(data, 'cocoon_id'), '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'), toUUIDOrNull(JSONExtractString(data, 'cocoon_id')), null) as `cocoon_id: uuid`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('cocoon_registered', 'cocoon_connected', 'cocoon_disconnected', 'cocoon_claimed')
    )
)
group by 1;

-- view analytics_cocoon_activity_daily_v1_live
create view `analytics_cocoon_activity_daily_v1_live` on cluster '{cluster}' as
select
    `day`,
    `row_count`,
    `registrations`,
    `connections`,
    `disconnections`,
    `claims`,
    `avg_session_duration_seconds__sum`,
    `avg_session_duration_seconds__count`,
    `unique_cocoons`
from `analytics_cocoon_activity_daily_v1`
where (`day`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'analytics_cocoon_activity_daily_v1' group by bucket
)
    and `day` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_cocoon_activity_daily_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    count() as `row_count`,
    countIf((_type = 'cocoon_registered')) as `registrations`,
    countIf((_type = 'cocoon_connected')) as `connections`,
    countIf((_type = 'cocoon_disconnected')) as `disconnections`,
    countIf((_type = 'cocoon_claimed')) as `claims`,
    sumIf(_value_1, (_type = 'cocoon_disconnected')) as `avg_session_duration_seconds__sum`,
    countIf(isNotNull(_value_1) and (_type = 'cocoon_disconnected')) as `avg_session_duration_seconds__count`,
    uniqExact(`cocoon_id: uuid`) as `unique_cocoons`
from (
    select
        *,
        toInt256(`duration_seconds: int`) as _value_1
    from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        nullIf(multiIf(JSONType(data, 'duration_seconds') = 'Int64', toNullable(JSONExtractInt(data, 'duration_seconds')), JSONType(data, 'duration_seconds') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'duration_seconds'), 'Int64'), JSONType(data, 'duration_seconds') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'duration_seconds'), 'Int64'), null), toInt64('-9223372036854775808')) as `duration_seconds: int`,
        if(JSONType(data, 'cocoon_id') = 'String' and match(JSONExtractString(data, 'cocoon_id'), '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'), toUUIDOrNull(JSONExtractString(data, 'cocoon_id')), null) as `cocoon_id: uuid`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_cocoon_activity_daily_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('cocoon_registered', 'cocoon_connected', 'cocoon_disconnected', 'cocoon_claimed')
    )
)
group by 1;

-- view analytics_cocoon_activity_daily
create view `analytics_cocoon_activity_daily` on cluster '{cluster}' as
select
    _m.`day` as `day`,
    _m.`registrations` as `registrations`,
    _m.`connections` as `connections`,
    _m.`disconnections` as `disconnections`,
    _m.`claims` as `claims`,
    multiIf(abs((toFloat64(_m.`avg_session_duration_seconds__sum`)) / nullIf(_m.`avg_session_duration_seconds__count`, 0)) < 1e-307, 0., abs((toFloat64(_m.`avg_session_duration_seconds__sum`)) / nullIf(_m.`avg_session_duration_seconds__count`, 0)) <= 1e307, (toFloat64(_m.`avg_session_duration_seconds__sum`)) / nullIf(_m.`avg_session_duration_seconds__count`, 0), null) as `avg_session_duration_seconds`,
    _m.`unique_cocoons` as `unique_cocoons`
from `analytics_cocoon_activity_daily_v1_live` as _m;
