-- 0009_pre_ask_about_people: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: 581af3e1e47925866492f789945b64bdbd5913714abe025471d772a98f19ae82
-- why: create analytics_members_daily
-- why: create daily_retention
-- why: create task_flow
-- locks: none on analytics_events

-- table analytics_members_daily_v1
create table "analytics_members_daily_v1" (
    "day" timestamp with time zone not null,
    "member" uuid,
    "first" timestamp with time zone,
    "last" timestamp with time zone,
    "row_count" bigint
);

-- index on analytics_members_daily_v1
create index "analytics_members_daily_v1_day_idx"
    on "analytics_members_daily_v1" ("day");

-- function analytics_members_daily_v1_rows
create function "analytics_members_daily_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_members_daily_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    user_id as "member",
    min("timestamp") as "first",
    max("timestamp") as "last",
    count(*) as "row_count"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2;
end;

-- view analytics_members_daily_v1_live
create or replace view "analytics_members_daily_v1_live" as
select
    "day",
    "member",
    "first",
    "last",
    "row_count"
from "analytics_members_daily_v1"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_members_daily_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    user_id as "member",
    min("timestamp") as "first",
    max("timestamp") as "last",
    count(*) as "row_count"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_members_daily_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2;

-- watermark of analytics_members_daily_v1
insert into analytics_meta.rollups (rollup) values ('analytics_members_daily_v1') on conflict do nothing;

-- register analytics_members_daily_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('analytics_members_daily_v1', 'analytics_members_daily', 1,
    '[{"name": "analytics_members_daily_v1", "rows": "analytics_members_daily_v1_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of analytics_members_daily_v1
insert into analytics_meta.backfills (relation) values ('analytics_members_daily_v1');

-- view analytics_members_daily
create or replace view "analytics_members_daily" as
with _firsts as (
    select _first as _bucket, count(*) as _new
    from (select "member", min("day") as _first from "analytics_members_daily_v1_live" group by 1) as _member
    group by 1
)
select
    _current._bucket as "day",
    _current._members as members,
    coalesce(_first._new, 0) as new_members,
    _current._members - coalesce(_first._new, 0) as returning_members,
    (select sum(_until._new)::bigint from _firsts as _until where _until._bucket <= _current._bucket) as total_members
from (select "day" as _bucket, count(*) as _members from "analytics_members_daily_v1_live" group by 1) as _current
left join _firsts as _first on _first._bucket = _current._bucket;

-- view analytics_members
create or replace view "analytics_members" as
select "member" as member, min("first") as first, max("last") as last
from "analytics_members_daily_v1_live"
group by "member";

-- comment on view analytics_members_daily
comment on view "analytics_members_daily" is 'Members by bucket. Everybody who did something that an event tells of.';

-- comment on column analytics_members_daily.day
comment on column "analytics_members_daily"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_members_daily.members
comment on column "analytics_members_daily"."members" is 'Members that came in the bucket.';

-- comment on column analytics_members_daily.new_members
comment on column "analytics_members_daily"."new_members" is 'Those of them that had never come before.';

-- comment on column analytics_members_daily.returning_members
comment on column "analytics_members_daily"."returning_members" is 'Those of them that had come before.';

-- comment on column analytics_members_daily.total_members
comment on column "analytics_members_daily"."total_members" is 'All members that had come by the end of the bucket.';

-- comment on view analytics_members
comment on view "analytics_members" is 'A row per member. Everybody who did something that an event tells of.';

-- comment on column analytics_members.member
comment on column "analytics_members"."member" is 'The member.';

-- comment on column analytics_members.first
comment on column "analytics_members"."first" is 'When it came first, as far as events were ever stored.';

-- comment on column analytics_members.last
comment on column "analytics_members"."last" is 'When it came last.';

-- table daily_retention_v1
create table "daily_retention_v1" (
    "day" timestamp with time zone not null,
    "member" uuid,
    "started" boolean,
    "returned" boolean
);

-- index on daily_retention_v1
create index "daily_retention_v1_day_idx"
    on "daily_retention_v1" ("day");

-- function daily_retention_v1_rows
create function "daily_retention_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "daily_retention_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    user_id as "member",
    coalesce(bool_or(true), false) as "started",
    coalesce(bool_or(true), false) as "returned"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2;
end;

-- view daily_retention_v1_live
create or replace view "daily_retention_v1_live" as
select
    "day",
    "member",
    "started",
    "returned"
from "daily_retention_v1"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'daily_retention_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    user_id as "member",
    coalesce(bool_or(true), false) as "started",
    coalesce(bool_or(true), false) as "returned"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'daily_retention_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2;

-- watermark of daily_retention_v1
insert into analytics_meta.rollups (rollup) values ('daily_retention_v1') on conflict do nothing;

-- register daily_retention_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('daily_retention_v1', 'daily_retention', 1,
    '[{"name": "daily_retention_v1", "rows": "daily_retention_v1_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of daily_retention_v1
insert into analytics_meta.backfills (relation) values ('daily_retention_v1');

-- view daily_retention
create or replace view "daily_retention" as
with _starts as (
    select "member" as _member, min("day") as _cohort
    from "daily_retention_v1_live"
    where "started"
    group by 1
), _returns as (
    select _start._cohort, _start._member,
        (extract(epoch from _return."day" - _start._cohort) / 86400)::integer as _period
    from _starts as _start
    join "daily_retention_v1_live" as _return
        on _return."member" = _start._member
        and _return."day" >= _start._cohort
        and _return."day" <= _start._cohort + 30 * interval '24 hours'
    where _return."returned"
), _counts as (
    select _cohort, _period, count(*) as _returned
    from _returns
    group by 1, 2
)
select
    _size._cohort as "day",
    _at._period::bigint as period,
    _size._members as members,
    coalesce(_count._returned, 0) as returned,
    coalesce(_count._returned, 0)::double precision / _size._members as rate,
    _size._cohort + (_at._period + 1) * interval '24 hours' <= now() as complete
from (select _cohort, count(*) as _members from _starts group by 1) as _size
cross join generate_series(0, 30) as _at (_period)
left join _counts as _count on _count._cohort = _size._cohort and _count._period = _at._period
where _size._cohort + _at._period * interval '24 hours' <= now();

-- view daily_retention_lifecycle
create or replace view "daily_retention_lifecycle" as
select
    _step._at as "day",
    sum(_step._new)::bigint as new_members,
    sum(_step._returning)::bigint as returning_members,
    sum(_step._resurrected)::bigint as resurrected_members,
    sum(_step._dormant)::bigint as dormant_members,
    _step._at + interval '24 hours' <= now() as complete
from (
    select
        _bucket,
        count(*) filter (where _before is null) as _new,
        count(*) filter (where _before = _bucket - interval '24 hours') as _returning,
        count(*) filter (where _before < _bucket - interval '24 hours') as _resurrected,
        count(*) filter (where _after is distinct from _bucket + interval '24 hours') as _dormant
    from (
        select
            "day" as _bucket,
            lag("day") over _of_member as _before,
            lead("day") over _of_member as _after
        from "daily_retention_v1_live"
        where "returned"
        window _of_member as (partition by "member" order by "day")
    ) as _visits
    group by 1
) as _count
cross join lateral (values
    (_count._bucket, _count._new, _count._returning, _count._resurrected, 0),
    (_count._bucket + interval '24 hours', 0, 0, 0, _count._dormant)
) as _step (_at, _new, _returning, _resurrected, _dormant)
where _step._at <= now()
group by 1
having sum(_step._new + _step._returning + _step._resurrected + _step._dormant) > 0;

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

-- table task_flow_v1
create table "task_flow_v1" (
    "day" timestamp with time zone not null,
    "member" uuid,
    "times" timestamp with time zone[],
    "steps" integer[]
);

-- index on task_flow_v1
create index "task_flow_v1_day_idx"
    on "task_flow_v1" ("day");

-- function task_flow_v1_rows
create function "task_flow_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "task_flow_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    user_id as "member",
    array_agg("timestamp" order by "timestamp", event_id) as "times",
    array_agg(case when event_type = 'task_created' then 1 else 0 end + case when event_type = 'task_started' then 2 else 0 end + case when event_type = 'task_completed' and (case when jsonb_typeof(data -> 'exit_code') = 'number' then
        case when abs((data -> 'exit_code')::numeric) < 9223372036854775808 and (data -> 'exit_code')::numeric % 1 = 0 then (data -> 'exit_code')::bigint end
    end) = 0 then 4 else 0 end order by "timestamp", event_id) as "steps"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('task_created', 'task_started', 'task_completed')
    and user_id is not null
    and (case when event_type = 'task_created' then 1 else 0 end + case when event_type = 'task_started' then 2 else 0 end + case when event_type = 'task_completed' and (case when jsonb_typeof(data -> 'exit_code') = 'number' then
        case when abs((data -> 'exit_code')::numeric) < 9223372036854775808 and (data -> 'exit_code')::numeric % 1 = 0 then (data -> 'exit_code')::bigint end
    end) = 0 then 4 else 0 end) <> 0
group by 1, 2;
end;

-- view task_flow_v1_live
create or replace view "task_flow_v1_live" as
select
    "day",
    "member",
    "times",
    "steps"
from "task_flow_v1"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'task_flow_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    user_id as "member",
    array_agg("timestamp" order by "timestamp", event_id) as "times",
    array_agg(case when event_type = 'task_created' then 1 else 0 end + case when event_type = 'task_started' then 2 else 0 end + case when event_type = 'task_completed' and (case when jsonb_typeof(data -> 'exit_code') = 'number' then
        case when abs((data -> 'exit_code')::numeric) < 9223372036854775808 and (data -> 'exit_code')::numeric % 1 = 0 then (data -> 'exit_code')::bigint end
    end) = 0 then 4 else 0 end order by "timestamp", event_id) as "steps"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'task_flow_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('task_created', 'task_started', 'task_completed')
    and user_id is not null
    and (case when event_type = 'task_created' then 1 else 0 end + case when event_type = 'task_started' then 2 else 0 end + case when event_type = 'task_completed' and (case when jsonb_typeof(data -> 'exit_code') = 'number' then
        case when abs((data -> 'exit_code')::numeric) < 9223372036854775808 and (data -> 'exit_code')::numeric % 1 = 0 then (data -> 'exit_code')::bigint end
    end) = 0 then 4 else 0 end) <> 0
group by 1, 2;

-- watermark of task_flow_v1
insert into analytics_meta.rollups (rollup) values ('task_flow_v1') on conflict do nothing;

-- register task_flow_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('task_flow_v1', 'task_flow', 1,
    '[{"name": "task_flow_v1", "rows": "task_flow_v1_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of task_flow_v1
insert into analytics_meta.backfills (relation) values ('task_flow_v1');

-- view task_flow
create or replace view "task_flow" as
select
    _bucket as "day",
    _members_1 as entered,
    _members_3 as converted,
    _members_3::double precision / _members_1 as rate,
    _seconds_3[1] as seconds_p50,
    _seconds_3[2] as seconds_p90,
    _bucket + interval '24 hours' + interval '168 hours' > now() as provisional
from (
    select
        _bucket,
        count(_took_1) as _members_1,
        count(_took_3) as _members_3,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_3)::double precision)
            as _seconds_3
    from (
        select
            _bucket, _member, interval '0' as _took_1,
            min(_end_2 - _time) filter (where _end_2 <= _time + interval '168 hours') as _took_2,
            min(_end_3 - _time) filter (where _end_3 <= _time + interval '168 hours') as _took_3
        from (
            select
                _bucket, _member, _time, _place, _mark,
                min(_time) filter (where _mark & 2 <> 0) over _later as _end_2,
                min(_end_3) filter (where _mark & 2 <> 0) over _later as _end_3
            from (
                select
                    _bucket, _member, _time, _place, _mark,
                    min(_time) filter (where _mark & 4 <> 0) over _later as _end_3
                from (
                    select
                        _stored."day" as _bucket, _stored."member" as _member, _row._time, _row._place, _row._mark
                    from "task_flow_v1_live" as _stored
                    cross join lateral unnest(_stored."times", _stored."steps")
                        with ordinality as _row (_time, _mark, _place)
                ) as _level_3
                window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
            ) as _level_2
            window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
        ) as _attempts
        where _mark & 1 <> 0
        group by _bucket, _member
    ) as _reached
    group by _bucket
) as _counted;

-- view task_flow_steps
create or replace view "task_flow_steps" as
select
    _bucket as "day",
    _step.step::bigint as step,
    _step.step_name,
    _step.members,
    _step.members::double precision / _members_1 as rate,
    _step.members::double precision / nullif(_step._before, 0) as step_rate,
    _step._seconds[1] as seconds_p50,
    _step._seconds[2] as seconds_p90,
    _bucket + interval '24 hours' + interval '168 hours' > now() as provisional
from (
    select
        _bucket,
        count(_took_1) as _members_1,
        count(_took_2) as _members_2,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_2)::double precision)
            as _seconds_2,
        count(_took_3) as _members_3,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_3)::double precision)
            as _seconds_3
    from (
        select
            _bucket, _member, interval '0' as _took_1,
            min(_end_2 - _time) filter (where _end_2 <= _time + interval '168 hours') as _took_2,
            min(_end_3 - _time) filter (where _end_3 <= _time + interval '168 hours') as _took_3
        from (
            select
                _bucket, _member, _time, _place, _mark,
                min(_time) filter (where _mark & 2 <> 0) over _later as _end_2,
                min(_end_3) filter (where _mark & 2 <> 0) over _later as _end_3
            from (
                select
                    _bucket, _member, _time, _place, _mark,
                    min(_time) filter (where _mark & 4 <> 0) over _later as _end_3
                from (
                    select
                        _stored."day" as _bucket, _stored."member" as _member, _row._time, _row._place, _row._mark
                    from "task_flow_v1_live" as _stored
                    cross join lateral unnest(_stored."times", _stored."steps")
                        with ordinality as _row (_time, _mark, _place)
                ) as _level_3
                window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
            ) as _level_2
            window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
        ) as _attempts
        where _mark & 1 <> 0
        group by _bucket, _member
    ) as _reached
    group by _bucket
) as _counted
cross join lateral (values
    (1, 'created'::text, _members_1, null::double precision[], null::bigint),
    (2, 'started'::text, _members_2, _seconds_2, _members_1),
    (3, 'done'::text, _members_3, _seconds_3, _members_2)
) as _step (step, step_name, members, _seconds, _before);

-- comment on view task_flow
comment on view "task_flow" is 'From a new task to one that ended well. From created to done within 1 week.';

-- comment on column task_flow.day
comment on column "task_flow"."day" is 'Start of the bucket of 1 day in which the attempt began, in UTC.';

-- comment on column task_flow.entered
comment on column "task_flow"."entered" is 'Members with the first step in the bucket.';

-- comment on column task_flow.converted
comment on column "task_flow"."converted" is 'Those of them that got to the last step within 1 week.';

-- comment on column task_flow.rate
comment on column "task_flow"."rate" is 'converted over entered, from 0 to 1.';

-- comment on column task_flow.seconds_p50
comment on column "task_flow"."seconds_p50" is 'Median of the seconds from the beginning of an attempt to the last step; the shortest of each member counts. Null without any.';

-- comment on column task_flow.seconds_p90
comment on column "task_flow"."seconds_p90" is '90th percentile of the seconds from the beginning of an attempt to the last step; the shortest of each member counts. Null without any.';

-- comment on column task_flow.provisional
comment on column "task_flow"."provisional" is 'Whether 1 week after the bucket are still to pass.';

-- comment on view task_flow_steps
comment on view "task_flow_steps" is 'The steps of task_flow.';

-- comment on column task_flow_steps.day
comment on column "task_flow_steps"."day" is 'Start of the bucket of 1 day in which the attempt began, in UTC.';

-- comment on column task_flow_steps.step
comment on column "task_flow_steps"."step" is 'Number of the step, from 1.';

-- comment on column task_flow_steps.step_name
comment on column "task_flow_steps"."step_name" is 'Name of the step; null where the steps have no order.';

-- comment on column task_flow_steps.members
comment on column "task_flow_steps"."members" is 'Members that got so far within 1 week.';

-- comment on column task_flow_steps.rate
comment on column "task_flow_steps"."rate" is 'members over those that entered, from 0 to 1.';

-- comment on column task_flow_steps.step_rate
comment on column "task_flow_steps"."step_rate" is 'members over those of the step before; null at the first.';

-- comment on column task_flow_steps.seconds_p50
comment on column "task_flow_steps"."seconds_p50" is 'Median of the seconds from the beginning of an attempt to the step; the shortest of each member counts. Null without any.';

-- comment on column task_flow_steps.seconds_p90
comment on column "task_flow_steps"."seconds_p90" is '90th percentile of the seconds from the beginning of an attempt to the step; the shortest of each member counts. Null without any.';

-- comment on column task_flow_steps.provisional
comment on column "task_flow_steps"."provisional" is 'Whether 1 week after the bucket are still to pass.';
