-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- Tasks by day.

-- table analytics_task_stats_daily_v1
-- fingerprint: e9ca0e6c628e1c54c841d4511681c07453dbb4437a43fab0f677d8e5e727d122
create table `analytics_task_stats_daily_v1` on cluster '{cluster}' (
    `day` DateTime64(6, 'UTC'),
    `row_count` UInt64,
    `created` UInt64,
    `started` UInt64,
    `completed` UInt64,
    `failed` UInt64,
    `cancelled` UInt64,
    `avg_duration_ms__sum` Nullable(Int256),
    `avg_duration_ms__count` UInt64,
    `p95_duration_ms` Nullable(Float64),
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_task_stats_daily_v1', '{shard}_{replica}')
partition by toYYYYMM(`day`)
order by (`day`)
settings allow_nullable_key = 1;

-- the rows of a range of time
create view `analytics_task_stats_daily_v1_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    count() as `row_count`,
    countIf((_type = 'task_created')) as `created`,
    countIf((_type = 'task_started')) as `started`,
    countIf((_type = 'task_completed')) as `completed`,
    countIf((_type = 'task_failed')) as `failed`,
    countIf((_type = 'task_cancelled')) as `cancelled`,
    sumIf(_value_1, (_type = 'task_completed')) as `avg_duration_ms__sum`,
    countIf(isNotNull(_value_1) and (_type = 'task_completed')) as `avg_duration_ms__count`,
    quantileExactInclusiveIf(0.95)(toFloat64(`duration_ms: int`), (_type = 'task_completed')) as `p95_duration_ms`
from (
    select
        *,
        toInt256(`duration_ms: int`) as _value_1
    from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        nullIf(multiIf(JSONType(data, 'duration_ms') = 'Int64', toNullable(JSONExtractInt(data, 'duration_ms')), JSONType(data, 'duration_ms') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'duration_ms'), 'Int64'), JSONType(data, 'duration_ms') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'duration_ms'), 'Int64'), null), toInt64('-9223372036854775808')) as `duration_ms: int`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('task_created', 'task_started', 'task_completed', 'task_failed', 'task_cancelled')
    )
)
group by 1;

-- view analytics_task_stats_daily_v1_live
create view `analytics_task_stats_daily_v1_live` on cluster '{cluster}' as
select
    `day`,
    `row_count`,
    `created`,
    `started`,
    `completed`,
    `failed`,
    `cancelled`,
    `avg_duration_ms__sum`,
    `avg_duration_ms__count`,
    `p95_duration_ms`
from `analytics_task_stats_daily_v1`
where (`day`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'analytics_task_stats_daily_v1' group by bucket
)
    and `day` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_task_stats_daily_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    count() as `row_count`,
    countIf((_type = 'task_created')) as `created`,
    countIf((_type = 'task_started')) as `started`,
    countIf((_type = 'task_completed')) as `completed`,
    countIf((_type = 'task_failed')) as `failed`,
    countIf((_type = 'task_cancelled')) as `cancelled`,
    sumIf(_value_1, (_type = 'task_completed')) as `avg_duration_ms__sum`,
    countIf(isNotNull(_value_1) and (_type = 'task_completed')) as `avg_duration_ms__count`,
    quantileExactInclusiveIf(0.95)(toFloat64(`duration_ms: int`), (_type = 'task_completed')) as `p95_duration_ms`
from (
    select
        *,
        toInt256(`duration_ms: int`) as _value_1
    from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        nullIf(multiIf(JSONType(data, 'duration_ms') = 'Int64', toNullable(JSONExtractInt(data, 'duration_ms')), JSONType(data, 'duration_ms') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'duration_ms'), 'Int64'), JSONType(data, 'duration_ms') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'duration_ms'), 'Int64'), null), toInt64('-9223372036854775808')) as `duration_ms: int`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_task_stats_daily_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('task_created', 'task_started', 'task_completed', 'task_failed', 'task_cancelled')
    )
)
group by 1;

-- table analytics_task_stats_daily_v1_distribution
-- fingerprint: 0519737478be27ab2a141ead435424b0afe990e7326f50f226a9f430ae07d996
create table `analytics_task_stats_daily_v1_distribution` on cluster '{cluster}' (
    `day` DateTime64(6, 'UTC'),
    `sign` Nullable(Int32),
    `magnitude` Nullable(Int32),
    `row_count` UInt64,
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_task_stats_daily_v1_distribution', '{shard}_{replica}')
partition by toYYYYMM(`day`)
order by (`day`, `sign`, `magnitude`)
settings allow_nullable_key = 1;

-- the rows of a range of time
create view `analytics_task_stats_daily_v1_distribution_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    toInt32(sign(toFloat64(`duration_ms: int`))) as `sign`,
    if(toFloat64(`duration_ms: int`) != 0, toInt32(ceil(log(abs(toFloat64(`duration_ms: int`))) / log(1.02))), null) as `magnitude`,
    count() as `row_count`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        nullIf(multiIf(JSONType(data, 'duration_ms') = 'Int64', toNullable(JSONExtractInt(data, 'duration_ms')), JSONType(data, 'duration_ms') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'duration_ms'), 'Int64'), JSONType(data, 'duration_ms') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'duration_ms'), 'Int64'), null), toInt64('-9223372036854775808')) as `duration_ms: int`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('task_created', 'task_started', 'task_completed', 'task_failed', 'task_cancelled')
)
where (_type = 'task_completed')
    and isNotNull(`duration_ms: int`)
group by 1, 2, 3;

-- view analytics_task_stats_daily_v1_distribution_live
create view `analytics_task_stats_daily_v1_distribution_live` on cluster '{cluster}' as
select
    `day`,
    `sign`,
    `magnitude`,
    `row_count`
from `analytics_task_stats_daily_v1_distribution`
where (`day`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'analytics_task_stats_daily_v1' group by bucket
)
    and `day` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_task_stats_daily_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    toInt32(sign(toFloat64(`duration_ms: int`))) as `sign`,
    if(toFloat64(`duration_ms: int`) != 0, toInt32(ceil(log(abs(toFloat64(`duration_ms: int`))) / log(1.02))), null) as `magnitude`,
    count() as `row_count`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        nullIf(multiIf(JSONType(data, 'duration_ms') = 'Int64', toNullable(JSONExtractInt(data, 'duration_ms')), JSONType(data, 'duration_ms') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'duration_ms'), 'Int64'), JSONType(data, 'duration_ms') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'duration_ms'), 'Int64'), null), toInt64('-9223372036854775808')) as `duration_ms: int`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_task_stats_daily_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('task_created', 'task_started', 'task_completed', 'task_failed', 'task_cancelled')
)
where (_type = 'task_completed')
    and isNotNull(`duration_ms: int`)
group by 1, 2, 3;

-- view analytics_task_stats_daily
create view `analytics_task_stats_daily` on cluster '{cluster}' as
select
    _m.`day` as `day`,
    _m.`created` as `created`,
    _m.`started` as `started`,
    _m.`completed` as `completed`,
    _m.`failed` as `failed`,
    _m.`cancelled` as `cancelled`,
    multiIf(abs((toFloat64(_m.`avg_duration_ms__sum`)) / nullIf(_m.`avg_duration_ms__count`, 0)) < 1e-307, 0., abs((toFloat64(_m.`avg_duration_ms__sum`)) / nullIf(_m.`avg_duration_ms__count`, 0)) <= 1e307, (toFloat64(_m.`avg_duration_ms__sum`)) / nullIf(_m.`avg_duration_ms__count`, 0), null) as `avg_duration_ms`,
    _m.`p95_duration_ms` as `p95_duration_ms`,
    multiIf(abs((ifNull(toFloat64(_m.`completed`), 0)) / nullIf(ifNull(toFloat64(_m.`completed`), 0) + ifNull(toFloat64(_m.`failed`), 0), 0)) < 1e-307, 0., abs((ifNull(toFloat64(_m.`completed`), 0)) / nullIf(ifNull(toFloat64(_m.`completed`), 0) + ifNull(toFloat64(_m.`failed`), 0), 0)) <= 1e307, (ifNull(toFloat64(_m.`completed`), 0)) / nullIf(ifNull(toFloat64(_m.`completed`), 0) + ifNull(toFloat64(_m.`failed`), 0), 0), null) as `success_rate`
from `analytics_task_stats_daily_v1_live` as _m;

-- view analytics_task_stats_daily_distribution
create view `analytics_task_stats_daily_distribution` on cluster '{cluster}' as
select
    _d.`day` as `day`,
    ['p95_duration_ms'] as `measures`,
    multiIf(_d.`sign` = 0, 0., _d.`sign` = 1, pow(1.02, _d.`magnitude` - 1), -pow(1.02, _d.`magnitude`)) as `lower_bound`,
    multiIf(_d.`sign` = 0, 0., _d.`sign` = 1, pow(1.02, _d.`magnitude`), -pow(1.02, _d.`magnitude` - 1)) as `upper_bound`,
    if(_d.`sign` = 0, 0., _d.`sign` * pow(1.02, _d.`magnitude`) * 0.9900990099009901) as `estimate`,
    _d.`row_count` as `row_count`
from `analytics_task_stats_daily_v1_distribution_live` as _d;
