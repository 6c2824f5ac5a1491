-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- Everybody who did something that an event tells of.

-- table analytics_members_daily_v1
-- fingerprint: 3e55fdd09a460cafb3103502af1adb2dae2213bda83bdc323f59390ae4e7722d
create table `analytics_members_daily_v1` (
    `day` DateTime64(6, 'UTC'),
    `member` UUID,
    `first` DateTime64(6, 'UTC'),
    `last` DateTime64(6, 'UTC'),
    `row_count` UInt64,
    `_version` UInt64
)
engine = MergeTree
partition by toYYYYMM(`day`)
order by (`day`, `member`)
settings allow_nullable_key = 1;

-- the rows of a range of time
create view `analytics_members_daily_v1_rows` as
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

-- view analytics_members_daily_v1_live
create view `analytics_members_daily_v1_live` as
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

-- view analytics_members_daily
create view `analytics_members_daily` as
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

-- view analytics_members
create view `analytics_members` as
select _row.`member` as member, min(_row.`first`) as first, max(_row.`last`) as last
from `analytics_members_daily_v1_live` as _row
group by _row.`member`;
