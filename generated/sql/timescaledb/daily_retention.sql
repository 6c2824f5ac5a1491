-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Who comes back, by the day on which they were first seen.

-- continuous aggregate daily_retention_v1
create materialized view "daily_retention_v1"
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as
select
    time_bucket(interval '1 day', "timestamp") as "day",
    user_id as "member",
    coalesce(bool_or(true), false) as "started",
    coalesce(bool_or(true), false) as "returned"
from "analytics_events"
where "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2
with no data;

-- view daily_retention_v1_live
create or replace view "daily_retention_v1_live" as
select
    "day",
    "member",
    "started",
    "returned"
from "daily_retention_v1";

-- table daily_retention_v1_known
create table "daily_retention_v1_known" (
    member uuid not null,
    started timestamp with time zone,
    returned timestamp with time zone
) with (fillfactor = 80);

-- index member of daily_retention_v1_known
create index "daily_retention_v1_known_idx"
    on "daily_retention_v1_known" (member);

-- index started of daily_retention_v1_known
create index "daily_retention_v1_known_1_idx"
    on "daily_retention_v1_known" (started);

-- index returned of daily_retention_v1_known
create index "daily_retention_v1_known_2_idx"
    on "daily_retention_v1_known" (returned);

-- function daily_retention_v1_known_rows
create function "daily_retention_v1_known_rows"(_from_time timestamptz, _to_time timestamptz)
returns setof "daily_retention_v1_known"
language sql stable
begin atomic
select
    "member" as member,
    min("day") filter (where "started") as started,
    min("day") filter (where "returned") as returned
from "daily_retention_v1_live"
where "day" >= _from_time and "day" < _to_time
group by "member";
end;

-- table daily_retention_v1_answers
create table "daily_retention_v1_answers" (
    bucket timestamp with time zone not null,
    cohort timestamp with time zone,
    period integer,
    members bigint,
    returned bigint
);

-- index bucket of daily_retention_v1_answers
create index "daily_retention_v1_answers_idx"
    on "daily_retention_v1_answers" (bucket);

-- function daily_retention_v1_answered
create function "daily_retention_v1_answered"(_from_time timestamptz, _to_time timestamptz)
returns setof "daily_retention_v1_answers"
language sql stable
begin atomic
select _cohort as bucket, _cohort as cohort, null::integer as period, count(*) as members, 0::bigint as returned
from (
    select member as _member, started as _cohort
    from "daily_retention_v1_known"
    where started >= _from_time and started < _to_time
) as _start
group by 1
union all
select _return."day", _start._cohort,
    (extract(epoch from _return."day" - _start._cohort) / 86400)::integer, 0, count(*)
from (
    select member as _member, started as _cohort
    from "daily_retention_v1_known"
    where started >= _from_time - interval '720 hours' and started < _to_time
) as _start
join "daily_retention_v1_live" as _return
    on _return."member" = _start._member
    and _return."day" >= _start._cohort and _return."day" <= _start._cohort + 30 * interval '24 hours'
where _return."returned" and _return."day" >= _from_time and _return."day" < _to_time
group by 1, 2, 3;
end;

-- table daily_retention_v1_life
create table "daily_retention_v1_life" (
    bucket timestamp with time zone not null,
    new_members bigint,
    returning_members bigint,
    resurrected_members bigint,
    dormant_members bigint
);

-- index bucket of daily_retention_v1_life
create index "daily_retention_v1_life_idx"
    on "daily_retention_v1_life" (bucket);

-- function daily_retention_v1_lived
create function "daily_retention_v1_lived"(_from_time timestamptz, _to_time timestamptz)
returns setof "daily_retention_v1_life"
language sql stable
begin atomic
select
    _step._at as bucket,
    sum(_step._new)::bigint as new_members,
    sum(_step._returning)::bigint as returning_members,
    sum(_step._resurrected)::bigint as resurrected_members,
    sum(_step._dormant)::bigint as dormant_members
from (
    select
        _bucket,
        count(*) filter (where _bucket = _first) as _new,
        count(*) filter (where _bucket > _first and _before is not distinct from _bucket - interval '24 hours') as _returning,
        count(*) filter (where _bucket > _first and not _before is not distinct from _bucket - interval '24 hours') as _resurrected,
        count(*) filter (where _after is distinct from _bucket + interval '24 hours') as _dormant
    from (
        select
            _row."day" as _bucket,
            _known.returned as _first,
            lag(_row."day") over _of_member as _before,
            lead(_row."day") over _of_member as _after
        from "daily_retention_v1_live" as _row
        left join "daily_retention_v1_known" as _known on _known.member = _row."member"
        where _row."returned" and _row."day" >= _from_time - interval '24 hours' and _row."day" < _to_time
        window _of_member as (partition by _row."member" order by _row."day")
    ) as _visits
    group by 1
) as _count
cross join lateral (values
    (_count._bucket, _count._new, _count._returning, _count._resurrected, 0),
    (_count._bucket + interval '24 hours', 0, 0, 0, _count._dormant)
) as _step (_at, _new, _returning, _resurrected, _dormant)
where _step._at >= _from_time and _step._at < _to_time
group by 1
having sum(_step._new + _step._returning + _step._resurrected + _step._dormant) > 0;
end;

-- view daily_retention
create or replace view "daily_retention" as
with _cells as materialized (
    select bucket, cohort, period, members, returned
    from "daily_retention_v1_answers"
    where bucket < coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity')
    union all
    select _cohort as bucket, _cohort as cohort, null::integer as period, count(*) as members, 0::bigint as returned
    from (
        select member as _member, started as _cohort
        from "daily_retention_v1_known"
        where started >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity')
        union all
        select _row."member", min(_row."day")
        from "daily_retention_v1_live" as _row
        where _row."day" >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity') and _row."started" and not exists (
            select from "daily_retention_v1_known" as _known where _known.member = _row."member" and _known.started is not null
        )
        group by 1
    ) as _start
    group by 1
    union all
    select _return."day", _start._cohort,
        (extract(epoch from _return."day" - _start._cohort) / 86400)::integer, 0, count(*)
    from (
        select member as _member, started as _cohort
        from "daily_retention_v1_known"
        where started >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity') - interval '720 hours'
        union all
        select _row."member", min(_row."day")
        from "daily_retention_v1_live" as _row
        where _row."day" >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity') and _row."started" and not exists (
            select from "daily_retention_v1_known" as _known where _known.member = _row."member" and _known.started is not null
        )
        group by 1
    ) as _start
    join "daily_retention_v1_live" as _return
        on _return."member" = _start._member
        and _return."day" >= _start._cohort and _return."day" <= _start._cohort + 30 * interval '24 hours'
    where _return."returned" and _return."day" >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity')
    group by 1, 2, 3
)
select
    _size.cohort as "day",
    _at._period::bigint as period,
    _size.members,
    coalesce(_cell.returned, 0) as returned,
    coalesce(_cell.returned, 0)::double precision / _size.members as rate,
    _size.cohort + (_at._period + 1) * interval '24 hours' <= now() as complete
from _cells as _size
cross join generate_series(0, 30) as _at (_period)
left join _cells as _cell on _cell.cohort = _size.cohort and _cell.period = _at._period
where _size.period is null and _size.cohort + _at._period * interval '24 hours' <= now();

-- view daily_retention_lifecycle
create or replace view "daily_retention_lifecycle" as
select
    bucket as "day",
    new_members,
    returning_members,
    resurrected_members,
    dormant_members,
    bucket + interval '24 hours' <= now() as complete
from (
    select bucket, new_members, returning_members, resurrected_members, dormant_members
    from "daily_retention_v1_life"
    where bucket < coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity')
    union all
    select
        _step._at as bucket,
        sum(_step._new)::bigint as new_members,
        sum(_step._returning)::bigint as returning_members,
        sum(_step._resurrected)::bigint as resurrected_members,
        sum(_step._dormant)::bigint as dormant_members
    from (
        select
            _bucket,
            count(*) filter (where _bucket = _first) as _new,
            count(*) filter (where _bucket > _first and _before is not distinct from _bucket - interval '24 hours') as _returning,
            count(*) filter (where _bucket > _first and not _before is not distinct from _bucket - interval '24 hours') as _resurrected,
            count(*) filter (where _after is distinct from _bucket + interval '24 hours') as _dormant
        from (
            select
                _row."day" as _bucket,
                coalesce((
                    select _known.returned from "daily_retention_v1_known" as _known where _known.member = _row."member"
                ), min(_row."day") over (partition by _row."member")) as _first,
                lag(_row."day") over _of_member as _before,
                lead(_row."day") over _of_member as _after
            from "daily_retention_v1_live" as _row
            where _row."returned" and _row."day" >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity') - interval '24 hours'
            window _of_member as (partition by _row."member" order by _row."day")
        ) as _visits
        group by 1
    ) as _count
    cross join lateral (values
        (_count._bucket, _count._new, _count._returning, _count._resurrected, 0),
        (_count._bucket + interval '24 hours', 0, 0, 0, _count._dormant)
    ) as _step (_at, _new, _returning, _resurrected, _dormant)
    where _step._at >= coalesce((select until from analytics_meta.answers where rollup = 'daily_retention_v1'), '-infinity') and _step._at <= now()
    group by 1
    having sum(_step._new + _step._returning + _step._resurrected + _step._dormant) > 0
) as _bucket;

-- view daily_retention_mean
create or replace view "daily_retention_mean" as
select
    period,
    count(*) as cohorts,
    sum(members)::bigint as members,
    sum(returned)::bigint as returned,
    sum(returned)::double precision / nullif(sum(members), 0)::double precision as rate
from "daily_retention"
where complete
group by period;

-- comment on view daily_retention
comment on view "daily_retention" is 'Who comes back, by the day on which they were first seen.';

-- comment on column daily_retention.day
comment on column "daily_retention"."day" is 'The cohort: the bucket of 1 day of the start.';

-- comment on column daily_retention.period
comment on column "daily_retention"."period" is 'Buckets of 1 day after that of the start, from 0.';

-- comment on column daily_retention.members
comment on column "daily_retention"."members" is 'Members of the cohort.';

-- comment on column daily_retention.returned
comment on column "daily_retention"."returned" is 'Those of them that returned in the period.';

-- comment on column daily_retention.rate
comment on column "daily_retention"."rate" is 'returned over members, from 0 to 1.';

-- comment on column daily_retention.complete
comment on column "daily_retention"."complete" is 'Whether the count can no longer grow, but for late events.';

-- comment on view daily_retention_lifecycle
comment on view "daily_retention_lifecycle" is 'Members of daily_retention by how they came.';

-- comment on column daily_retention_lifecycle.day
comment on column "daily_retention_lifecycle"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column daily_retention_lifecycle.new_members
comment on column "daily_retention_lifecycle"."new_members" is 'Members that returned for the first time ever.';

-- comment on column daily_retention_lifecycle.returning_members
comment on column "daily_retention_lifecycle"."returning_members" is 'Members that had returned in the bucket before, too.';

-- comment on column daily_retention_lifecycle.resurrected_members
comment on column "daily_retention_lifecycle"."resurrected_members" is 'Members that had returned, but not in the bucket before.';

-- comment on column daily_retention_lifecycle.dormant_members
comment on column "daily_retention_lifecycle"."dormant_members" is 'Members that returned in the bucket before, but not here.';

-- comment on column daily_retention_lifecycle.complete
comment on column "daily_retention_lifecycle"."complete" is 'Whether the bucket is over.';

-- comment on view daily_retention_mean
comment on view "daily_retention_mean" is 'daily_retention over all complete cohorts, weighted.';

-- comment on column daily_retention_mean.period
comment on column "daily_retention_mean"."period" is 'Buckets of 1 day after that of the start, from 0.';

-- comment on column daily_retention_mean.cohorts
comment on column "daily_retention_mean"."cohorts" is 'Cohorts whose cell is complete.';

-- comment on column daily_retention_mean.members
comment on column "daily_retention_mean"."members" is 'Members of the cohort, in all of these cohorts.';

-- comment on column daily_retention_mean.returned
comment on column "daily_retention_mean"."returned" is 'Those of them that returned in the period, in all of these cohorts.';

-- comment on column daily_retention_mean.rate
comment on column "daily_retention_mean"."rate" is 'The mean of the cohorts'' rates, weighted by their members.';

-- refresh policy of daily_retention_v1
select add_continuous_aggregate_policy(
    '"daily_retention_v1"'::regclass,
    start_offset => interval '3 days',
    end_offset => interval '1 hour',
    schedule_interval => interval '1 hour'
);
