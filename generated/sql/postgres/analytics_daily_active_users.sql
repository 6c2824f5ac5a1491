-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Users who did something, by day. Weekly and monthly are distinct users of the trailing 7 and 30 days.

-- table analytics_daily_active_users_v1
create table "analytics_daily_active_users_v1" (
    "day" timestamp with time zone not null,
    "row_count" bigint,
    "active_users" bigint,
    "total_events" bigint
);

-- index on analytics_daily_active_users_v1
create index "analytics_daily_active_users_v1_day_idx"
    on "analytics_daily_active_users_v1" ("day");

-- function analytics_daily_active_users_v1_rows
create function "analytics_daily_active_users_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_daily_active_users_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    count(*) as "row_count",
    count(distinct user_id) as "active_users",
    count(*) as "total_events"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1;
end;

-- view analytics_daily_active_users_v1_live
create or replace view "analytics_daily_active_users_v1_live" as
select
    "day",
    "row_count",
    "active_users",
    "total_events"
from "analytics_daily_active_users_v1"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_daily_active_users_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    count(*) as "row_count",
    count(distinct user_id) as "active_users",
    count(*) as "total_events"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_daily_active_users_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1;

-- table analytics_daily_active_users_v1_users
create table "analytics_daily_active_users_v1_users" (
    "day" timestamp with time zone not null,
    "member" uuid,
    "row_count" bigint
);

-- index on analytics_daily_active_users_v1_users
create index "analytics_daily_active_users_v1_users_day_idx"
    on "analytics_daily_active_users_v1_users" ("day");

-- function analytics_daily_active_users_v1_users_rows
create function "analytics_daily_active_users_v1_users_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_daily_active_users_v1_users"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    user_id as "member",
    count(*) as "row_count"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2;
end;

-- view analytics_daily_active_users_v1_users_live
create or replace view "analytics_daily_active_users_v1_users_live" as
select
    "day",
    "member",
    "row_count"
from "analytics_daily_active_users_v1_users"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_daily_active_users_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    user_id as "member",
    count(*) as "row_count"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_daily_active_users_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2;

-- table analytics_daily_active_users_v1_sketch
create table "analytics_daily_active_users_v1_sketch" (
    "day" timestamp with time zone not null,
    "register" smallint,
    "rho" smallint
);

-- index on analytics_daily_active_users_v1_sketch
create index "analytics_daily_active_users_v1_sketch_day_idx"
    on "analytics_daily_active_users_v1_sketch" ("day");

-- function analytics_daily_active_users_v1_sketch_rows
create function "analytics_daily_active_users_v1_sketch_rows"(from_time timestamptz, to_time timestamptz)
returns setof "analytics_daily_active_users_v1_sketch"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    ('x' || substr(md5((user_id)::text), 1, 3))::bit(12)::integer::smallint as "register",
    max(coalesce(nullif(position(B'1' in ('x' || substr(md5((user_id)::text), 4, 13))::bit(52)), 0), 53)::smallint) as "rho"
from "analytics_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2;
end;

-- view analytics_daily_active_users_v1_sketch_live
create or replace view "analytics_daily_active_users_v1_sketch_live" as
select
    "day",
    "register",
    "rho"
from "analytics_daily_active_users_v1_sketch"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_daily_active_users_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    ('x' || substr(md5((user_id)::text), 1, 3))::bit(12)::integer::smallint as "register",
    max(coalesce(nullif(position(B'1' in ('x' || substr(md5((user_id)::text), 4, 13))::bit(52)), 0), 53)::smallint) as "rho"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_daily_active_users_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2;

-- table analytics_daily_active_users_v1_users_counts
create table "analytics_daily_active_users_v1_users_counts" (
    "day" timestamp with time zone not null,
    "weekly_active_users" bigint not null,
    "monthly_active_users" bigint not null
);

-- table analytics_daily_active_users_v1_users_recent
create table "analytics_daily_active_users_v1_users_recent" (
    "day" timestamp with time zone not null,
    "member" uuid not null
);

-- table analytics_daily_active_users_v1_users_recency
create table "analytics_daily_active_users_v1_users_recency" (
    "day" timestamp with time zone not null,
    "member_count" bigint not null
);

-- index on analytics_daily_active_users_v1_users_counts
create index "analytics_daily_active_users_v1_users_counts_idx"
    on "analytics_daily_active_users_v1_users_counts" ("day");

-- index on analytics_daily_active_users_v1_users_recent
create index "analytics_daily_active_users_v1_users_recent_idx"
    on "analytics_daily_active_users_v1_users_recent" ("member");

-- function analytics_daily_active_users_v1_users_counted
create function "analytics_daily_active_users_v1_users_counted"(_from_time timestamptz, _to_time timestamptz, _onward boolean)
returns setof "analytics_daily_active_users_v1_users_counts"
language sql stable
begin atomic
select "day", "weekly_active_users", "monthly_active_users"
from (
    select
        "day", _is_row,
        (sum(_step_1) over _until_here)::bigint as "weekly_active_users",
        (sum(_step_2) over _until_here)::bigint as "monthly_active_users"
    from (
        select "day", true as _is_row, 0 as _step_1, 0 as _step_2
        from "analytics_daily_active_users_v1_live"
        where "day" >= _from_time and "day" < _to_time
        union all
        select _at, false, _step_1, _step_2
        from (
            select
                _bucket,
                greatest(_bucket, _previous + interval '168 hours') as _from_1,
                greatest(_bucket, _previous + interval '720 hours') as _from_2,
                sum(_count) as _members
            from (
                select
                    _day."day" as _bucket,
                    coalesce(
                        lag(_day."day") over (partition by _day."member" order by _day."day"),
                        _recent."day"
                    ) as _previous,
                    1 as _count
                from "analytics_daily_active_users_v1_users_live" as _day
                left join "analytics_daily_active_users_v1_users_recent" as _recent
                    on _onward and _recent."member" = _day."member"
                where _day."day" > _from_time - case when _onward then interval '1 microsecond' else interval '720 hours' end
                    and _day."day" < _to_time
            ) as _days
            group by 1, 2, 3
        ) as _alike
        cross join lateral (values
            (_from_1, _members, 0),
            (_bucket + interval '168 hours', -_members, 0),
            (_from_2, 0, _members),
            (_bucket + interval '720 hours', 0, -_members)
        ) as _steps (_at, _step_1, _step_2)
        union all
        select _at, false, _step_1, _step_2
        from (
            select
                _bucket,
                greatest(_bucket, _previous + interval '168 hours') as _from_1,
                greatest(_bucket, _previous + interval '720 hours') as _from_2,
                sum(_count) as _members
            from (
                select "day" as _bucket, null::timestamptz as _previous, "member_count" as _count
                from "analytics_daily_active_users_v1_users_recency"
                where _onward
            ) as _days
            group by 1, 2, 3
        ) as _alike
        cross join lateral (values
            (_from_1, _members, 0),
            (_bucket + interval '168 hours', -_members, 0),
            (_from_2, 0, _members),
            (_bucket + interval '720 hours', 0, -_members)
        ) as _steps (_at, _step_1, _step_2)
    ) as _rows
    window _until_here as (order by "day")
) as _counted
where _is_row;
end;

-- function analytics_daily_active_users_v1_users_recent_rows
create function "analytics_daily_active_users_v1_users_recent_rows"(_from_time timestamptz, _until_time timestamptz)
returns setof "analytics_daily_active_users_v1_users_recent"
language sql stable
begin atomic
select max("day") as "day", "member"
from "analytics_daily_active_users_v1_users_live"
where "day" >= _from_time and "day" > _until_time - interval '720 hours' and "day" < _until_time
group by "member";
end;

-- view analytics_daily_active_users
create or replace view "analytics_daily_active_users" as
with
_open_1 as materialized (
    select coalesce(jsonb_object_agg(
        row("day")::text,
        jsonb_build_array("weekly_active_users", "monthly_active_users")
    ), '{}') as _found
    from (
        select
            "day", _is_row,
            (sum(_step_1) over _until_here)::bigint as "weekly_active_users",
            (sum(_step_2) over _until_here)::bigint as "monthly_active_users"
        from (
            select "day", true as _is_row, 0 as _step_1, 0 as _step_2
            from "analytics_daily_active_users_v1_live"
            where "day" >= coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1_users'), '-infinity')
            union all
            select _at, false, _step_1, _step_2
            from (
                select
                    _bucket,
                    greatest(_bucket, _previous + interval '168 hours') as _from_1,
                    greatest(_bucket, _previous + interval '720 hours') as _from_2,
                    sum(_count) as _members
                from (
                    select
                        _open."day" as _bucket,
                        coalesce(
                            lag(_open."day") over (partition by _open."member" order by _open."day"),
                            _recent."day"
                        ) as _previous,
                        1 as _count
                    from "analytics_daily_active_users_v1_users_live" as _open
                    left join "analytics_daily_active_users_v1_users_recent" as _recent
                        on _recent."member" = _open."member"
                    where _open."day" >= coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1_users'), '-infinity')
                ) as _days
                group by 1, 2, 3
            ) as _alike
            cross join lateral (values
                (_from_1, _members, 0),
                (_bucket + interval '168 hours', -_members, 0),
                (_from_2, 0, _members),
                (_bucket + interval '720 hours', 0, -_members)
            ) as _steps (_at, _step_1, _step_2)
            union all
            select _at, false, _step_1, _step_2
            from (
                select
                    _bucket,
                    greatest(_bucket, _previous + interval '168 hours') as _from_1,
                    greatest(_bucket, _previous + interval '720 hours') as _from_2,
                    sum(_count) as _members
                from (
                    select "day" as _bucket, null::timestamptz as _previous, "member_count" as _count
                    from "analytics_daily_active_users_v1_users_recency"
                ) as _days
                group by 1, 2, 3
            ) as _alike
            cross join lateral (values
                (_from_1, _members, 0),
                (_bucket + interval '168 hours', -_members, 0),
                (_from_2, 0, _members),
                (_bucket + interval '720 hours', 0, -_members)
            ) as _steps (_at, _step_1, _step_2)
        ) as _rows
        window _until_here as (order by "day")
    ) as _counted
    where _is_row
)
select
    "day",
    "active_users",
    "weekly_active_users",
    "monthly_active_users",
    "total_events"
from (
    select
        _main.*,
        case when _main."day" < coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1_users'), '-infinity') then coalesce((
            select _kept."weekly_active_users" from "analytics_daily_active_users_v1_users_counts" as _kept
            where _kept."day" = _main."day"
        ), (
            select count(distinct _day."member") from "analytics_daily_active_users_v1_users_live" as _day
            where _day."day" > _main."day" - interval '168 hours' and _day."day" <= _main."day"
        )) else (
            (select _found from _open_1) -> row(_main."day")::text ->> 0
        )::bigint end as "weekly_active_users",
        case when _main."day" < coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1_users'), '-infinity') then coalesce((
            select _kept."monthly_active_users" from "analytics_daily_active_users_v1_users_counts" as _kept
            where _kept."day" = _main."day"
        ), (
            select count(distinct _day."member") from "analytics_daily_active_users_v1_users_live" as _day
            where _day."day" > _main."day" - interval '720 hours' and _day."day" <= _main."day"
        )) else (
            (select _found from _open_1) -> row(_main."day")::text ->> 1
        )::bigint end as "monthly_active_users"
    from "analytics_daily_active_users_v1_live" as _main
) as _counted;

-- view analytics_daily_active_users_sketch
create or replace view "analytics_daily_active_users_sketch" as
select
    "day",
    array['active_users']::text[] as "measures",
    "register" as "register",
    "rho" as "rho"
from "analytics_daily_active_users_v1_sketch_live";

-- comment on view analytics_daily_active_users
comment on view "analytics_daily_active_users" is 'Users who did something, by day. Weekly and monthly are distinct users of the trailing 7 and 30 days. Only rows where user_id is present.';

-- comment on column analytics_daily_active_users.day
comment on column "analytics_daily_active_users"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_daily_active_users.active_users
comment on column "analytics_daily_active_users"."active_users" is 'Number of different user_id, over longer ranges by its sketch.';

-- comment on column analytics_daily_active_users.weekly_active_users
comment on column "analytics_daily_active_users"."weekly_active_users" is 'Number of different user_id over the last 1 week.';

-- comment on column analytics_daily_active_users.monthly_active_users
comment on column "analytics_daily_active_users"."monthly_active_users" is 'Number of different user_id over the last 30 days.';

-- comment on column analytics_daily_active_users.total_events
comment on column "analytics_daily_active_users"."total_events" is 'Number of rows.';

-- comment on view analytics_daily_active_users_sketch
comment on view "analytics_daily_active_users_sketch" is 'Sketches behind the mergeable counts of analytics_daily_active_users: see docs/reference/aggregates.md.';

-- comment on column analytics_daily_active_users_sketch.day
comment on column "analytics_daily_active_users_sketch"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_daily_active_users_sketch.measures
comment on column "analytics_daily_active_users_sketch"."measures" is 'Distinct counts that this is a sketch of.';

-- comment on column analytics_daily_active_users_sketch.register
comment on column "analytics_daily_active_users_sketch"."register" is 'Register of the sketch, from 0 to 4095.';

-- comment on column analytics_daily_active_users_sketch.rho
comment on column "analytics_daily_active_users_sketch"."rho" is 'Largest place of the first one in the hashes of the register; merge several with max.';
