-- 0006_pre_tell_readers_the_watermark: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: 189166d38bafad28b8a8d51469a0318ec145604092dfa7f620a72bbac0104004
-- why: update the procedures of analytics_meta
-- locks: none

-- function bodies refer to each other
set local check_function_bodies = off;

-- function stored_until
create or replace function analytics_meta.stored_until(rollup_name text) returns timestamptz
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $function$
-- Below this time the views read stored rows, above it raw ones. Companions may differ; the lowest counts.
-- It runs as its owner: TimescaleDB tells a watermark only to who may read the rows, and a reader may not read members.
-- One that was never filled answers with the lowest time there is.
select case when min(w.at) < timestamptz '1970-01-01 00:00:00+00' then '-infinity' else min(w.at) end
from _timescaledb_catalog.continuous_agg c,
    lateral (
        select _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(c.mat_hypertable_id)) as at
    ) w
where c.user_view_schema = (select i.events_schema from analytics_meta.installation i)
    and c.user_view_name in (
        select r ->> 'name' from analytics_meta.aggregates a, jsonb_array_elements(a.relations) r
        where a.rollup = rollup_name
    )
$function$;

-- record of dropped rows
select analytics_meta.start_record();
