-- 0001_pre_create_everything: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: off
-- destructive: no
-- catalog: ed7fdfa353417752c35008e8f3939f25d4f77ad52b36c4cfa8a9b9a355623fd5
-- why: create the tables and views

-- step: create table analytics_events_local
create table if not exists `analytics_events_local` on cluster '{cluster}' (
    `timestamp` DateTime64(6, 'UTC') codec(Delta, ZSTD(1)),
    `event_type` LowCardinality(String),
    `service` LowCardinality(String),
    `user_id` Nullable(UUID),
    `data` String codec(ZSTD(3)),
    `event_id` UUID,
    `meta` String codec(ZSTD(3))
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{cluster}/{shard}/{database}/analytics_events_local', '{replica}')
partition by toMonday(`timestamp`)
order by (`event_type`, `timestamp`, `event_id`);

-- step: create table analytics_events
create table if not exists `analytics_events` on cluster '{cluster}' as `analytics_events_local`
engine = Distributed('{cluster}', currentDatabase(), 'analytics_events_local', cityHash64(event_id));

-- step: create table analytics_dead_letters
create table if not exists `analytics_dead_letters` on cluster '{cluster}' (
    `created_at` DateTime64(6, 'UTC'),
    `event_id` Nullable(UUID),
    `timestamp` Nullable(DateTime64(6, 'UTC')),
    `event_type` String,
    `service` Nullable(String),
    `reason` String,
    `sqlstate` Nullable(String),
    `message` String,
    `library_version` String,
    `payload` String codec(ZSTD(3)),
    `replayed_at` Nullable(DateTime64(6, 'UTC'))
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_dead_letters', '{shard}_{replica}')
order by `created_at`;

-- step: create table analytics_meta_buckets
create table if not exists `analytics_meta_buckets` on cluster '{cluster}' (
    `rollup` String,
    `bucket` DateTime64(6, 'UTC'),
    `until` DateTime64(6, 'UTC'),
    `version` UInt64
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_meta_buckets', '{shard}_{replica}', `version`)
order by (`rollup`, `bucket`);

-- step: create table analytics_meta_touched
create table if not exists `analytics_meta_touched` on cluster '{cluster}' (
    `hour` DateTime64(6, 'UTC'),
    `at` DateTime64(6, 'UTC')
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_meta_touched', '{shard}_{replica}', `at`)
order by `hour`;

-- step: create materialized view analytics_meta_touch
create materialized view if not exists `analytics_meta_touch` on cluster '{cluster}' to `analytics_meta_touched` as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp) - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') as `hour`,
    max(now64(6, 'UTC')) as `at`
from `analytics_events_local`
group by 1;

-- step: create table analytics_meta_expired
create table if not exists `analytics_meta_expired` on cluster '{cluster}' (
    `before` DateTime64(6, 'UTC'),
    `at` DateTime64(6, 'UTC')
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_meta_expired', '{shard}_{replica}')
order by `before`;

-- step: create table analytics_api_latency_hourly_v1
-- fingerprint: 5ea6da07c954ff3b6186bb2980e0e9e5c9a94d942f697faa4158503127baab7d
create table if not exists `analytics_api_latency_hourly_v1` on cluster '{cluster}' (
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

-- step: create view analytics_api_latency_hourly_v1_rows
create or replace view `analytics_api_latency_hourly_v1_rows` on cluster '{cluster}' as
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

-- step: create view analytics_api_latency_hourly_v1_live
create or replace view `analytics_api_latency_hourly_v1_live` on cluster '{cluster}' as
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

-- step: create table analytics_api_latency_hourly_v1_distribution
-- fingerprint: 10f7356f009e7b086c31ca02b47c78e7143060ecc7327b02e9b782099d46bc67
create table if not exists `analytics_api_latency_hourly_v1_distribution` on cluster '{cluster}' (
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

-- step: create view analytics_api_latency_hourly_v1_distribution_rows
create or replace view `analytics_api_latency_hourly_v1_distribution_rows` on cluster '{cluster}' as
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

-- step: create view analytics_api_latency_hourly_v1_distribution_live
create or replace view `analytics_api_latency_hourly_v1_distribution_live` on cluster '{cluster}' as
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

-- step: create view analytics_api_latency_hourly
create or replace view `analytics_api_latency_hourly` on cluster '{cluster}' as
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

-- step: create view analytics_api_latency_hourly_distribution
create or replace view `analytics_api_latency_hourly_distribution` on cluster '{cluster}' as
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

-- step: create table analytics_auth_events_daily_v1
-- fingerprint: f2ea658b4f1bf630ed09a11ed03775b000a8dafee6a69b3689fbd38611fcd3ce
create table if not exists `analytics_auth_events_daily_v1` on cluster '{cluster}' (
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

-- step: create view analytics_auth_events_daily_v1_rows
create or replace view `analytics_auth_events_daily_v1_rows` on cluster '{cluster}' as
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

-- step: create view analytics_auth_events_daily_v1_live
create or replace view `analytics_auth_events_daily_v1_live` on cluster '{cluster}' as
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

-- step: create view analytics_auth_events_daily
create or replace view `analytics_auth_events_daily` on cluster '{cluster}' as
select
    _m.`day` as `day`,
    _m.`login_attempts` as `login_attempts`,
    _m.`successful_logins` as `successful_logins`,
    _m.`failed_logins` as `failed_logins`,
    _m.`code_verifications` as `code_verifications`,
    _m.`token_refreshes` as `token_refreshes`,
    _m.`unique_users_authenticated` as `unique_users_authenticated`
from `analytics_auth_events_daily_v1_live` as _m;

-- step: create table analytics_cocoon_activity_daily_v1
-- fingerprint: 70857898bf68c98fbb8d2468705e823df34bfe1c59377529e4210b036209b2ce
create table if not exists `analytics_cocoon_activity_daily_v1` on cluster '{cluster}' (
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

-- step: create view analytics_cocoon_activity_daily_v1_rows
create or replace view `analytics_cocoon_activity_daily_v1_rows` on cluster '{cluster}' as
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

-- step: create view analytics_cocoon_activity_daily_v1_live
create or replace view `analytics_cocoon_activity_daily_v1_live` on cluster '{cluster}' as
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

-- step: create view analytics_cocoon_activity_daily
create or replace view `analytics_cocoon_activity_daily` on cluster '{cluster}' as
select
    _m.`day` as `day`,
    _m.`registrations` as `registrations`,
    _m.`connections` as `connections`,
    _m.`disconnections` as `disconnections`,
    _m.`claims` as `claims`,
    multiIf(abs((toFloat64(_m.`avg_session_duration_seconds__sum`)) / nullIf(_m.`avg_session_duration_seconds__count`, 0)) < 1e-307, 0., abs((toFloat64(_m.`avg_session_duration_seconds__sum`)) / nullIf(_m.`avg_session_duration_seconds__count`, 0)) <= 1e307, (toFloat64(_m.`avg_session_duration_seconds__sum`)) / nullIf(_m.`avg_session_duration_seconds__count`, 0), null) as `avg_session_duration_seconds`,
    _m.`unique_cocoons` as `unique_cocoons`
from `analytics_cocoon_activity_daily_v1_live` as _m;

-- step: create table analytics_daily_active_users_v1
-- fingerprint: e092981bb03ae7bb0c44fd0a945ee77e18948bac3e66a61cf2ab6a3043ca0562
create table if not exists `analytics_daily_active_users_v1` on cluster '{cluster}' (
    `day` DateTime64(6, 'UTC'),
    `row_count` UInt64,
    `active_users` UInt64,
    `total_events` UInt64,
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_daily_active_users_v1', '{shard}_{replica}')
partition by toYYYYMM(`day`)
order by (`day`)
settings allow_nullable_key = 1;

-- step: create view analytics_daily_active_users_v1_rows
create or replace view `analytics_daily_active_users_v1_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    count() as `row_count`,
    uniqExact(`$user_id: uuid`) as `active_users`,
    count() as `total_events`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
)
where isNotNull(`$user_id: uuid`)
group by 1;

-- step: create view analytics_daily_active_users_v1_live
create or replace view `analytics_daily_active_users_v1_live` on cluster '{cluster}' as
select
    `day`,
    `row_count`,
    `active_users`,
    `total_events`
from `analytics_daily_active_users_v1`
where (`day`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'analytics_daily_active_users_v1' group by bucket
)
    and `day` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_daily_active_users_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    count() as `row_count`,
    uniqExact(`$user_id: uuid`) as `active_users`,
    count() as `total_events`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_daily_active_users_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
)
where isNotNull(`$user_id: uuid`)
group by 1;

-- step: create table analytics_daily_active_users_v1_users
-- fingerprint: 7c69967d0353c9aee613de05de1441e661906e62464ae31d214276f04bd1c41f
create table if not exists `analytics_daily_active_users_v1_users` on cluster '{cluster}' (
    `day` DateTime64(6, 'UTC'),
    `member` Nullable(UUID),
    `row_count` UInt64,
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_daily_active_users_v1_users', '{shard}_{replica}')
partition by toYYYYMM(`day`)
order by (`day`, `member`)
settings allow_nullable_key = 1;

-- step: create view analytics_daily_active_users_v1_users_rows
create or replace view `analytics_daily_active_users_v1_users_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    `$user_id: uuid` as `member`,
    count() as `row_count`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
)
where isNotNull(`$user_id: uuid`)
    and isNotNull(`$user_id: uuid`)
group by 1, 2;

-- step: create view analytics_daily_active_users_v1_users_live
create or replace view `analytics_daily_active_users_v1_users_live` on cluster '{cluster}' as
select
    `day`,
    `member`,
    `row_count`
from `analytics_daily_active_users_v1_users`
where (`day`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'analytics_daily_active_users_v1' group by bucket
)
    and `day` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_daily_active_users_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    `$user_id: uuid` as `member`,
    count() as `row_count`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_daily_active_users_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
)
where isNotNull(`$user_id: uuid`)
    and isNotNull(`$user_id: uuid`)
group by 1, 2;

-- step: create table analytics_daily_active_users_v1_sketch
-- fingerprint: b083c4796dfed7c5bfe7809c228aa9be6538a6de157ebf38bd56e73772872651
create table if not exists `analytics_daily_active_users_v1_sketch` on cluster '{cluster}' (
    `day` DateTime64(6, 'UTC'),
    `register` Nullable(UInt16),
    `rho` Nullable(UInt8),
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_daily_active_users_v1_sketch', '{shard}_{replica}')
partition by toYYYYMM(`day`)
order by (`day`, `register`)
settings allow_nullable_key = 1;

-- step: create view analytics_daily_active_users_v1_sketch_rows
create or replace view `analytics_daily_active_users_v1_sketch_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    toUInt16(bitShiftRight(reinterpretAsUInt64(reverse(substring(MD5(toString(`$user_id: uuid`)), 1, 8))), 52)) as `register`,
    toUInt8(max(if(position(substring(bin(substring(MD5(toString(`$user_id: uuid`)), 1, 8)), 13), '1') = 0, 53, position(substring(bin(substring(MD5(toString(`$user_id: uuid`)), 1, 8)), 13), '1')))) as `rho`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
)
where isNotNull(`$user_id: uuid`)
    and isNotNull(`$user_id: uuid`)
group by 1, 2;

-- step: create view analytics_daily_active_users_v1_sketch_live
create or replace view `analytics_daily_active_users_v1_sketch_live` on cluster '{cluster}' as
select
    `day`,
    `register`,
    `rho`
from `analytics_daily_active_users_v1_sketch`
where (`day`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'analytics_daily_active_users_v1' group by bucket
)
    and `day` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_daily_active_users_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    toUInt16(bitShiftRight(reinterpretAsUInt64(reverse(substring(MD5(toString(`$user_id: uuid`)), 1, 8))), 52)) as `register`,
    toUInt8(max(if(position(substring(bin(substring(MD5(toString(`$user_id: uuid`)), 1, 8)), 13), '1') = 0, 53, position(substring(bin(substring(MD5(toString(`$user_id: uuid`)), 1, 8)), 13), '1')))) as `rho`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_daily_active_users_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
)
where isNotNull(`$user_id: uuid`)
    and isNotNull(`$user_id: uuid`)
group by 1, 2;

-- step: create view analytics_daily_active_users
create or replace view `analytics_daily_active_users` on cluster '{cluster}' as
select
    _m.`day` as `day`,
    _m.`active_users` as `active_users`,
    _t1._count_1 as `weekly_active_users`,
    _t1._count_2 as `monthly_active_users`,
    _m.`total_events` as `total_events`
from `analytics_daily_active_users_v1_live` as _m
left asof join (
    select
        _key,
        _at,
        toUInt64(sum(sum(_step_1)) over (partition by _key order by _at)) as _count_1,
        toUInt64(sum(sum(_step_2)) over (partition by _key order by _at)) as _count_2
    from (
        select
            _key,
            arrayJoin(arrayConcat(
                arrayMap(
                    (_number, _before) -> (greatest(_number, _before + 7), 1, 0),
                    _numbers, arrayPushFront(arrayPopBack(_numbers), _numbers[1] - 7)
                ),
                arrayMap(_number -> (_number + 7, -1, 0), _numbers),
                arrayMap(
                    (_number, _before) -> (greatest(_number, _before + 30), 0, 1),
                    _numbers, arrayPushFront(arrayPopBack(_numbers), _numbers[1] - 30)
                ),
                arrayMap(_number -> (_number + 30, 0, -1), _numbers)
            )) as _change,
            _change.1 as _at,
            _change.2 as _step_1,
            _change.3 as _step_2
        from (
            select
                toString(tuple(toUInt8(1))) as _key,
                arraySort(groupArray(toInt64(intDiv(toUnixTimestamp64Micro(_u.`day`) - 946857600000000, 86400000000)))) as _numbers
            from `analytics_daily_active_users_v1_users_live` as _u
            group by _u.`member`
        )
    )
    group by _key, _at
) as _t1
    on _t1._key = toString(tuple(_m.`row_count` > 0)) and _t1._at <= toInt64(intDiv(toUnixTimestamp64Micro(_m.`day`) - 946857600000000, 86400000000));

-- step: create view analytics_daily_active_users_sketch
create or replace view `analytics_daily_active_users_sketch` on cluster '{cluster}' as
select
    _k.`day` as `day`,
    ['active_users'] as `measures`,
    _k.`register` as `register`,
    _k.`rho` as `rho`
from `analytics_daily_active_users_v1_sketch_live` as _k;

-- step: create table analytics_errors_hourly_v1
-- fingerprint: 1bf0075531158a21e9ebdc506c11e792da81fcf03cfd55248e7503114c53f0b0
create table if not exists `analytics_errors_hourly_v1` on cluster '{cluster}' (
    `hour` DateTime64(6, 'UTC'),
    `service` Nullable(String),
    `error_type` Nullable(String),
    `row_count` UInt64,
    `error_count` UInt64,
    `affected_users` UInt64,
    `sample_error_message` Nullable(String),
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_errors_hourly_v1', '{shard}_{replica}')
partition by toYYYYMM(`hour`)
order by (`hour`, `service`, `error_type`)
settings allow_nullable_key = 1;

-- step: create view analytics_errors_hourly_v1_rows
create or replace view `analytics_errors_hourly_v1_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 3600000000), 'UTC') as `hour`,
    `$service: string` as `service`,
    `error_type: string` as `error_type`,
    count() as `row_count`,
    count() as `error_count`,
    uniqExact(`$user_id: uuid`) as `affected_users`,
    argMinIf(`error_message: string`, tuple(_time, toString(_id)), isNotNull(`error_message: string`)) as `sample_error_message`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        toNullable(toString(service)) as `$service: string`,
        if(JSONType(data, 'error_type') = 'String', JSONExtractString(data, 'error_type'), null) as `error_type: string`,
        user_id as `$user_id: uuid`,
        if(JSONType(data, 'error_message') = 'String', JSONExtractString(data, 'error_message'), null) as `error_message: string`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('application_error')
)
group by 1, 2, 3;

-- step: create view analytics_errors_hourly_v1_live
create or replace view `analytics_errors_hourly_v1_live` on cluster '{cluster}' as
select
    `hour`,
    `service`,
    `error_type`,
    `row_count`,
    `error_count`,
    `affected_users`,
    `sample_error_message`
from `analytics_errors_hourly_v1`
where (`hour`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'analytics_errors_hourly_v1' group by bucket
)
    and `hour` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 3600000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_errors_hourly_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 3600000000), 'UTC') as `hour`,
    `$service: string` as `service`,
    `error_type: string` as `error_type`,
    count() as `row_count`,
    count() as `error_count`,
    uniqExact(`$user_id: uuid`) as `affected_users`,
    argMinIf(`error_message: string`, tuple(_time, toString(_id)), isNotNull(`error_message: string`)) as `sample_error_message`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        toNullable(toString(service)) as `$service: string`,
        if(JSONType(data, 'error_type') = 'String', JSONExtractString(data, 'error_type'), null) as `error_type: string`,
        user_id as `$user_id: uuid`,
        if(JSONType(data, 'error_message') = 'String', JSONExtractString(data, 'error_message'), null) as `error_message: string`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 3600000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_errors_hourly_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('application_error')
)
group by 1, 2, 3;

-- step: create view analytics_errors_hourly
create or replace view `analytics_errors_hourly` on cluster '{cluster}' as
select
    _m.`hour` as `hour`,
    _m.`service` as `service`,
    _m.`error_type` as `error_type`,
    _m.`error_count` as `error_count`,
    _m.`affected_users` as `affected_users`,
    _m.`sample_error_message` as `sample_error_message`
from `analytics_errors_hourly_v1_live` as _m;

-- step: create table analytics_integration_health_daily_v1
-- fingerprint: 0e669447d6abc54ceaeb33d0c5faad6750be63bf323c089df36f0ad45fac3874
create table if not exists `analytics_integration_health_daily_v1` on cluster '{cluster}' (
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

-- step: create view analytics_integration_health_daily_v1_rows
create or replace view `analytics_integration_health_daily_v1_rows` on cluster '{cluster}' as
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

-- step: create view analytics_integration_health_daily_v1_live
create or replace view `analytics_integration_health_daily_v1_live` on cluster '{cluster}' as
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

-- step: create view analytics_integration_health_daily
create or replace view `analytics_integration_health_daily` on cluster '{cluster}' as
select
    _m.`day` as `day`,
    _m.`provider` as `provider`,
    _m.`connections` as `connections`,
    _m.`disconnections` as `disconnections`,
    _m.`uses` as `uses`,
    _m.`errors` as `errors`,
    _m.`unique_users` as `unique_users`
from `analytics_integration_health_daily_v1_live` as _m;

-- step: create table analytics_members_daily_v1
-- fingerprint: 3e55fdd09a460cafb3103502af1adb2dae2213bda83bdc323f59390ae4e7722d
create table if not exists `analytics_members_daily_v1` on cluster '{cluster}' (
    `day` DateTime64(6, 'UTC'),
    `member` UUID,
    `first` DateTime64(6, 'UTC'),
    `last` DateTime64(6, 'UTC'),
    `row_count` UInt64,
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_members_daily_v1', '{shard}_{replica}')
partition by toYYYYMM(`day`)
order by (`day`, `member`)
settings allow_nullable_key = 1;

-- step: create view analytics_members_daily_v1_rows
create or replace view `analytics_members_daily_v1_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    assumeNotNull(`$user_id: uuid`) as `member`,
    min(_time) as `first`,
    max(_time) as `last`,
    count() as `row_count`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
)
where isNotNull(`$user_id: uuid`)
group by 1, 2;

-- step: create view analytics_members_daily_v1_live
create or replace view `analytics_members_daily_v1_live` on cluster '{cluster}' as
select
    `day`,
    `member`,
    `first`,
    `last`,
    `row_count`
from `analytics_members_daily_v1`
where (`day`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'analytics_members_daily_v1' group by bucket
)
    and `day` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_members_daily_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    assumeNotNull(`$user_id: uuid`) as `member`,
    min(_time) as `first`,
    max(_time) as `last`,
    count() as `row_count`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'analytics_members_daily_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
)
where isNotNull(`$user_id: uuid`)
group by 1, 2;

-- step: create view analytics_members_daily
create or replace view `analytics_members_daily` on cluster '{cluster}' as
select
    _at as `day`,
    _members as members,
    _new as new_members,
    toUInt64(_members - _new) as returning_members,
    sum(_new) over (order by _at) as total_members
from (
    select _at, count() as _members, countIf(_at = _first) as _new
    from (
        select min(_row.`day`) as _first, arrayJoin(groupArray(_row.`day`)) as _at
        from `analytics_members_daily_v1_live` as _row
        group by _row.`member`
    )
    group by _at
);

-- step: create view analytics_members
create or replace view `analytics_members` on cluster '{cluster}' as
select _row.`member` as member, min(_row.`first`) as first, max(_row.`last`) as last
from `analytics_members_daily_v1_live` as _row
group by _row.`member`;

-- step: create table analytics_task_stats_daily_v1
-- fingerprint: e9ca0e6c628e1c54c841d4511681c07453dbb4437a43fab0f677d8e5e727d122
create table if not exists `analytics_task_stats_daily_v1` on cluster '{cluster}' (
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

-- step: create view analytics_task_stats_daily_v1_rows
create or replace view `analytics_task_stats_daily_v1_rows` on cluster '{cluster}' as
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

-- step: create view analytics_task_stats_daily_v1_live
create or replace view `analytics_task_stats_daily_v1_live` on cluster '{cluster}' as
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

-- step: create table analytics_task_stats_daily_v1_distribution
-- fingerprint: 0519737478be27ab2a141ead435424b0afe990e7326f50f226a9f430ae07d996
create table if not exists `analytics_task_stats_daily_v1_distribution` on cluster '{cluster}' (
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

-- step: create view analytics_task_stats_daily_v1_distribution_rows
create or replace view `analytics_task_stats_daily_v1_distribution_rows` on cluster '{cluster}' as
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

-- step: create view analytics_task_stats_daily_v1_distribution_live
create or replace view `analytics_task_stats_daily_v1_distribution_live` on cluster '{cluster}' as
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

-- step: create view analytics_task_stats_daily
create or replace view `analytics_task_stats_daily` on cluster '{cluster}' as
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

-- step: create view analytics_task_stats_daily_distribution
create or replace view `analytics_task_stats_daily_distribution` on cluster '{cluster}' as
select
    _d.`day` as `day`,
    ['p95_duration_ms'] as `measures`,
    multiIf(_d.`sign` = 0, 0., _d.`sign` = 1, pow(1.02, _d.`magnitude` - 1), -pow(1.02, _d.`magnitude`)) as `lower_bound`,
    multiIf(_d.`sign` = 0, 0., _d.`sign` = 1, pow(1.02, _d.`magnitude`), -pow(1.02, _d.`magnitude` - 1)) as `upper_bound`,
    if(_d.`sign` = 0, 0., _d.`sign` * pow(1.02, _d.`magnitude`) * 0.9900990099009901) as `estimate`,
    _d.`row_count` as `row_count`
from `analytics_task_stats_daily_v1_distribution_live` as _d;

-- step: create table daily_retention_v1
-- fingerprint: 255a3d7c5a1456e29363d8b1b74d96e9b110cad86fd29b29c1a98977f7cc7f02
create table if not exists `daily_retention_v1` on cluster '{cluster}' (
    `day` DateTime64(6, 'UTC'),
    `member` UUID,
    `started` Bool,
    `returned` Bool,
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/daily_retention_v1', '{shard}_{replica}')
partition by toYYYYMM(`day`)
order by (`day`, `member`)
settings allow_nullable_key = 1;

-- step: create view daily_retention_v1_rows
create or replace view `daily_retention_v1_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    assumeNotNull(`$user_id: uuid`) as `member`,
    toBool(countIf(true) > 0) as `started`,
    toBool(countIf(true) > 0) as `returned`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
)
where isNotNull(`$user_id: uuid`)
group by 1, 2;

-- step: create view daily_retention_v1_live
create or replace view `daily_retention_v1_live` on cluster '{cluster}' as
select
    `day`,
    `member`,
    `started`,
    `returned`
from `daily_retention_v1`
where (`day`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'daily_retention_v1' group by bucket
)
    and `day` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'daily_retention_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    assumeNotNull(`$user_id: uuid`) as `member`,
    toBool(countIf(true) > 0) as `started`,
    toBool(countIf(true) > 0) as `returned`
from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        user_id as `$user_id: uuid`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'daily_retention_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
)
where isNotNull(`$user_id: uuid`)
group by 1, 2;

-- step: create view daily_retention
create or replace view `daily_retention` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro((_cohort) * 86400000000 + 946857600000000, 'UTC') as `day`,
    toUInt64(_period) as period,
    _size as members,
    arraySum((one, many) -> if(one = _period, many, 0), _returned.1, _returned.2) as returned,
    returned / _size as rate,
    toBool(_cohort + _period + 1 <= toInt64(intDiv(toUnixTimestamp64Micro(now64(6, 'UTC')) - 946857600000000, 86400000000))) as complete
from (
    select
        _cohort,
        count() as _size,
        sumMap(_counted, arrayMap(one -> toUInt64(1), _counted)) as _returned,
        arrayJoin(range(31)) as _period
    from (
        select _cohort, _periods as _counted
        from (
            select
                _start as _cohort,
                arrayFilter(one -> one between 0 and 30, arrayMap(one -> one - _start, _returns)) as _periods
            from (
                select
                    minIf(toInt64(intDiv(toUnixTimestamp64Micro(_row.`day`) - 946857600000000, 86400000000)), _row.`started`) as _start,
                    groupUniqArrayIf(toInt64(intDiv(toUnixTimestamp64Micro(_row.`day`) - 946857600000000, 86400000000)), _row.`returned`) as _returns
                from `daily_retention_v1_live` as _row
                group by _row.`member`
                having countIf(_row.`started`) > 0
            )
        )
    )
    group by _cohort
)
where _cohort + _period <= toInt64(intDiv(toUnixTimestamp64Micro(now64(6, 'UTC')) - 946857600000000, 86400000000));

-- step: create view daily_retention_mean
create or replace view `daily_retention_mean` on cluster '{cluster}' as
select
    _cell.period as period,
    count() as cohorts,
    sum(_cell.members) as members,
    sum(_cell.returned) as returned,
    sum(_cell.returned) / sum(_cell.members) as rate
from `daily_retention` as _cell
where _cell.complete
group by _cell.period;

-- step: create view daily_retention_lifecycle
create or replace view `daily_retention_lifecycle` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro((_step.1) * 86400000000 + 946857600000000, 'UTC') as `day`,
    sum(_step.2) as new_members,
    sum(_step.3) as returning_members,
    sum(_step.4) as resurrected_members,
    sum(_step.5) as dormant_members,
    toBool(_step.1 + 1 <= toInt64(intDiv(toUnixTimestamp64Micro(now64(6, 'UTC')) - 946857600000000, 86400000000))) as complete
from (
    select arrayJoin([(_at, _new, _same, _again, toUInt64(0)), (_at + 1, 0, 0, 0, _left)]) as _step
    from (
        select
            _visit.1 as _at,
            countIf(_visit.2 = 0) as _new,
            countIf(_visit.2 = 1) as _same,
            countIf(_visit.2 > 1) as _again,
            countIf(_visit.3 != 1) as _left
        from (
            select arrayJoin(arrayZip(_visits, _gaps, arrayResize(arrayPopFront(_gaps), length(_gaps), 0))) as _visit
            from (
                select
                    arraySort(groupUniqArrayIf(toInt64(intDiv(toUnixTimestamp64Micro(_row.`day`) - 946857600000000, 86400000000)), _row.`returned`)) as _visits,
                    arrayDifference(_visits) as _gaps
                from `daily_retention_v1_live` as _row
                group by _row.`member`
            )
        )
        group by _at
    )
)
where _step.1 <= toInt64(intDiv(toUnixTimestamp64Micro(now64(6, 'UTC')) - 946857600000000, 86400000000))
group by _step.1
having new_members + returning_members + resurrected_members + dormant_members > 0;

-- step: create table task_flow_v1
-- fingerprint: d2021f23a3800188ae37a0fcb0b3b237517f0b1468bccc63731e701459c2213b
create table if not exists `task_flow_v1` on cluster '{cluster}' (
    `day` DateTime64(6, 'UTC'),
    `member` UUID,
    `times` Array(DateTime64(6, 'UTC')),
    `steps` Array(UInt16),
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/task_flow_v1', '{shard}_{replica}')
partition by toYYYYMM(`day`)
order by (`day`, `member`)
settings allow_nullable_key = 1;

-- step: create view task_flow_v1_rows
create or replace view `task_flow_v1_rows` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    assumeNotNull(`$user_id: uuid`) as `member`,
    arrayMap(one -> one.1, arraySort(groupArray(tuple(_time, toString(_id), _value_1)))) as `times`,
    arrayMap(one -> one.3, arraySort(groupArray(tuple(_time, toString(_id), _value_1)))) as `steps`
from (
    select
        *,
        toUInt16(if(_type = 'task_created', 1, 0) + if(_type = 'task_started', 2, 0) + if(_type = 'task_completed' and `exit_code: int` = toInt64('0'), 4, 0)) as _value_1
    from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        user_id as `$user_id: uuid`,
        nullIf(multiIf(JSONType(data, 'exit_code') = 'Int64', toNullable(JSONExtractInt(data, 'exit_code')), JSONType(data, 'exit_code') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'exit_code'), 'Int64'), JSONType(data, 'exit_code') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'exit_code'), 'Int64'), null), toInt64('-9223372036854775808')) as `exit_code: int`
    from `analytics_events` final
    where timestamp >= {from_time:DateTime64(6, 'UTC')}
        and timestamp < {to_time:DateTime64(6, 'UTC')}
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('task_created', 'task_started', 'task_completed')
    )
)
where isNotNull(`$user_id: uuid`)
    and _value_1 != 0
group by 1, 2;

-- step: create view task_flow_v1_live
create or replace view `task_flow_v1_live` on cluster '{cluster}' as
select
    `day`,
    `member`,
    `times`,
    `steps`
from `task_flow_v1`
where (`day`, _version) in (
    select bucket, max(version) from `analytics_meta_buckets` where rollup = 'task_flow_v1' group by bucket
)
    and `day` < (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'task_flow_v1')
union all
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_time) - positiveModulo(toUnixTimestamp64Micro(_time) - 946857600000000, 86400000000), 'UTC') as `day`,
    assumeNotNull(`$user_id: uuid`) as `member`,
    arrayMap(one -> one.1, arraySort(groupArray(tuple(_time, toString(_id), _value_1)))) as `times`,
    arrayMap(one -> one.3, arraySort(groupArray(tuple(_time, toString(_id), _value_1)))) as `steps`
from (
    select
        *,
        toUInt16(if(_type = 'task_created', 1, 0) + if(_type = 'task_started', 2, 0) + if(_type = 'task_completed' and `exit_code: int` = toInt64('0'), 4, 0)) as _value_1
    from (
    select
        timestamp as _time,
        event_id as _id,
        toString(event_type) as _type,
        user_id as `$user_id: uuid`,
        nullIf(multiIf(JSONType(data, 'exit_code') = 'Int64', toNullable(JSONExtractInt(data, 'exit_code')), JSONType(data, 'exit_code') = 'UInt64', accurateCastOrNull(JSONExtractUInt(data, 'exit_code'), 'Int64'), JSONType(data, 'exit_code') = 'Double', accurateCastOrNull(JSONExtractFloat(data, 'exit_code'), 'Int64'), null), toInt64('-9223372036854775808')) as `exit_code: int`
    from `analytics_events` final
    where timestamp >= (select fromUnixTimestamp64Micro(toUnixTimestamp64Micro(max(until)) - positiveModulo(toUnixTimestamp64Micro(max(until)) - 946857600000000, 86400000000), 'UTC') from `analytics_meta_buckets` where rollup = 'task_flow_v1')
        and timestamp >= toDateTime64('1970-01-01 00:00:00', 6, 'UTC')
        and timestamp < toDateTime64('9999-01-01 00:00:00', 6, 'UTC')
        and event_type in ('task_created', 'task_started', 'task_completed')
    )
)
where isNotNull(`$user_id: uuid`)
    and _value_1 != 0
group by 1, 2;

-- step: create view task_flow_v1_answers
create or replace view `task_flow_v1_answers` on cluster '{cluster}' as
select
    fromUnixTimestamp64Micro((_bucket) * 86400000000 + 946857600000000, 'UTC') as bucket,
    count(_took_1) as members_1,
    count(_took_2) as members_2,
    count(_took_3) as members_3,
    quantilesExactInclusive(0.5, 0.9)(toFloat64(_took_2) / 1000000) as seconds_2,
    quantilesExactInclusive(0.5, 0.9)(toFloat64(_took_3) / 1000000) as seconds_3
from (
    select
        _attempt.1 as _bucket,
        min(if(_attempt.2[1] <= 604800000000, _attempt.2[1], null)) as _took_1,
        min(if(_attempt.2[2] <= 604800000000, _attempt.2[2], null)) as _took_2,
        min(if(_attempt.2[3] <= 604800000000, _attempt.2[3], null)) as _took_3
    from (
        select
            _member,
            arrayJoin(arrayFilter(
                (one, mark) -> bitAnd(mark, 1) != 0,
                arrayZip(_buckets, _took),
                _marks
            )) as _attempt
        from (
            select
                _member, _buckets, _times, _marks,
                arrayMap((at, ends) -> [toInt64(0), ends.1 - at, ends.2 - at], _times, _ends_1) as _took
            from (
                select
                    _member, _buckets, _times, _marks,
                    arrayPopFront(arrayReverseFill(
                        (done, mark) -> bitAnd(mark, 2) != 0,
                        arrayPushBack(arrayMap((at, mark, ends) -> tuple(at, ends.1), _times, _marks, _ends_2), tuple(toInt64('9223372036854775807'), toInt64('9223372036854775807'))),
                        arrayPushBack(_marks, 0)
                    )) as _ends_1
                from (
                    select
                        _member, _buckets, _times, _marks,
                        arrayPopFront(arrayReverseFill(
                            (done, mark) -> bitAnd(mark, 4) != 0,
                            arrayPushBack(arrayMap((at, mark) -> tuple(at), _times, _marks), tuple(toInt64('9223372036854775807'))),
                            arrayPushBack(_marks, 0)
                        )) as _ends_2
                    from (
                        select
                            _member,
                            arrayFlatten(arrayMap(one -> arrayMap(at -> one.1, one.2), _stored)) as _buckets,
                            arrayFlatten(arrayMap(one -> arrayMap(at -> toUnixTimestamp64Micro(at), one.2), _stored)) as _times,
                            arrayFlatten(arrayMap(one -> one.3, _stored)) as _marks
                        from (
                            select
                                _row.`member` as _member,
                                arraySort(one -> one.1, groupArray(tuple(
                                    toInt64(intDiv(toUnixTimestamp64Micro(_row.`day`) - 946857600000000, 86400000000)), _row.`times`, _row.`steps`
                                ))) as _stored
                            from `task_flow_v1_live` as _row
                            group by _member
                        )
                    )
                )
            )
        )
    )
    group by _member, _bucket
)
group by _bucket;

-- step: create view task_flow
create or replace view `task_flow` on cluster '{cluster}' as
select
    _answer.bucket as `day`,
    _answer.members_1 as entered,
    _answer.members_3 as converted,
    _answer.members_3 / _answer.members_1 as rate,
    if(_answer.members_3 = 0, null, _answer.seconds_3[1]) as seconds_p50,
    if(_answer.members_3 = 0, null, _answer.seconds_3[2]) as seconds_p90,
    toBool(toInt64(intDiv(toUnixTimestamp64Micro(_answer.bucket) - 946857600000000, 86400000000)) + 1 > toInt64(intDiv(toUnixTimestamp64Micro(fromUnixTimestamp64Micro(toUnixTimestamp64Micro(now64(6, 'UTC')) - 604800000000, 'UTC')) - 946857600000000, 86400000000))) as provisional
from `task_flow_v1_answers` as _answer;

-- step: create view task_flow_steps
create or replace view `task_flow_steps` on cluster '{cluster}' as
select
    _answer.bucket as `day`,
    toUInt64(_step.1) as step,
    _step.2 as step_name,
    _step.3 as members,
    _step.3 / _answer.members_1 as rate,
    _step.3 / nullIf(_step.4, 0) as step_rate,
    if(_step.1 = 1 or _step.3 = 0, null, _step.5[1]) as seconds_p50,
    if(_step.1 = 1 or _step.3 = 0, null, _step.5[2]) as seconds_p90,
    toBool(toInt64(intDiv(toUnixTimestamp64Micro(_answer.bucket) - 946857600000000, 86400000000)) + 1 > toInt64(intDiv(toUnixTimestamp64Micro(fromUnixTimestamp64Micro(toUnixTimestamp64Micro(now64(6, 'UTC')) - 604800000000, 'UTC')) - 946857600000000, 86400000000))) as provisional
from `task_flow_v1_answers` as _answer
array join [
    (1, 'created', _answer.members_1, 0, []),
    (2, 'started', _answer.members_2, _answer.members_1, _answer.seconds_2),
    (3, 'done', _answer.members_3, _answer.members_2, _answer.seconds_3)
] as _step;

-- step: create view analytics_meta_installation
create or replace view `analytics_meta_installation` on cluster '{cluster}' as
select
    'adi' as catalog,
    'analytics_events' as `table`,
    'analytics_dead_letters' as dead_letters_table,
    cast(7776000, 'Nullable(UInt64)') as retention;

-- step: create view analytics_meta_aggregates
create or replace view `analytics_meta_aggregates` on cluster '{cluster}' as
select
    'analytics_daily_active_users' as aggregate,
    'analytics_daily_active_users_v1' as rollup,
    'day' as bucket,
    ['analytics_daily_active_users_v1', 'analytics_daily_active_users_v1_users', 'analytics_daily_active_users_v1_sketch'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'analytics_task_stats_daily' as aggregate,
    'analytics_task_stats_daily_v1' as rollup,
    'day' as bucket,
    ['analytics_task_stats_daily_v1', 'analytics_task_stats_daily_v1_distribution'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'analytics_api_latency_hourly' as aggregate,
    'analytics_api_latency_hourly_v1' as rollup,
    'hour' as bucket,
    ['analytics_api_latency_hourly_v1', 'analytics_api_latency_hourly_v1_distribution'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 3600000000), \'UTC\')' as start,
    toUInt64(3600000000) as longest,
    toUInt64(900000000) as every,
    toUInt64(900000000) as lag
union all
select
    'analytics_integration_health_daily' as aggregate,
    'analytics_integration_health_daily_v1' as rollup,
    'day' as bucket,
    ['analytics_integration_health_daily_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'analytics_auth_events_daily' as aggregate,
    'analytics_auth_events_daily_v1' as rollup,
    'day' as bucket,
    ['analytics_auth_events_daily_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'analytics_cocoon_activity_daily' as aggregate,
    'analytics_cocoon_activity_daily_v1' as rollup,
    'day' as bucket,
    ['analytics_cocoon_activity_daily_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'analytics_errors_hourly' as aggregate,
    'analytics_errors_hourly_v1' as rollup,
    'hour' as bucket,
    ['analytics_errors_hourly_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 3600000000), \'UTC\')' as start,
    toUInt64(3600000000) as longest,
    toUInt64(900000000) as every,
    toUInt64(900000000) as lag
union all
select
    'analytics_members_daily' as aggregate,
    'analytics_members_daily_v1' as rollup,
    'day' as bucket,
    ['analytics_members_daily_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'daily_retention' as aggregate,
    'daily_retention_v1' as rollup,
    'day' as bucket,
    ['daily_retention_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'task_flow' as aggregate,
    'task_flow_v1' as rollup,
    'day' as bucket,
    ['task_flow_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag;
