-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- From the page of a product to an order.

-- continuous aggregate store_checkout_v1
create materialized view "store_checkout_v1"
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as
select
    time_bucket(interval '1 day', "timestamp") as "day",
    user_id as "member",
    array_agg("timestamp" order by "timestamp", event_id) as "times",
    array_agg(case when event_type = 'Product Viewed' then 1 else 0 end + case when event_type = 'Product Added' then 2 else 0 end + case when event_type = 'Order Completed' then 4 else 0 end order by "timestamp", event_id) as "steps"
from "store_events"
where "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('Product Viewed', 'Product Added', 'Order Completed')
    and user_id is not null
group by 1, 2
with no data;

-- view store_checkout_v1_live
create or replace view "store_checkout_v1_live" as
select
    "day",
    "member",
    "times",
    "steps"
from "store_checkout_v1";

-- table store_checkout_v1_answers
create table "store_checkout_v1_answers" (
    bucket timestamp with time zone not null,
    members_1 bigint,
    members_2 bigint,
    members_3 bigint,
    seconds_2 double precision[],
    seconds_3 double precision[]
);

-- index bucket of store_checkout_v1_answers
create index "store_checkout_v1_answers_idx"
    on "store_checkout_v1_answers" (bucket);

-- function store_checkout_v1_answered
create function "store_checkout_v1_answered"(_from_time timestamptz, _to_time timestamptz)
returns setof "store_checkout_v1_answers"
language sql stable
begin atomic
select
    _bucket as bucket,
    count(_took_1) as members_1,
    count(_took_2) as members_2,
    count(_took_3) as members_3,
    percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_2)::double precision)
        as seconds_2,
    percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_3)::double precision)
        as seconds_3
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
                from "store_checkout_v1_live" as _stored
                cross join lateral unnest(_stored."times", _stored."steps")
                    with ordinality as _row (_time, _mark, _place)
                where _stored."day" >= _from_time and _stored."day" < _to_time + interval '168 hours'
            ) as _level_3
            window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
        ) as _level_2
        window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
    ) as _attempts
    where _mark & 1 <> 0 and _bucket < _to_time
    group by _bucket, _member
) as _reached
group by _bucket;
end;

-- view store_checkout
create or replace view "store_checkout" as
select
    _answer.bucket as "day",
    _answer.members_1 as entered,
    _answer.members_3 as converted,
    _answer.members_3::double precision / _answer.members_1 as rate,
    _answer.seconds_3[1] as seconds_p50,
    _answer.seconds_3[2] as seconds_p90,
    _answer.bucket + interval '24 hours' + interval '168 hours' > now() as provisional
from (
    select *
    from "store_checkout_v1_answers"
    where bucket < coalesce((select until - interval '168 hours' from analytics_meta.answers where rollup = 'store_checkout_v1'), '-infinity')
    union all
    select
        _bucket as bucket,
        count(_took_1) as members_1,
        count(_took_2) as members_2,
        count(_took_3) as members_3,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_2)::double precision)
            as seconds_2,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_3)::double precision)
            as seconds_3
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
                    from "store_checkout_v1_live" as _stored
                    cross join lateral unnest(_stored."times", _stored."steps")
                        with ordinality as _row (_time, _mark, _place)
                    where _stored."day" >= coalesce((select until - interval '168 hours' from analytics_meta.answers where rollup = 'store_checkout_v1'), '-infinity')
                ) as _level_3
                window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
            ) as _level_2
            window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
        ) as _attempts
        where _mark & 1 <> 0
        group by _bucket, _member
    ) as _reached
    group by _bucket
) as _answer;

-- view store_checkout_steps
create or replace view "store_checkout_steps" as
select
    _answer.bucket as "day",
    _step.step::bigint as step,
    _step.step_name,
    _step.members,
    _step.members::double precision / _answer.members_1 as rate,
    _step.members::double precision / nullif(_step._before, 0) as step_rate,
    _step._seconds[1] as seconds_p50,
    _step._seconds[2] as seconds_p90,
    _answer.bucket + interval '24 hours' + interval '168 hours' > now() as provisional
from (
    select *
    from "store_checkout_v1_answers"
    where bucket < coalesce((select until - interval '168 hours' from analytics_meta.answers where rollup = 'store_checkout_v1'), '-infinity')
    union all
    select
        _bucket as bucket,
        count(_took_1) as members_1,
        count(_took_2) as members_2,
        count(_took_3) as members_3,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_2)::double precision)
            as seconds_2,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_3)::double precision)
            as seconds_3
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
                    from "store_checkout_v1_live" as _stored
                    cross join lateral unnest(_stored."times", _stored."steps")
                        with ordinality as _row (_time, _mark, _place)
                    where _stored."day" >= coalesce((select until - interval '168 hours' from analytics_meta.answers where rollup = 'store_checkout_v1'), '-infinity')
                ) as _level_3
                window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
            ) as _level_2
            window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
        ) as _attempts
        where _mark & 1 <> 0
        group by _bucket, _member
    ) as _reached
    group by _bucket
) as _answer
cross join lateral (values
    (1, 'viewed'::text, _answer.members_1, null::double precision[], null::bigint),
    (2, 'added'::text, _answer.members_2, _answer.seconds_2, _answer.members_1),
    (3, 'ordered'::text, _answer.members_3, _answer.seconds_3, _answer.members_2)
) as _step (step, step_name, members, _seconds, _before);

-- comment on view store_checkout
comment on view "store_checkout" is 'From the page of a product to an order. From viewed to ordered within 1 week.';

-- comment on column store_checkout.day
comment on column "store_checkout"."day" is 'Start of the bucket of 1 day in which the attempt began, in UTC.';

-- comment on column store_checkout.entered
comment on column "store_checkout"."entered" is 'Members with the first step in the bucket.';

-- comment on column store_checkout.converted
comment on column "store_checkout"."converted" is 'Those of them that got to the last step within 1 week.';

-- comment on column store_checkout.rate
comment on column "store_checkout"."rate" is 'converted over entered, from 0 to 1.';

-- comment on column store_checkout.seconds_p50
comment on column "store_checkout"."seconds_p50" is 'Median of the seconds from the beginning of an attempt to the last step; the shortest of each member counts. Null without any.';

-- comment on column store_checkout.seconds_p90
comment on column "store_checkout"."seconds_p90" is '90th percentile of the seconds from the beginning of an attempt to the last step; the shortest of each member counts. Null without any.';

-- comment on column store_checkout.provisional
comment on column "store_checkout"."provisional" is 'Whether 1 week after the bucket are still to pass.';

-- comment on view store_checkout_steps
comment on view "store_checkout_steps" is 'The steps of store_checkout.';

-- comment on column store_checkout_steps.day
comment on column "store_checkout_steps"."day" is 'Start of the bucket of 1 day in which the attempt began, in UTC.';

-- comment on column store_checkout_steps.step
comment on column "store_checkout_steps"."step" is 'Number of the step, from 1.';

-- comment on column store_checkout_steps.step_name
comment on column "store_checkout_steps"."step_name" is 'Name of the step; null where the steps have no order.';

-- comment on column store_checkout_steps.members
comment on column "store_checkout_steps"."members" is 'Members that got so far within 1 week.';

-- comment on column store_checkout_steps.rate
comment on column "store_checkout_steps"."rate" is 'members over those that entered, from 0 to 1.';

-- comment on column store_checkout_steps.step_rate
comment on column "store_checkout_steps"."step_rate" is 'members over those of the step before; null at the first.';

-- comment on column store_checkout_steps.seconds_p50
comment on column "store_checkout_steps"."seconds_p50" is 'Median of the seconds from the beginning of an attempt to the step; the shortest of each member counts. Null without any.';

-- comment on column store_checkout_steps.seconds_p90
comment on column "store_checkout_steps"."seconds_p90" is '90th percentile of the seconds from the beginning of an attempt to the step; the shortest of each member counts. Null without any.';

-- comment on column store_checkout_steps.provisional
comment on column "store_checkout_steps"."provisional" is 'Whether 1 week after the bucket are still to pass.';

-- refresh policy of store_checkout_v1
select add_continuous_aggregate_policy(
    '"store_checkout_v1"'::regclass,
    start_offset => interval '3 days',
    end_offset => interval '1 hour',
    schedule_interval => interval '1 hour'
);
