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
        from_time := substring(bound from 'FROM \(''([^'']+)''\)');
        to_time := substring(bound from 'TO \(''([^'']+)''\)');
        begin
            execute format('select exists (select from only %s)', part) into has_rows;
        exception when undefined_table or syntax_error then
            continue;  -- retention has dropped it meanwhile: it is written as a number then
        end;
        return next;
    end loop;
    if default_partition is not null then
        for from_time in execute format(
            'select distinct analytics_meta.bucket_start(%L, "timestamp") from %s where isfinite("timestamp")',
            width, default_partition
        ) loop
            part := default_partition;
            to_time := from_time + width;
            has_rows := true;
            return next;
        end loop;
    end if;
end
$function$;

-- step: procedure prepare_storage
create or replace procedure analytics_meta.prepare_storage(inout made integer default 0)
language plpgsql
as $procedure$
-- Makes the partitions of the days to come, and those that rows in the default partition wait for. Each is a
-- transaction of its own: a long list of them would need more locks than a server has.
declare
    parent regclass := analytics_meta.events_table();
    width interval := (select analytics_meta.span(chunk_interval) from analytics_meta.storage);
    keep_from timestamptz := (
        select coalesce(now() - analytics_meta.span(retention), '-infinity') from analytics_meta.storage
    );
    ahead timestamptz := now() + 7 * width;
    waiting timestamptz;
begin
    made := analytics_meta.ensure_partitions(parent, width, now(), ahead);
    commit;
    for waiting in
        select r.from_time from analytics_meta.raw_ranges() r
        where r.part = (select partdefid from pg_catalog.pg_partitioned_table where partrelid = parent)
            and r.to_time > keep_from and r.from_time < ahead
            -- rows outside of these years are mistakes: no rollup reads them
            and r.from_time >= timestamptz '1970-01-01 00:00:00+00'
        order by r.from_time
    loop
        made := made + analytics_meta.ensure_partitions(parent, width, waiting, waiting + width);
        commit;
    end loop;
end
$procedure$;

-- step: procedure expire_storage
create or replace procedure analytics_meta.expire_storage(inout dropped integer default 0)
language plpgsql
as $procedure$
-- Drops the partitions that retention has passed, and deletes such rows of the default partition; but never before
-- their rows are stored in every rollup.
declare
    older_than timestamptz := (select now() - analytics_meta.span(retention) from analytics_meta.storage);
    default_partition regclass := (
        select partdefid from pg_catalog.pg_partitioned_table where partrelid = analytics_meta.events_table()
    );
    expired record;
begin
    dropped := 0;
    if older_than is null or exists (select from analytics_meta.backfills b where b.status <> 'done') then
        return;
    end if;
    select least(older_than, min(r.watermark)) into older_than
    from analytics_meta.rollups r join analytics_meta.aggregates a on a.rollup = r.rollup where a.active;
    for expired in select r.* from analytics_meta.raw_ranges() r where r.to_time <= older_than loop
        if expired.part = default_partition then
            execute format(
                'delete from %s where "timestamp" >= %L and "timestamp" < %L',
                expired.part, expired.from_time, expired.to_time
            );
        else
            execute format('drop table %s', expired.part);
        end if;
        dropped := dropped + 1;
        commit;
    end loop;
end
$procedure$;
