-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- Who comes back, by the day on which they were first seen.

-- table daily_retention_v1
-- fingerprint: 255a3d7c5a1456e29363d8b1b74d96e9b110cad86fd29b29c1a98977f7cc7f02
create table `daily_retention_v1` (
    `day` DateTime64(6, 'UTC'),
    `member` UUID,
    `started` Bool,
    `returned` Bool,
    `_version` UInt64
)
engine = MergeTree
partition by toYYYYMM(`day`)
order by (`day`, `member`)
settings allow_nullable_key = 1;

-- the rows of a range of time
create view `daily_retention_v1_rows` as
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

-- view daily_retention_v1_live
create view `daily_retention_v1_live` as
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

-- view daily_retention
create view `daily_retention` as
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

-- view daily_retention_mean
create view `daily_retention_mean` as
select
    _cell.period as period,
    count() as cohorts,
    sum(_cell.members) as members,
    sum(_cell.returned) as returned,
    sum(_cell.returned) / sum(_cell.members) as rate
from `daily_retention` as _cell
where _cell.complete
group by _cell.period;

-- view daily_retention_lifecycle
create view `daily_retention_lifecycle` as
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
