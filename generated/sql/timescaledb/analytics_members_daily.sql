-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Everybody who did something that an event tells of.

-- continuous aggregate analytics_members_daily_v1
create materialized view "analytics_members_daily_v1"
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as
select
    time_bucket(interval '1 day', "timestamp") as "day",
    user_id as "member",
    min("timestamp") as "first",
    max("timestamp") as "last",
    count(*) as "row_count"
from "analytics_events"
where "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2
with no data;

-- view analytics_members_daily_v1_live
create or replace view "analytics_members_daily_v1_live" as
select
    "day",
    "member",
    "first",
    "last",
    "row_count"
from "analytics_members_daily_v1";

-- table analytics_members_daily_v1_known
create table "analytics_members_daily_v1_known" (
    member uuid not null,
    first timestamp with time zone,
    last timestamp with time zone
) with (fillfactor = 80);

-- index member of analytics_members_daily_v1_known
create index "analytics_members_daily_v1_known_idx"
    on "analytics_members_daily_v1_known" (member);

-- index first of analytics_members_daily_v1_known
create index "analytics_members_daily_v1_known_1_idx"
    on "analytics_members_daily_v1_known" (first);

-- function analytics_members_daily_v1_known_rows
create function "analytics_members_daily_v1_known_rows"(_from_time timestamptz, _to_time timestamptz)
returns setof "analytics_members_daily_v1_known"
language sql stable
begin atomic
select
    "member" as member,
    min("first") as first,
    max("last") as last
from "analytics_members_daily_v1_live"
where "day" >= _from_time and "day" < _to_time
group by "member";
end;

-- table analytics_members_daily_v1_answers
create table "analytics_members_daily_v1_answers" (
    bucket timestamp with time zone not null,
    members bigint,
    new_members bigint
);

-- index bucket of analytics_members_daily_v1_answers
create index "analytics_members_daily_v1_answers_idx"
    on "analytics_members_daily_v1_answers" (bucket);

-- function analytics_members_daily_v1_answered
create function "analytics_members_daily_v1_answered"(_from_time timestamptz, _to_time timestamptz)
returns setof "analytics_members_daily_v1_answers"
language sql stable
begin atomic
select
    _day._bucket as bucket, count(*) as members, count(*) filter (where _day._first = _day._first_ever) as new_members
from (
    select
        _row."day" as _bucket, _row."first" as _first,
        _known.first as _first_ever
    from "analytics_members_daily_v1_live" as _row
    left join "analytics_members_daily_v1_known" as _known on _known.member = _row."member"
    where _row."day" >= _from_time and _row."day" < _to_time
) as _day
group by 1;
end;

-- view analytics_members_daily
create or replace view "analytics_members_daily" as
select
    bucket as "day",
    members,
    new_members,
    members - new_members as returning_members,
    (sum(new_members) over (order by bucket))::bigint as total_members
from (
    select bucket, members, new_members
    from "analytics_members_daily_v1_answers"
    where bucket < coalesce((select until from analytics_meta.answers where rollup = 'analytics_members_daily_v1'), '-infinity')
    union all
    select
        _day._bucket as bucket, count(*) as members, count(*) filter (where _day._first = _day._first_ever) as new_members
    from (
        select
            _row."day" as _bucket, _row."first" as _first,
            coalesce((
                    select _known.first from "analytics_members_daily_v1_known" as _known where _known.member = _row."member"
                ), min(_row."first") over (partition by _row."member")) as _first_ever
        from "analytics_members_daily_v1_live" as _row
        where _row."day" >= coalesce((select until from analytics_meta.answers where rollup = 'analytics_members_daily_v1'), '-infinity')
    ) as _day
    group by 1
) as _bucket;

-- view analytics_members
create or replace view "analytics_members" as
select coalesce(_known.member, _open._member) as member,
    coalesce(_known.first, _open._first) as first,
    coalesce(_open._last, _known.last) as last
from "analytics_members_daily_v1_known" as _known
full join (
    select "member" as _member, min("first") as _first, max("last") as _last
    from "analytics_members_daily_v1_live"
    where "day" >= coalesce((select until from analytics_meta.answers where rollup = 'analytics_members_daily_v1'), '-infinity')
    group by 1
) as _open on _known.member = _open._member;

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

-- refresh policy of analytics_members_daily_v1
select add_continuous_aggregate_policy(
    '"analytics_members_daily_v1"'::regclass,
    start_offset => interval '3 days',
    end_offset => interval '1 hour',
    schedule_interval => interval '1 hour'
);
