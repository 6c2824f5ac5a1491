-- 0006_pre_work_late_hours_in_bulk: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: ef8ad77ea134d8b443622b23f4f5f4652a61a7ea285b49589c9b82eeeaa6c5cb
-- why: update the procedures of analytics_meta
-- locks: none

-- function bodies refer to each other
set local check_function_bodies = off;

-- procedure recompute
create or replace procedure analytics_meta.recompute(
    rollup_name text, buckets tstzmultirange, refreshable tstzmultirange, afresh boolean
)
language plpgsql
as $procedure$
-- Computes these buckets of a rollup again, those that are refreshable. Nothing that takes long is looked up for each.
declare
    must_begin timestamptz := analytics_meta.refresh_must_begin(rollup_name);
    whole tstzrange;
    run tstzrange;
begin
    if upper(buckets) > must_begin then
        buckets := buckets + tstzmultirange(tstzrange(must_begin, upper(buckets)));
    end if;
    for whole in select unnest(refreshable) loop
        for run in select analytics_meta.together(buckets * tstzmultirange(whole)) loop
            if afresh then
                call analytics_meta.rebuild_buckets(rollup_name, lower(run), upper(run));
            else
                call analytics_meta.refresh_buckets(rollup_name, lower(run), upper(run));
            end if;
        end loop;
    end loop;
end
$procedure$;

-- procedure compute
create or replace procedure analytics_meta.compute(
    rollup_name text, from_time timestamptz, to_time timestamptz, afresh boolean,
    inout refreshed_from timestamptz default null
)
language plpgsql
as $procedure$
-- Computes the buckets of a rollup between two times again, from the raw rows. Buckets whose raw rows are gone, and the
-- one that is not over yet, stay as they are. refreshed_from is null when nothing was left to do.
-- afresh computes also what looks up to date, and brings a watermark back that is ahead of the clock.
declare
    target analytics_meta.aggregates;
    buckets tstzmultirange;
    refreshable tstzmultirange;
    first_bucket timestamptz;
    last_end timestamptz;
    pulled boolean;
begin
    select * into target from analytics_meta.aggregates a where a.rollup = rollup_name;
    if not found then
        raise exception 'no rollup %', rollup_name using errcode = 'undefined_object',
            hint = 'See `select rollup from analytics_meta.aggregates`.';
    end if;
    refreshed_from := null;
    if afresh then
        call analytics_meta.pull_watermark_back(rollup_name, pulled);
        from_time := case when not pulled then from_time end;  -- what is stored below it is not known
    end if;
    first_bucket := analytics_meta.bucket_start(target.width, coalesce(from_time, '-infinity'));
    last_end := analytics_meta.bucket_start(target.width, least(coalesce(to_time, 'infinity'), clock_timestamp()));
    if first_bucket >= last_end then
        return;
    end if;
    perform analytics_meta.note_parts();
    refreshable := analytics_meta.refreshable(target.width);
    buckets := tstzmultirange(tstzrange(first_bucket, last_end));
    refreshed_from := lower(refreshable * buckets);
    if refreshed_from is not null then
        call analytics_meta.recompute(rollup_name, buckets, refreshable, afresh);
    end if;
end
$procedure$;

-- procedure refresh
create or replace procedure analytics_meta.refresh(
    rollup_name text, from_time timestamptz, to_time timestamptz, inout refreshed_from timestamptz default null
)
language plpgsql
as $procedure$
-- Computes the buckets of a rollup that changed between two times.
begin
    call analytics_meta.compute(rollup_name, from_time, to_time, false, refreshed_from);
end
$procedure$;

-- procedure work_marks
create or replace procedure analytics_meta.work_marks(inout worked integer default 0, inout too_old integer default 0)
language plpgsql
as $procedure$
-- Brings late events into the rollups: a mark says that rows of an hour came after the refresh window had passed.
-- A mark is removed only if nobody renewed it meanwhile (xmin tells) or is about to, and after every rollup has been
-- refreshed.
-- Rollups that are still being filled are refreshed too: their fill may have passed the bucket already. The first
-- refresh is still to come where none was: it looks at everything.
declare
    marks timestamptz[];
    versions text[];
    target record;
    refreshable jsonb;
begin
    select array_agg(l.bucket order by l.bucket), array_agg(l.xmin::text order by l.bucket)
    into marks, versions
    from analytics_meta.late_buckets l;
    worked := coalesce(array_length(marks, 1), 0);
    too_old := 0;
    if worked = 0 then
        return;
    end if;
    perform analytics_meta.note_parts();
    -- Each look at the partitions or chunks takes longer than a bucket does.
    select jsonb_object_agg(w.width, analytics_meta.refreshable(w.width)) into refreshable
    from (select distinct a.width from analytics_meta.aggregates a where a.active) w;
    select count(*) into too_old from unnest(marks) m (at)
    where exists (
        select from jsonb_each_text(refreshable) r
        where not tstzrange(m.at, m.at + interval '1 hour') <@ r.value::tstzmultirange
    );
    for target in
        -- All buckets that a marked hour touches: an hour may hold several.
        select a.rollup, r.buckets * tstzmultirange(tstzrange(
            '-infinity', analytics_meta.bucket_start(a.width, clock_timestamp())
        )) as buckets, (refreshable ->> a.width::text)::tstzmultirange as refreshable
        from analytics_meta.aggregates a
        cross join lateral (
            select range_agg(tstzrange(
                analytics_meta.bucket_start(a.width, m.at),
                analytics_meta.bucket_start(a.width, m.at + interval '1 hour' - interval '1 microsecond')
                    + analytics_meta.span(a.width)
            )) as buckets
            from unnest(marks) m (at)
        ) r
        where a.active and (
            a.refreshed_at is not null
            or exists (select from analytics_meta.backfills b where b.relation = a.rollup and b.status <> 'done')
        )
        order by a.rollup
    loop
        if not isempty(target.buckets * target.refreshable) then
            call analytics_meta.recompute(
                target.rollup, target.buckets * target.refreshable, target.refreshable, false
            );
        end if;
    end loop;
    delete from analytics_meta.late_buckets l
    using (
        select s.bucket
        from analytics_meta.late_buckets s, unnest(marks, versions) m (bucket, version)
        where s.bucket = m.bucket and s.xmin::text = m.version
        for update of s skip locked
    ) settled
    where l.bucket = settled.bucket;
end
$procedure$;

-- function gone
create or replace function analytics_meta.gone() returns tstzmultirange
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The times whose raw rows were dropped, by retention or by hand. What was stored of them is all that is left.
select coalesce((select e.ranges from analytics_meta.expired e), '{}') + coalesce((
    select range_agg(tstzrange(p.from_time, p.to_time))
    from analytics_meta.parts p left join analytics_meta.raw_parts() r on r.part = p.part
    where r.part is null
), '{}')
$function$;

-- function pin
create or replace function analytics_meta.pin() returns jsonb
language plpgsql
as $function$
-- Sets what an answer depends on, for the session, and returns what was set before. A procedure that commits cannot
-- have SET clauses. TimescaleDB's own procedures are found by the search path.
declare
    wanted jsonb := pg_catalog.jsonb_build_object(
        'search_path', coalesce((
            select pg_catalog.quote_ident(n.nspname)
            from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
            where e.extname = 'timescaledb'
        ), 'pg_catalog'),
        'timezone', 'UTC', 'datestyle', 'ISO, YMD', 'intervalstyle', 'postgres', 'standard_conforming_strings', 'on',
        'row_security', 'on', 'lock_timeout', '5s', 'statement_timeout', '0',
        'idle_in_transaction_session_timeout', '0', 'default_transaction_isolation', 'read committed',
        'default_transaction_read_only', 'off', 'default_transaction_deferrable', 'off',
        'jit', 'off'  -- to compile a query takes a hundred times as long as most of these take to run
    );
    before jsonb := (
        select pg_catalog.jsonb_object_agg(p.key, pg_catalog.current_setting(p.key))
        from pg_catalog.jsonb_each_text(wanted) p
    );
begin
    perform pg_catalog.set_config(p.key, p.value, false) from pg_catalog.jsonb_each_text(wanted) p;
    return before;
end
$function$;

-- function stored_until
create or replace function analytics_meta.stored_until(rollup_name text) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- Below this time the views read stored rows, above it raw ones. Companions may differ; the lowest counts.
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

-- function together
create or replace function analytics_meta.together(buckets tstzmultirange) returns setof tstzrange
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- The runs of buckets that one refresh computes, with what lies between them. TimescaleDB itself knows which buckets of
-- a run changed. Up to ten ranges it computes one by one, more than that as one with all between them.
select tstzrange(min(lower(b.run)), max(upper(b.run)))
from (select u.run, (row_number() over (order by u.run) - 1) / 10 as batch from unnest(buckets) u (run)) b
group by b.batch order by 1
$function$;

-- procedure rebuild_buckets
create or replace procedure analytics_meta.rebuild_buckets(
    rollup_name text, from_time timestamptz, to_time timestamptz
)
language plpgsql
as $procedure$
declare
    relation jsonb;
    schema_name text := (select events_schema from analytics_meta.installation);
begin
    for relation in
        select jsonb_array_elements(a.relations) from analytics_meta.aggregates a where a.rollup = rollup_name
    loop
        call refresh_continuous_aggregate(
            format('%I.%I', schema_name, relation ->> 'name')::regclass, from_time, to_time, force => true
        );
    end loop;
end
$procedure$;

-- procedure pull_watermark_back
create or replace procedure analytics_meta.pull_watermark_back(
    rollup_name text, inout pulled boolean default false
)
language plpgsql
as $procedure$
-- Below the watermark only stored rows are read: from one ahead of the clock, new rows would not be seen until then.
-- TimescaleDB takes it from the newest stored bucket whenever somebody asks it to drop chunks, even if there are none.
declare
    target analytics_meta.aggregates;
    relation record;
    first_bucket timestamptz;
    extension_schema text := (
        select n.nspname from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
        where e.extname = 'timescaledb'
    );
begin
    pulled := false;
    select * into strict target from analytics_meta.aggregates a where a.rollup = rollup_name;
    first_bucket := analytics_meta.bucket_start(target.width, clock_timestamp());
    for relation in
        select c.user_view_schema, c.user_view_name, h.schema_name, h.table_name
        from analytics_meta.installation i
        cross join jsonb_array_elements(target.relations) r
        join _timescaledb_catalog.continuous_agg c
            on c.user_view_schema = i.events_schema and c.user_view_name = r ->> 'name'
        join _timescaledb_catalog.hypertable h on h.id = c.mat_hypertable_id
        where _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(c.mat_hypertable_id))
            > clock_timestamp()
    loop
        pulled := true;
        execute format(
            'delete from %I.%I where %I >= %L', relation.schema_name, relation.table_name, target.bucket_column, first_bucket
        );
        execute format(
            'select count(*) from %I.drop_chunks(%L::regclass, older_than => timestamptz %L)', extension_schema,
            format('%I.%I', relation.user_view_schema, relation.user_view_name), '1000-01-01 00:00:00+00'
        );
    end loop;
    if not pulled then
        return;
    end if;
    -- TimescaleDB thinks that it has stored these buckets: the first and the last row of them, touched, tell it otherwise.
    execute format(
        'update %1$s e set meta = e.meta from (
             (select "timestamp", event_id from %1$s where "timestamp" >= %2$L order by "timestamp", event_id limit 1)
             union
             (select "timestamp", event_id from %1$s where "timestamp" >= %2$L
              order by "timestamp" desc, event_id desc limit 1)
         ) found
         where e."timestamp" = found."timestamp" and e.event_id = found.event_id and e."timestamp" >= %2$L',
        analytics_meta.events_table(), first_bucket
    );
end
$procedure$;

-- record of dropped rows
select analytics_meta.start_record();
