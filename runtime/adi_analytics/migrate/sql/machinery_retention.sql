-- step: table parts
create table if not exists analytics_meta.parts (
    part text not null
        constraint parts_pkey primary key,
    from_time timestamptz not null,
    to_time timestamptz not null
);

-- step: table expired
create table if not exists analytics_meta.expired (
    singleton boolean not null default true
        constraint expired_pkey primary key
        constraint expired_singleton_check check (singleton),
    ranges tstzmultirange not null default '{}',
    uncounted bigint not null default 0
);

-- step: function note_parts
create or replace function analytics_meta.note_parts() returns void
language sql
set search_path = pg_catalog, pg_temp
as $function$
-- Remembers the partitions or chunks that are there, so that one that somebody drops by hand is missed.
insert into analytics_meta.parts (part, from_time, to_time)
select p.part, p.from_time, p.to_time from analytics_meta.raw_parts() p
on conflict on constraint parts_pkey do nothing
$function$;

-- step: function gone
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

-- step: function bucket_end
create or replace function analytics_meta.bucket_end(
    width interval, at timestamptz, zone text default null
) returns timestamptz
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- The end of the last bucket that has a moment before this time.
select analytics_meta.next_bucket(width, at - interval '1 microsecond', zone)
$function$;

-- step: function whole_buckets
create or replace function analytics_meta.whole_buckets(
    width interval, times tstzmultirange, zone text default null
) returns tstzmultirange
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- The buckets that these times touch.
select coalesce(range_agg(tstzrange(
    analytics_meta.bucket_start(width, coalesce(lower(r), '-infinity'), zone),
    analytics_meta.bucket_end(width, coalesce(upper(r), 'infinity'), zone)
)), '{}')
from unnest(times) r
$function$;

-- step: function refreshable
create or replace function analytics_meta.refreshable(width interval, zone text default null) returns tstzmultirange
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The buckets that may be computed again: all their raw rows are there. Those from the floor on, and older ones with
-- rows that were loaded later; but none that has lost a row.
select analytics_meta.whole_buckets(width, p.times, zone)
    - analytics_meta.whole_buckets(width, analytics_meta.gone(), zone)
from (
    select coalesce(range_agg(tstzrange(r.from_time, r.to_time)), '{}')
        + coalesce((
            select tstzmultirange(tstzrange(f.at, 'infinity')) from analytics_meta.raw_floor() f (at)
            where f.at is not null
        ), '{}') as times
    from analytics_meta.raw_ranges() r
    where r.has_rows and r.to_time > timestamptz '1970-01-01 00:00:00+00'
) p
$function$;

-- step: function start_record
create or replace function analytics_meta.start_record() returns void
language sql
set search_path = pg_catalog, pg_temp
as $function$
-- Begins the record of what was dropped. In a database of before the record, where something is stored, everything
-- below the oldest raw row that retention has not reached counts as dropped; but no row that is not stored yet.
insert into analytics_meta.expired (ranges)
select case
    when not exists (
        select from analytics_meta.aggregates a where analytics_meta.stored_until(a.rollup) > '-infinity'
    ) or s.retention is null then '{}'
    else tstzmultirange(tstzrange('-infinity', coalesce(
        (
            select min(r.from_time) from analytics_meta.raw_ranges() r
            where r.has_rows and r.to_time > least(now() - analytics_meta.span(s.retention), w.lowest)
        ),
        w.highest
    )))
end
from analytics_meta.storage s, lateral (
    select min(nullif(analytics_meta.stored_until(a.rollup), '-infinity')) as lowest,
           max(analytics_meta.stored_until(a.rollup)) as highest
    from analytics_meta.aggregates a where a.active
) w
on conflict on constraint expired_pkey do nothing;
select analytics_meta.note_parts()
$function$;

-- step: function pin
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

-- step: function unpin
create or replace function analytics_meta.unpin(before jsonb) returns void
language plpgsql
as $function$
begin
    perform pg_catalog.set_config(p.key, p.value, false) from pg_catalog.jsonb_each_text(before) p;
end
$function$;

-- step: function can_lock
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

-- step: function raw_rows
create or replace function analytics_meta.raw_rows(from_time timestamptz, to_time timestamptz) returns bigint[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- How many raw rows there are, and the last id: the same again means that no row came or went.
declare
    found_rows bigint[];
begin
    execute format(
        'select array[count(*), coalesce(max(id), 0)] from %s where "timestamp" >= $1 and "timestamp" < $2',
        analytics_meta.events_table()
    ) into found_rows using from_time, to_time;
    return found_rows;
end
$function$;

-- step: function expired_groups
create or replace function analytics_meta.expired_groups(older_than timestamptz) returns setof tstzrange
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The times to drop together: partitions or chunks that share a bucket go at once, when all of the bucket has expired.
-- So a bucket either has all its rows or none. Ranges that only touch are kept apart.
select tstzrange(lower(g.times), upper(g.times) + interval '1 microsecond')
from (
    select unnest(range_agg(tstzrange(c.from_time, c.to_time - interval '1 microsecond'))) as times
    from analytics_meta.raw_ranges() r, lateral (
        select least(r.from_time, min(analytics_meta.bucket_start(a.width, r.from_time, a.time_zone))) as from_time,
               greatest(r.to_time, max(analytics_meta.bucket_end(a.width, r.to_time, a.time_zone))) as to_time
        from analytics_meta.aggregates a where a.active
    ) c
    where r.from_time < older_than
) g
where upper(g.times) < older_than
    and analytics_meta.all_stored(upper(g.times) + interval '1 microsecond')
order by 1
$function$;

-- step: function drop_group
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

-- step: procedure expire_groups
create or replace procedure analytics_meta.expire_groups(groups tstzrange[], inout dropped integer default 0)
language plpgsql
as $procedure$
-- Stores the buckets of these times once more, then drops the rows of one group after the other, up to the first that
-- somebody works with.
declare
    seen jsonb[];
    target record;
    since timestamptz;
    more integer;
begin
    dropped := 0;
    if not analytics_meta.can_lock(analytics_meta.locked_by_drop(groups[1])) then
        return;
    end if;
    seen := array(
        select to_jsonb(analytics_meta.raw_rows(lower(g.times), upper(g.times)))
        from unnest(groups) with ordinality g (times, place) order by g.place
    );
    for target in select a.rollup from analytics_meta.aggregates a where a.active order by a.rollup loop
        call analytics_meta.refresh(target.rollup, lower(groups[1]), upper(groups[cardinality(groups)]), since);
    end loop;
    commit;
    for place in 1..cardinality(groups) loop
        more := analytics_meta.drop_group(groups[place], seen[place]);
        commit;
        exit when more is null;
        dropped := dropped + more;
    end loop;
end
$procedure$;

-- step: procedure expire_storage
create or replace procedure analytics_meta.expire_storage(inout dropped integer default 0)
language plpgsql
as $procedure$
-- Drops the rows that retention has passed; but never before they are stored in every rollup.
declare
    before jsonb := analytics_meta.pin();
    older_than timestamptz := (select now() - analytics_meta.span(retention) from analytics_meta.storage);
    groups tstzrange[];
    more integer;
begin
    dropped := 0;
    commit;
    if older_than is not null and not exists (select from analytics_meta.backfills b where b.status <> 'done') then
        perform analytics_meta.note_parts();
        for attempt in 1..5 loop
            groups := array(select g.times from analytics_meta.expired_groups(older_than) g (times) order by g.times);
            exit when cardinality(groups) = 0;
            call analytics_meta.expire_groups(groups, more);
            dropped := dropped + more;
            commit;
            if more = 0 then
                perform pg_sleep(0.05 + random() * 0.2);
            end if;
        end loop;
        if cardinality(groups) > 0 and exists (select from analytics_meta.expired_groups(older_than)) then
            raise warning 'rows that retention has passed wait: another session works with %',
                analytics_meta.events_table() using errcode = 'AD001';
        end if;
    end if;
    perform analytics_meta.unpin(before);
end
$procedure$;
