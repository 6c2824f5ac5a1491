-- step: function raw_ranges
create or replace function analytics_meta.raw_ranges(
    out part regclass, out from_time timestamptz, out to_time timestamptz, out has_rows boolean
) returns setof record
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $function$
-- The partitions with their bounds, and for each range of the default partition that holds rows one entry.
declare
    parent regclass := analytics_meta.events_table();
    width interval := (select analytics_meta.span(chunk_interval) from analytics_meta.storage);
    bound text;
    default_partition regclass;
begin
    for part, bound in
        select c.oid::regclass, pg_get_expr(c.relpartbound, c.oid)
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = parent
    loop
        if bound = 'DEFAULT' then
            default_partition := part;
            continue;
        end if;
        from_time := substring(bound from 'FROM [(]''([^'']+)''[)]');
        to_time := substring(bound from 'TO [(]''([^'']+)''[)]');
        begin
            execute format('select exists (select from only %s)', part) into has_rows;
        exception when undefined_table or syntax_error then
            continue;  -- retention has dropped it meanwhile: it is written as a number then
        end;
        return next;
    end loop;
    if default_partition is not null then
        for from_time in execute format(
            'select distinct analytics_meta.bucket_start($1, "timestamp") from %s where isfinite("timestamp")',
            default_partition
        ) using width loop
            part := default_partition;
            to_time := from_time + width;
            has_rows := true;
            return next;
        end loop;
    end if;
end
$function$;

-- step: function raw_parts
create or replace function analytics_meta.raw_parts(out part text, out from_time timestamptz, out to_time timestamptz)
returns setof record
language sql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $function$
-- The partitions with their bounds, but for the default one.
select format('%I.%I', n.nspname, c.relname), substring(b.bound from 'FROM [(]''([^'']+)''[)]')::timestamptz,
    substring(b.bound from 'TO [(]''([^'']+)''[)]')::timestamptz
from pg_inherits i
join pg_class c on c.oid = i.inhrelid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral pg_get_expr(c.relpartbound, c.oid) b (bound)
where i.inhparent = analytics_meta.events_table() and b.bound <> 'DEFAULT'
$function$;

-- step: function default_part
create or replace function analytics_meta.default_part() returns regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
select nullif(p.partdefid, 0)::regclass from pg_partitioned_table p where p.partrelid = analytics_meta.events_table()
$function$;

-- step: procedure make_partition
create or replace procedure analytics_meta.make_partition(from_time timestamptz, inout made integer)
language plpgsql
as $procedure$
-- Makes the partition that begins at a time, or what lacks of it; null when somebody works with the default partition.
declare
    parent regclass := analytics_meta.events_table();
    width interval := (select analytics_meta.span(chunk_interval) from analytics_meta.storage);
begin
    made := null;
    for attempt in 1..5 loop
        begin
            perform set_config('lock_timeout', '100ms', true);
            made := analytics_meta.ensure_partitions(parent, width, from_time, from_time + width);
        exception when lock_not_available or deadlock_detected then
            made := null;
        end;
        commit;
        exit when made is not null;
        perform pg_sleep(0.05 + random() * 0.2);
    end loop;
end
$procedure$;

-- step: procedure prepare_storage
create or replace procedure analytics_meta.prepare_storage(inout made integer default 0)
language plpgsql
as $procedure$
-- Makes the partitions of the days to come, and those that rows in the default partition wait for. Each is a
-- transaction of its own: a long list of them would need more locks than a server has. Until they are made, the
-- default partition takes the rows.
declare
    before jsonb := analytics_meta.pin();
    width interval := (select analytics_meta.span(chunk_interval) from analytics_meta.storage);
    keep_from timestamptz := (
        select coalesce(now() - analytics_meta.span(retention), '-infinity') from analytics_meta.storage
    );
    ahead timestamptz := now() + greatest(7 * width, interval '72 hours');
    wanted record;
    more integer;
begin
    made := 0;
    commit;
    for wanted in
        select at from generate_series(analytics_meta.bucket_start(width, now()), ahead, width) at
        union
        select r.from_time from analytics_meta.raw_ranges() r
        where r.part = analytics_meta.default_part() and r.to_time > keep_from and r.from_time < ahead
            -- rows outside of these years are mistakes: no rollup reads them
            and r.to_time > timestamptz '1970-01-01 00:00:00+00'
        order by at
    loop
        call analytics_meta.make_partition(wanted.at, more);
        if more is null then
            raise warning 'partitions wait: another session works with %', analytics_meta.default_part()
                using errcode = 'AD001';
            exit;
        end if;
        made := made + more;
    end loop;
    perform analytics_meta.unpin(before);
end
$procedure$;

-- step: function written_by
create or replace function analytics_meta.written_by(times tstzrange) returns regclass[]
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The tables that rows of these times are written to.
select coalesce(array_agg(p.part::regclass order by p.from_time), '{}') || analytics_meta.default_part()
from analytics_meta.raw_parts() p where tstzrange(p.from_time, p.to_time) <@ times
$function$;

-- step: function locked_by_drop
create or replace function analytics_meta.locked_by_drop(times tstzrange) returns regclass[]
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- Dropping a partition locks its table, too. Rows of the default partition are deleted, which locks neither.
select coalesce(array_agg(distinct l.relation), '{}')
from analytics_meta.raw_parts() p,
    lateral unnest(array[analytics_meta.events_table(), p.part::regclass]) l (relation)
where tstzrange(p.from_time, p.to_time) <@ times
$function$;

-- step: function drop_parts
create or replace function analytics_meta.drop_parts(times tstzrange) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
declare
    expired text;
begin
    if analytics_meta.default_part() is not null then
        execute format('delete from %s where "timestamp" >= $1 and "timestamp" < $2', analytics_meta.default_part())
        using lower(times), upper(times);
    end if;
    for expired in
        select p.part from analytics_meta.raw_parts() p where tstzrange(p.from_time, p.to_time) <@ times
    loop
        execute format('drop table %s', expired);
    end loop;
end
$function$;
