"""The questions, three times: as our views, by hand over the raw rows on PostgreSQL, and on DuckDB."""

from __future__ import annotations

from typing import Final

VIEWS: Final = {
    "members by day": "select day, members, new_members from analytics_members_daily",
    "daily retention": "select day, period, returned from daily_retention where returned > 0",
    "lifecycle": "select day, new_members, returning_members, resurrected_members from daily_retention_lifecycle"
    " where new_members + returning_members + resurrected_members > 0",
    "funnel of 3 steps": "select day, entered, converted from task_flow",
}

_DAY: Final = {
    "postgres": "date_trunc('day', \"timestamp\" at time zone 'UTC')",
    "duckdb": "date_trunc('day', \"timestamp\")",
}
_NUMBER: Final = {"postgres": "(data ->> 'exit_code')::int = 0", "duckdb": "exit_code = 0"}
_EPOCH: Final = {"postgres": "extract(epoch from v.bin - f.bin)", "duckdb": "epoch(v.bin - f.bin)"}


def by_hand(dialect: str) -> dict[str, str]:
    """Return the questions over the raw rows, as one who knows SQL writes them."""
    day, zero, epoch = _DAY[dialect], _NUMBER[dialect], _EPOCH[dialect]
    visits = f"select distinct user_id, {day} as bin from analytics_events where user_id is not null"
    return {
        "members by day": f"""
            with days as (select distinct user_id, {day} as bin from analytics_events where user_id is not null),
                firsts as (select user_id, min(bin) as bin from days group by 1)
            select d.bin, count(*), count(*) filter (where f.bin = d.bin)
            from days d join firsts f using (user_id) group by 1""",
        "daily retention": f"""
            with visits as ({visits}), firsts as (select user_id, min(bin) as bin from visits group by 1)
            select f.bin, round({epoch} / 86400), count(*)
            from firsts f join visits v using (user_id) where {epoch} <= 30 * 86400 group by 1, 2""",
        "lifecycle": f"""
            select bin, count(*) filter (where before is null),
                count(*) filter (where before = bin - interval '1 day'),
                count(*) filter (where before < bin - interval '1 day')
            from (select bin, lag(bin) over (partition by user_id order by bin) as before from ({visits}) v) w
            group by 1""",
        "funnel of 3 steps": f"""
            with steps as (
                select user_id, "timestamp" as t, event_id as id, {day} as bin,
                    case event_type when 'task_created' then 1 when 'task_started' then 2 else 3 end as step
                from analytics_events
                where event_type in ('task_created', 'task_started') or event_type = 'task_completed' and {zero}
            ), thirds as (
                select *, min(case when step = 3 then t end) over w as end_3 from steps
                window w as (partition by user_id order by t desc, id desc
                             rows between unbounded preceding and 1 preceding)
            ), seconds as (
                select *, min(case when step = 2 then end_3 end) over w as done from thirds
                window w as (partition by user_id order by t desc, id desc
                             rows between unbounded preceding and 1 preceding)
            )
            select bin, count(*), count(*) filter (where converted)
            from (
                select bin, user_id, coalesce(bool_or(done <= t + interval '168 hours'), false) as converted
                from seconds where step = 1 and user_id is not null group by 1, 2
            ) c group by 1""",
    }
