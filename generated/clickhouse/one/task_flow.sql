-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- From a new task to one that ended well.

-- table task_flow_v1
-- fingerprint: d2021f23a3800188ae37a0fcb0b3b237517f0b1468bccc63731e701459c2213b
create table `task_flow_v1` (
    `day` DateTime64(6, 'UTC'),
    `member` UUID,
    `times` Array(DateTime64(6, 'UTC')),
    `steps` Array(UInt16),
    `_version` UInt64
)
engine = MergeTree
partition by toYYYYMM(`day`)
order by (`day`, `member`)
settings allow_nullable_key = 1;

-- the rows of a range of time
create view `task_flow_v1_rows` as
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

-- view task_flow_v1_live
create view `task_flow_v1_live` as
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

-- how many members got to each step, and how soon: a row per bucket

create view `task_flow_v1_answers` as
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

-- view task_flow
create view `task_flow` as
select
    _answer.bucket as `day`,
    _answer.members_1 as entered,
    _answer.members_3 as converted,
    _answer.members_3 / _answer.members_1 as rate,
    if(_answer.members_3 = 0, null, _answer.seconds_3[1]) as seconds_p50,
    if(_answer.members_3 = 0, null, _answer.seconds_3[2]) as seconds_p90,
    toBool(toInt64(intDiv(toUnixTimestamp64Micro(_answer.bucket) - 946857600000000, 86400000000)) + 1 > toInt64(intDiv(toUnixTimestamp64Micro(fromUnixTimestamp64Micro(toUnixTimestamp64Micro(now64(6, 'UTC')) - 604800000000, 'UTC')) - 946857600000000, 86400000000))) as provisional
from `task_flow_v1_answers` as _answer;

-- view task_flow_steps
create view `task_flow_steps` as
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
