-- 0003_pre_count_without_loops: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: d5731d6027f84440b0a011696d74a97ba89ba7947d98f8f0f7637d0b698a6327
-- why: update the procedures of analytics_meta
-- locks: none

-- function bodies refer to each other
set local check_function_bodies = off;

-- function count_again
create or replace function analytics_meta.count_again(
    members_name text, changed tstzmultirange, until_time timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_nestloop = off
as $function$
-- Counts again what depends on changed buckets, as far as it is kept: a bucket counts in the span that begins there.
declare
    target analytics_meta.counts;
    bucket_column text;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
    run tstzrange;
    affected tstzmultirange;
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name;
    select a.bucket_column into strict bucket_column from analytics_meta.aggregates a where a.rollup = target.rollup;
    select range_agg(tstzrange(lower(c), upper(c) + target.span)) * tstzmultirange(tstzrange('-infinity', until_time))
    into affected from unnest(changed) c;
    for run in select unnest(affected) loop
        execute format('delete from %I.%I where %I >= $1 and %3$I < $2', schema_name, target.counts, bucket_column)
        using lower(run), upper(run);
        execute format(
            'insert into %1$I.%2$I select * from %1$I.%3$I($1, $2, false)', schema_name, target.counts, target.counted
        ) using lower(run), upper(run);
    end loop;
    if upper(changed) + target.span > until_time then
        execute format('delete from %I.%I', schema_name, target.recent);
        perform analytics_meta.store_recent(members_name, '-infinity', until_time);
    end if;
end
$function$;

-- function count_on
create or replace function analytics_meta.count_on(
    members_name text, from_time timestamptz, to_time timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_nestloop = off
as $function$
-- Counts the buckets that come after those that are kept: from their members and from who was active before.
declare
    target analytics_meta.counts;
    bucket_column text;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name;
    select a.bucket_column into strict bucket_column from analytics_meta.aggregates a where a.rollup = target.rollup;
    execute format('delete from %I.%I where %I >= $1', schema_name, target.counts, bucket_column) using from_time;
    execute format(
        'insert into %1$I.%2$I select * from %1$I.%3$I($1, $2, true)', schema_name, target.counts, target.counted
    ) using from_time, to_time;
    perform analytics_meta.store_recent(members_name, from_time, to_time);
end
$function$;

-- function store_recent
create or replace function analytics_meta.store_recent(
    members_name text, from_time timestamptz, until_time timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_nestloop = off
as $function$
-- Stores which members were active in the longest span before the buckets that are not over, and when for the last time:
-- adds those between two bucket starts, and drops those of before the span.
declare
    target analytics_meta.counts;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
    columns text[];
    groups text;
    same text;
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name;
    select a.bucket_column || target.keys into strict columns
    from analytics_meta.aggregates a where a.rollup = target.rollup;
    select string_agg(quote_ident(k), ', ' order by place) into groups
    from unnest(columns[:cardinality(columns) - 1]) with ordinality t (k, place);
    select string_agg(format('r.%1$I is not distinct from f.%1$I', k), ' and ') into same
    from unnest(target.keys[:cardinality(target.keys) - 1]) k;
    execute format('delete from %I.%I where %I <= $1', schema_name, target.recent, columns[1])
    using until_time - target.span;
    execute format(
        'with fresh as materialized (select * from %1$I.%2$I($1, $2)), gone as (
             delete from %1$I.%3$I r using fresh f where r.%4$I = f.%4$I %5$s
         )
         insert into %1$I.%3$I select * from fresh',
        schema_name, target.recent_rows, target.recent, columns[cardinality(columns)], 'and ' || same
    ) using from_time, until_time;
    execute format('delete from %I.%I', schema_name, target.recency);
    execute format(
        'insert into %1$I.%2$I select %3$s, count(*) from %1$I.%4$I group by %3$s',
        schema_name, target.recency, groups, target.recent
    );
end
$function$;

-- function answer
create or replace function analytics_meta.answer(rollup_name text, part jsonb, run tstzrange) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_nestloop = off
as $function$
-- Computes the kept answers of a run of buckets.
declare
    schema_name text := (select i.events_schema from analytics_meta.installation i);
begin
    execute format('delete from %I.%I where bucket >= $1 and bucket < $2', schema_name, part ->> 'table')
    using lower(run), upper(run);
    execute format(
        'insert into %1$I.%2$I select * from %1$I.%3$I($1, $2)', schema_name, part ->> 'table', part ->> 'function'
    ) using lower(run), upper(run);
end
$function$;

-- function analyze_grown
create or replace function analytics_meta.analyze_grown(relation_name text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Takes statistics of what grew by more than a fifth since they were taken. After a large load, a plan that expects few rows works for an
-- hour on what takes seconds, and autovacuum comes a minute later.
declare
    grown regclass;
begin
    for grown in
        select c.oid from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        where pg_relation_size(c.oid) / current_setting('block_size')::integer > 20 + c.relpages::bigint * 6 / 5 and (
            c.oid = any (analytics_meta.tables_of(relation_name))
            or n.nspname = (select i.events_schema from analytics_meta.installation i) and c.relname in (
                select unnest(array[k.counts, k.recent, k.recency]) from analytics_meta.counts k where k.members = relation_name
                union all
                select a.known from analytics_meta.answers a where a.rollup = relation_name
                union all
                select p ->> 'table' from analytics_meta.answers a, jsonb_array_elements(a.parts) p where a.rollup = relation_name
            )
        )
    loop
        execute format('analyze (skip_locked) %s', grown);
    end loop;
end
$function$;

-- function recount_piece
create or replace function analytics_meta.recount_piece(relation_name text) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings what is kept beside a relation of members up to date, one piece of it. Returns whether there is more.
-- A refresh policy can have changed what is younger than its window before it began, and it may take as long again.
declare
    target record;
    owner analytics_meta.aggregates;
    began timestamptz := clock_timestamp();
    marks bigint[];
    since timestamptz;
    until_time timestamptz;
begin
    perform from analytics_meta.counts c where c.members = relation_name for update;
    perform from analytics_meta.answers a where a.rollup = relation_name for update;
    select * into strict target from analytics_meta.kept() k where k.relation = relation_name;
    select * into strict owner from analytics_meta.aggregates a where a.rollup = target.rollup;
    perform set_config('work_mem', '256MB', true)
    where pg_size_bytes(current_setting('work_mem')) < pg_size_bytes('256MB');
    until_time := least(analytics_meta.stored_until(target.rollup), analytics_meta.bucket_start(owner.width, began, owner.time_zone));
    if until_time < target.until or target.until = '-infinity' then  -- a watermark was ahead of the clock; a new start
        perform analytics_meta.forget_kept(relation_name);
        target.until := '-infinity';
    end if;
    perform analytics_meta.analyze_grown(relation_name);
    select array_agg(r.id), min(r.from_time) into marks, since
    from analytics_meta.recounts r where r.rollup = relation_name;
    since := case when target.compared_at is null then '-infinity' else least(
        analytics_meta.bucket_start(owner.width, since, owner.time_zone),
        analytics_meta.bucket_start(
            owner.width, target.compared_at - 2 * analytics_meta.span(owner.refresh_window), owner.time_zone
        )
    ) end;
    if since < target.until then
        if analytics_meta.recount_changed(relation_name, since) then
            return true;
        end if;
    end if;
    delete from analytics_meta.recounts r where r.id = any (marks);
    update analytics_meta.counts c set counted_at = began where c.members = relation_name;
    update analytics_meta.answers a set compared_at = began where a.rollup = relation_name;
    return analytics_meta.recount_on(relation_name, until_time);
end
$function$;

-- function can_lock
create or replace function analytics_meta.can_lock(relations regclass[]) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '100ms'
as $function$
-- Whether nobody works with these tables now. A lock that waits makes later readers wait behind it, so it may wait for
-- a moment only. It is let go at once: what it is for may take a while to get ready.
declare
    relation regclass;
begin
    foreach relation in array relations loop
        execute format('lock table only %s in access exclusive mode', relation);
    end loop;
    raise exception using errcode = 'AD000';
exception
    when sqlstate 'AD000' then return true;
    when lock_not_available or deadlock_detected then return false;
    when undefined_table or syntax_error then return false;  -- one is gone: it has a number for a name, or none
end
$function$;

-- function drop_group
create or replace function analytics_meta.drop_group(times tstzrange, seen jsonb) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '100ms'
as $function$
-- Drops what lies in these times, if the rows are still those that were seen, and records it. Returns null when it
-- has to wait. Writers to these old rows wait meanwhile, readers only for the moment of the drop.
declare
    parts text[] := (select array_agg(p.part) from analytics_meta.raw_parts() p where tstzrange(p.from_time, p.to_time) <@ times);
    dropped_ranges tstzmultirange;
    lost tstzmultirange := tstzmultirange(times) * analytics_meta.gone();
    lost_rows bigint := 0;
    relation regclass;
    made integer;
begin
    begin
        foreach relation in array analytics_meta.written_by(times) loop
            execute format('lock table %s in share row exclusive mode', relation);
        end loop;
    exception
        when undefined_table or syntax_error then return null;  -- one is gone, as in can_lock
    end;
    if to_jsonb(analytics_meta.raw_rows(lower(times), upper(times))) <> seen then
        return null;
    end if;
    select count(*), range_agg(tstzrange(r.from_time, r.to_time)) into made, dropped_ranges
    from analytics_meta.raw_ranges() r where tstzrange(r.from_time, r.to_time) <@ times and r.from_time < r.to_time;
    if not isempty(lost) then
        execute format('select count(*) from %s where "timestamp" <@ $1', analytics_meta.events_table())
        into lost_rows using lost;
    end if;
    perform analytics_meta.drop_parts(times);
    update analytics_meta.expired e
    set ranges = e.ranges + coalesce(dropped_ranges, '{}'), uncounted = e.uncounted + lost_rows;
    delete from analytics_meta.parts p where p.part = any (parts);
    if lost_rows > 0 then
        raise warning '% rows of % were dropped uncounted: the other rows of their buckets were gone', lost_rows, times
            using errcode = 'AD001';
    end if;
    return made;
exception
    when lock_not_available or deadlock_detected then return null;
end
$function$;

-- function tables_of
create or replace function analytics_meta.tables_of(relation_name text) returns regclass[]
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- Where the stored rows of a relation are: the chunks of the continuous aggregate.
select array_agg(t.oid::regclass)
from timescaledb_information.continuous_aggregates c
join timescaledb_information.chunks k
    on k.hypertable_schema = c.materialization_hypertable_schema and k.hypertable_name = c.materialization_hypertable_name
join pg_namespace n on n.nspname = k.chunk_schema
join pg_class t on t.relnamespace = n.oid and t.relname = k.chunk_name
where c.view_schema = (select i.events_schema from analytics_meta.installation i) and c.view_name = relation_name
$function$;

-- record of dropped rows
select analytics_meta.start_record();
