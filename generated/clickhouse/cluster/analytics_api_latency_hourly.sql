-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- API requests and their latency by hour, service, endpoint and method.

-- table analytics_api_latency_hourly_v1
-- fingerprint: 5ea6da07c954ff3b6186bb2980e0e9e5c9a94d942f697faa4158503127baab7d
create table `analytics_api_latency_hourly_v1` on cluster '{cluster}' (
    `hour` DateTime64(6, 'UTC'),
    `service` Nullable(String),
    `endpoint` Nullable(String),
    `method` Nullable(String),
    `row_count` UInt64,
    `request_count` UInt64,
    `avg_duration_ms__sum` Nullable(Int256),
    `avg_duration_ms__count` UInt64,
    `p50_duration_ms` Nullable(Float64),
    `p95_duration_ms` Nullable(Float64),
    `p99_duration_ms` Nullable(Float64),
    `error_4xx_count` UInt64,
    `error_5xx_count` UInt64,
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_api_latency_hourly_v1', '{shard}_{replica}')
partition by toYYYYMM(`hour`)
order by (`hour`, `service`, `endpoint`, `method`)
settings allow_nullable_key = 1;

-- the rows of a range of time
create view `analytics_api_latency_hourly_v1_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 3600000000), 'UTC') as `hour`,
    `$service: string` as `service`,
    `endpoint: string` as `endpoint`,
    `method: string` as `method`,
    count() as `row_count`,
    count() as `request_count`,
    sum(_value_1) as `avg_duration_ms__sum`,
    countIf(isNotNull(_value_1)) as `avg_duration_ms__count`,
    quantileExactInclusive(0.5)(toFloat64(`duration_ms: int`)) as `p50_duration_ms`,
    quantileExactInclusive(0.95)(toFloat64(`duration_ms: int`)) as `p95_duration_ms`,
    quantileExactInclusive(0.99)(toFloat64(`duration_ms: int`)) as `p99_duration_ms`,
    countIf((`status_code: int` >= toInt64('400')) and (`status_code: int` < toInt64('500'))) as `error_4xx_count`,
    countIf((`status_code: int` >= toInt64('500')) and (`status_code: int` < toInt64('600'))) as `error_5xx_count`
from (
    select
        *,
        toInt256(`duration_ms: int`) as _value_1
    from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        toNullable(toString(service)) as `$service: string`,
        if(JSONType(data, 'endpoint') = 'String', JSONExtractString(data, 'endpoint'), null) as `endpoint: string`,
        if(JSONType(data, 'method') = 'String', JSONExtractString(data, 'method'), null) as `method: string`,
        nullIf(multiIf(JSONType(data, 'duration_ms') = 'Int64', toNullable(JSONExtractInt(data, 'duration_ms')), JSONType(data, 'duration_ms') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'duration_ms'), 'Int64'), JSONType(data, 'duration_ms') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'duration_ms'), 'Int64'), null), toInt64('-9223372036854775808')) as `duration_ms: int`,
        nullIf(multiIf(JSONType(data, 'status_code') = 'Int64', toNullable(JSONExtractInt(data, 'status_code')), JSONType(data, 'status_code') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'status_code'), 'Int64'), JSONType(data, 'status_code') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'status_code'), 'Int64'), null), toInt64('-9223372036854775808')) as `status_code: int`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('api_request')
    )
)
group by 1, 2, 3, 4;

-- view analytics_api_latency_hourly_v1_live
create view `analytics_api_latency_hourly_v1_live` on cluster '{cluster}' as
select
    `hour`,
    `service`,
    `endpoint`,
    `method`,
    `row_count`,
    `request_count`,
    `avg_duration_ms__sum`,
    `avg_duration_ms__count`,
    `p50_duration_ms`,
    `p95_duration_ms`,
    `p99_duration_ms`,
    `error_4xx_count`,
    `error_5xx_count`
from `analytics_api_latency_hourly_v1`
where (`hour`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'analytics_api_latency_hourly_v1' group by bucket
)
    and `hour` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 3600000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_api_latency_hourly_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 3600000000), 'UTC') as `hour`,
    `$service: string` as `service`,
    `endpoint: string` as `endpoint`,
    `method: string` as `method`,
    count() as `row_count`,
    count() as `request_count`,
    sum(_value_1) as `avg_duration_ms__sum`,
    countIf(isNotNull(_value_1)) as `avg_duration_ms__count`,
    quantileExactInclusive(0.5)(toFloat64(`duration_ms: int`)) as `p50_duration_ms`,
    quantileExactInclusive(0.95)(toFloat64(`duration_ms: int`)) as `p95_duration_ms`,
    quantileExactInclusive(0.99)(toFloat64(`duration_ms: int`)) as `p99_duration_ms`,
    countIf((`status_code: int` >= toInt64('400')) and (`status_code: int` < toInt64('500'))) as `error_4xx_count`,
    countIf((`status_code: int` >= toInt64('500')) and (`status_code: int` < toInt64('600'))) as `error_5xx_count`
from (
    select
        *,
        toInt256(`duration_ms: int`) as _value_1
    from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        toNullable(toString(service)) as `$service: string`,
        if(JSONType(data, 'endpoint') = 'String', JSONExtractString(data, 'endpoint'), null) as `endpoint: string`,
        if(JSONType(data, 'method') = 'String', JSONExtractString(data, 'method'), null) as `method: string`,
        nullIf(multiIf(JSONType(data, 'duration_ms') = 'Int64', toNullable(JSONExtractInt(data, 'duration_ms')), JSONType(data, 'duration_ms') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'duration_ms'), 'Int64'), JSONType(data, 'duration_ms') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'duration_ms'), 'Int64'), null), toInt64('-9223372036854775808')) as `duration_ms: int`,
        nullIf(multiIf(JSONType(data, 'status_code') = 'Int64', toNullable(JSONExtractInt(data, 'status_code')), JSONType(data, 'status_code') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'status_code'), 'Int64'), JSONType(data, 'status_code') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'status_code'), 'Int64'), null), toInt64('-9223372036854775808')) as `status_code: int`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 3600000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_api_latency_hourly_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('api_request')
    )
)
group by 1, 2, 3, 4;

-- table analytics_api_latency_hourly_v1_distribution
-- fingerprint: 10f7356f009e7b086c31ca02b47c78e7143060ecc7327b02e9b782099d46bc67
create table `analytics_api_latency_hourly_v1_distribution` on cluster '{cluster}' (
    `hour` DateTime64(6, 'UTC'),
    `service` Nullable(String),
    `endpoint` Nullable(String),
    `method` Nullable(String),
    `sign` Nullable(Int32),
    `magnitude` Nullable(Int32),
    `row_count` UInt64,
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_api_latency_hourly_v1_distribution', '{shard}_{replica}')
partition by toYYYYMM(`hour`)
order by (`hour`, `service`, `endpoint`, `method`, `sign`, `magnitude`)
settings allow_nullable_key = 1;

-- the rows of a range of time
create view `analytics_api_latency_hourly_v1_distribution_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 3600000000), 'UTC') as `hour`,
    `$service: string` as `service`,
    `endpoint: string` as `endpoint`,
    `method: string` as `method`,
    toInt32(sign(toFloat64(`duration_ms: int`))) as `sign`,
    if(toFloat64(`duration_ms: int`) != 0, toInt32(ceil(log(abs(toFloat64(`duration_ms: int`))) / log(1.02))), null) as `magnitude`,
    count() as `row_count`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        toNullable(toString(service)) as `$service: string`,
        if(JSONType(data, 'endpoint') = 'String', JSONExtractString(data, 'endpoint'), null) as `endpoint: string`,
        if(JSONType(data, 'method') = 'String', JSONExtractString(data, 'method'), null) as `method: string`,
        nullIf(multiIf(JSONType(data, 'duration_ms') = 'Int64', toNullable(JSONExtractInt(data, 'duration_ms')), JSONType(data, 'duration_ms') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'duration_ms'), 'Int64'), JSONType(data, 'duration_ms') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'duration_ms'), 'Int64'), null), toInt64('-9223372036854775808')) as `duration_ms: int`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('api_request')
)
where isNotNull(`duration_ms: int`)
group by 1, 2, 3, 4, 5, 6;

-- view analytics_api_latency_hourly_v1_distribution_live
create view `analytics_api_latency_hourly_v1_distribution_live` on cluster '{cluster}' as
select
    `hour`,
    `service`,
    `endpoint`,
    `method`,
    `sign`,
    `magnitude`,
    `row_count`
from `analytics_api_latency_hourly_v1_distribution`
where (`hour`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'analytics_api_latency_hourly_v1' group by bucket
)
    and `hour` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 3600000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_api_latency_hourly_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 3600000000), 'UTC') as `hour`,
    `$service: string` as `service`,
    `endpoint: string` as `endpoint`,
    `method: string` as `method`,
    toInt32(sign(toFloat64(`duration_ms: int`))) as `sign`,
    if(toFloat64(`duration_ms: int`) != 0, toInt32(ceil(log(abs(toFloat64(`duration_ms: int`))) / log(1.02))), null) as `magnitude`,
    count() as `row_count`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        toNullable(toString(service)) as `$service: string`,
        if(JSONType(data, 'endpoint') = 'String', JSONExtractString(data, 'endpoint'), null) as `endpoint: string`,
        if(JSONType(data, 'method') = 'String', JSONExtractString(data, 'method'), null) as `method: string`,
        nullIf(multiIf(JSONType(data, 'duration_ms') = 'Int64', toNullable(JSONExtractInt(data, 'duration_ms')), JSONType(data, 'duration_ms') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'duration_ms'), 'Int64'), JSONType(data, 'duration_ms') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'duration_ms'), 'Int64'), null), toInt64('-9223372036854775808')) as `duration_ms: int`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 3600000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_api_latency_hourly_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('api_request')
)
where isNotNull(`duration_ms: int`)
group by 1, 2, 3, 4, 5, 6;

-- view analytics_api_latency_hourly
create view `analytics_api_latency_hourly` on cluster '{cluster}' as
select
    _m.`hour` as `hour`,
    _m.`service` as `service`,
    _m.`endpoint` as `endpoint`,
    _m.`method` as `method`,
    _m.`request_count` as `request_count`,
    multiIf(abs((toFloat64(_m.`avg_duration_ms__sum`)) / nullIf(_m.`avg_duration_ms__count`, 0)) < 1e-307, 0., abs((toFloat64(_m.`avg_duration_ms__sum`)) / nullIf(_m.`avg_duration_ms__count`, 0)) <= 1e307, (toFloat64(_m.`avg_duration_ms__sum`)) / nullIf(_m.`avg_duration_ms__count`, 0), null) as `avg_duration_ms`,
    _m.`p50_duration_ms` as `p50_duration_ms`,
    _m.`p95_duration_ms` as `p95_duration_ms`,
    _m.`p99_duration_ms` as `p99_duration_ms`,
    _m.`error_4xx_count` as `error_4xx_count`,
    _m.`error_5xx_count` as `error_5xx_count`
from `analytics_api_latency_hourly_v1_live` as _m;

-- view analytics_api_latency_hourly_distribution
create view `analytics_api_latency_hourly_distribution` on cluster '{cluster}' as
select
    _d.`hour` as `hour`,
    _d.`service` as `service`,
    _d.`endpoint` as `endpoint`,
    _d.`method` as `method`,
    ['p50_duration_ms', 'p95_duration_ms', 'p99_duration_ms'] as `measures`,
    multiIf(_d.`sign` = 0, 0., _d.`sign` = 1, pow(1.02, _d.`magnitude` - 1), -pow(1.02, _d.`magnitude`)) as `lower_bound`,
    multiIf(_d.`sign` = 0, 0., _d.`sign` = 1, pow(1.02, _d.`magnitude`), -pow(1.02, _d.`magnitude` - 1)) as `upper_bound`,
    if(_d.`sign` = 0, 0., _d.`sign` * pow(1.02, _d.`magnitude`) * 0.9900990099009901) as `estimate`,
    _d.`row_count` as `row_count`
from `analytics_api_latency_hourly_v1_distribution_live` as _d;
