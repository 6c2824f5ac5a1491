-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- Users who did something, by day. Weekly and monthly are distinct users of the trailing 7 and 30 days.

-- table analytics_daily_active_users_v1
-- fingerprint: e092981bb03ae7bb0c44fd0a945ee77e18948bac3e66a61cf2ab6a3043ca0562
create table `analytics_daily_active_users_v1` on cluster '{cluster}' (
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

-- the rows of a range of time
create view `analytics_daily_active_users_v1_rows` on cluster '{cluster}' as
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

-- view analytics_daily_active_users_v1_live
create view `analytics_daily_active_users_v1_live` on cluster '{cluster}' as
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

-- table analytics_daily_active_users_v1_users
-- fingerprint: 7c69967d0353c9aee613de05de1441e661906e62464ae31d214276f04bd1c41f
create table `analytics_daily_active_users_v1_users` on cluster '{cluster}' (
    `day` DateTime64(6, 'UTC'),
    `member` Nullable(UUID),
    `row_count` UInt64,
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_daily_active_users_v1_users', '{shard}_{replica}')
partition by toYYYYMM(`day`)
order by (`day`, `member`)
settings allow_nullable_key = 1;

-- the rows of a range of time
create view `analytics_daily_active_users_v1_users_rows` on cluster '{cluster}' as
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

-- view analytics_daily_active_users_v1_users_live
create view `analytics_daily_active_users_v1_users_live` on cluster '{cluster}' as
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

-- table analytics_daily_active_users_v1_sketch
-- fingerprint: b083c4796dfed7c5bfe7809c228aa9be6538a6de157ebf38bd56e73772872651
create table `analytics_daily_active_users_v1_sketch` on cluster '{cluster}' (
    `day` DateTime64(6, 'UTC'),
    `register` Nullable(UInt16),
    `rho` Nullable(UInt8),
    `_version` UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_daily_active_users_v1_sketch', '{shard}_{replica}')
partition by toYYYYMM(`day`)
order by (`day`, `register`)
settings allow_nullable_key = 1;

-- the rows of a range of time
create view `analytics_daily_active_users_v1_sketch_rows` on cluster '{cluster}' as
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

-- view analytics_daily_active_users_v1_sketch_live
create view `analytics_daily_active_users_v1_sketch_live` on cluster '{cluster}' as
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

-- view analytics_daily_active_users
create view `analytics_daily_active_users` on cluster '{cluster}' as
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

-- view analytics_daily_active_users_sketch
create view `analytics_daily_active_users_sketch` on cluster '{cluster}' as
select
    _k.`day` as `day`,
    ['active_users'] as `measures`,
    _k.`register` as `register`,
    _k.`rho` as `rho`
from `analytics_daily_active_users_v1_sketch_live` as _k;
