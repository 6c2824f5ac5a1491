-- 0008_post_keep_sketches_of_users: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: post
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: d2c11a7ee98a0ca3218bd26049d6878d97ed71bcc4d93f84eaafbb1d4e39b586
-- backfill: analytics_daily_active_users_v1r2
-- why: let analytics_daily_active_users read version 1; keep what only version 1 still knows
-- locks: ACCESS EXCLUSIVE on the views, for milliseconds

-- boundary of analytics_daily_active_users_v1r2
update analytics_meta.aggregates
set history_before = greatest(
    least(analytics_meta.refresh_floor(interval '1 days'), analytics_meta.bucket_start(interval '1 days', now()))
)
where rollup = 'analytics_daily_active_users_v1r2';

-- table of kept rows of analytics_daily_active_users_v1r2_users
create table "analytics_daily_active_users_v1r2_users_history" (
    "day" timestamp with time zone,
    "member" uuid,
    "row_count" bigint
);

-- kept rows of analytics_daily_active_users_v1r2_users
insert into "analytics_daily_active_users_v1r2_users_history" ("day", "member", "row_count")
select "day", "member", "row_count"
from "analytics_daily_active_users_v1_users_live"
where "day" < coalesce((select history_before from analytics_meta.aggregates where rollup = 'analytics_daily_active_users_v1r2'), '-infinity');

-- live view with kept rows
create or replace view "analytics_daily_active_users_v1r2_users_live" as
select
    "day",
    "member",
    "row_count"
from "analytics_daily_active_users_v1r2_users"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_daily_active_users_v1r2'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    user_id as "member",
    count(*) as "row_count"
from "analytics_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'analytics_daily_active_users_v1r2'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and user_id is not null
group by 1, 2
union all
select "day", "member", "row_count"
from "analytics_daily_active_users_v1r2_users_history"
where "day" < coalesce((select history_before from analytics_meta.aggregates where rollup = 'analytics_daily_active_users_v1r2'), '-infinity');

-- counts of analytics_daily_active_users_v1r2 start again
select analytics_meta.forget_counts('analytics_daily_active_users_v1r2');

-- history of analytics_daily_active_users
create table "analytics_daily_active_users_v1r2_history" as
select * from (
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
            from "analytics_daily_active_users_v1r2_live"
            where "day" >= coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1r2_users'), '-infinity')
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
                    from "analytics_daily_active_users_v1r2_users_live" as _open
                    left join "analytics_daily_active_users_v1r2_users_recent" as _recent
                        on _recent."member" = _open."member"
                    where _open."day" >= coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1r2_users'), '-infinity')
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
                    from "analytics_daily_active_users_v1r2_users_recency"
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
        case when _main."day" < coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1r2_users'), '-infinity') then coalesce((
            select _kept."weekly_active_users" from "analytics_daily_active_users_v1r2_users_counts" as _kept
            where _kept."day" = _main."day"
        ), (
            select count(distinct _day."member") from "analytics_daily_active_users_v1r2_users_live" as _day
            where _day."day" > _main."day" - interval '168 hours' and _day."day" <= _main."day"
        )) else (
            (select _found from _open_1) -> row(_main."day")::text ->> 0
        )::bigint end as "weekly_active_users",
        case when _main."day" < coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1r2_users'), '-infinity') then coalesce((
            select _kept."monthly_active_users" from "analytics_daily_active_users_v1r2_users_counts" as _kept
            where _kept."day" = _main."day"
        ), (
            select count(distinct _day."member") from "analytics_daily_active_users_v1r2_users_live" as _day
            where _day."day" > _main."day" - interval '720 hours' and _day."day" <= _main."day"
        )) else (
            (select _found from _open_1) -> row(_main."day")::text ->> 1
        )::bigint end as "monthly_active_users"
    from "analytics_daily_active_users_v1r2_live" as _main
) as _counted
) as computed
with no data;
insert into "analytics_daily_active_users_v1r2_history" ("day", "active_users", "weekly_active_users", "monthly_active_users", "total_events")
select "day", "active_users", "weekly_active_users", "monthly_active_users", "total_events" from "analytics_daily_active_users"
where "day" < least(analytics_meta.refresh_floor(interval '1 days'), analytics_meta.bucket_start(interval '1 days', now()));

-- history of analytics_daily_active_users_sketch
create table "analytics_daily_active_users_sketch_v1r2_history" as
select * from (
select
    "day",
    array['active_users']::text[] as "measures",
    "register" as "register",
    "rho" as "rho"
from "analytics_daily_active_users_v1r2_sketch_live"
) as computed
with no data;

-- remember the grants of analytics_daily_active_users
create temporary table kept_grants on commit drop as
select c.relname::text as view_name, a.grantee, a.privilege_type, a.is_grantable
from pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
where c.relnamespace = quote_ident(current_schema())::regnamespace and c.relname in ('analytics_daily_active_users')
    and a.grantee <> c.relowner;

-- drop view analytics_daily_active_users
drop view "analytics_daily_active_users";

-- view analytics_daily_active_users
create or replace view "analytics_daily_active_users" as
select "day", "active_users", "weekly_active_users", "monthly_active_users", "total_events"
from (
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
            from "analytics_daily_active_users_v1r2_live"
            where "day" >= coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1r2_users'), '-infinity')
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
                    from "analytics_daily_active_users_v1r2_users_live" as _open
                    left join "analytics_daily_active_users_v1r2_users_recent" as _recent
                        on _recent."member" = _open."member"
                    where _open."day" >= coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1r2_users'), '-infinity')
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
                    from "analytics_daily_active_users_v1r2_users_recency"
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
        case when _main."day" < coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1r2_users'), '-infinity') then coalesce((
            select _kept."weekly_active_users" from "analytics_daily_active_users_v1r2_users_counts" as _kept
            where _kept."day" = _main."day"
        ), (
            select count(distinct _day."member") from "analytics_daily_active_users_v1r2_users_live" as _day
            where _day."day" > _main."day" - interval '168 hours' and _day."day" <= _main."day"
        )) else (
            (select _found from _open_1) -> row(_main."day")::text ->> 0
        )::bigint end as "weekly_active_users",
        case when _main."day" < coalesce((select until from analytics_meta.counts where members = 'analytics_daily_active_users_v1r2_users'), '-infinity') then coalesce((
            select _kept."monthly_active_users" from "analytics_daily_active_users_v1r2_users_counts" as _kept
            where _kept."day" = _main."day"
        ), (
            select count(distinct _day."member") from "analytics_daily_active_users_v1r2_users_live" as _day
            where _day."day" > _main."day" - interval '720 hours' and _day."day" <= _main."day"
        )) else (
            (select _found from _open_1) -> row(_main."day")::text ->> 1
        )::bigint end as "monthly_active_users"
    from "analytics_daily_active_users_v1r2_live" as _main
) as _counted
) as computed
where "day" >= coalesce((select history_before from analytics_meta.aggregates where rollup = 'analytics_daily_active_users_v1r2'), '-infinity')
    or "day" not in (select distinct "day" from "analytics_daily_active_users_v1r2_history")
union all
select "day", "active_users", "weekly_active_users", "monthly_active_users", "total_events"
from "analytics_daily_active_users_v1r2_history"
where "day" < coalesce((select history_before from analytics_meta.aggregates where rollup = 'analytics_daily_active_users_v1r2'), '-infinity');

-- view analytics_daily_active_users_sketch
create or replace view "analytics_daily_active_users_sketch" as
select "day", "measures", "register", "rho"
from (
select
    "day",
    array['active_users']::text[] as "measures",
    "register" as "register",
    "rho" as "rho"
from "analytics_daily_active_users_v1r2_sketch_live"
) as computed
where "day" >= coalesce((select history_before from analytics_meta.aggregates where rollup = 'analytics_daily_active_users_v1r2'), '-infinity')
    or "day" not in (select distinct "day" from "analytics_daily_active_users_v1r2_history")
union all
select "day", "measures", "register", "rho"
from "analytics_daily_active_users_sketch_v1r2_history"
where "day" < coalesce((select history_before from analytics_meta.aggregates where rollup = 'analytics_daily_active_users_v1r2'), '-infinity');

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

-- grant again on analytics_daily_active_users
do $do$
declare
    kept record;
begin
    for kept in select * from kept_grants where to_regclass(quote_ident(view_name)) is not null loop
        execute format(
            'grant %s on %I to %s%s', kept.privilege_type, kept.view_name,
            case when kept.grantee = 0 then 'public' else kept.grantee::regrole::text end,
            case when kept.is_grantable then ' with grant option' else '' end
        );
    end loop;
    drop table kept_grants;
end
$do$;

-- retire analytics_daily_active_users_v1
update analytics_meta.aggregates set active = false where rollup = 'analytics_daily_active_users_v1';
