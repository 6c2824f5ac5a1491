-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- Application errors by hour, service and type.

-- table analytics_errors_hourly_v1
-- fingerprint: 1bf0075531158a21e9ebdc506c11e792da81fcf03cfd55248e7503114c53f0b0
create table `analytics_errors_hourly_v1` (
    `hour` DateTime64(6, 'UTC'),
    `service` Nullable(String),
    `error_type` Nullable(String),
    `row_count` UInt64,
    `error_count` UInt64,
    `affected_users` UInt64,
    `sample_error_message` Nullable(String),
    `_version` UInt64
)
engine = MergeTree
partition by toYYYYMM(`hour`)
order by (`hour`, `service`, `error_type`)
settings allow_nullable_key = 1;

-- the rows of a range of time
create view `analytics_errors_hourly_v1_rows` as
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

-- view analytics_errors_hourly_v1_live
create view `analytics_errors_hourly_v1_live` as
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

-- view analytics_errors_hourly
create view `analytics_errors_hourly` as
select
    _m.`hour` as `hour`,
    _m.`service` as `service`,
    _m.`error_type` as `error_type`,
    _m.`error_count` as `error_count`,
    _m.`affected_users` as `affected_users`,
    _m.`sample_error_message` as `sample_error_message`
from `analytics_errors_hourly_v1_live` as _m;
