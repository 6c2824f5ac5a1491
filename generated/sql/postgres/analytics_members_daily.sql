-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Everybody who did something that an event tells of.

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
