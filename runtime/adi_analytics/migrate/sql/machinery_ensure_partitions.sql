-- step: function ensure_partitions
create or replace function analytics_meta.ensure_partitions(
    parent regclass, width interval, from_time timestamptz, to_time timestamptz
) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $function$
-- Makes sure that every time from from_time to before to_time has a partition of parent; returns how many it made.
-- Partitions of another width, from before a change of the catalog, stay: new ones fill what they leave free.
-- A partition takes over the rows that wait in the default partition, and is attached when it is ready: that way the
-- parent is not locked against readers and writers. The default partition is: against writers for the move, against
-- readers for the attachment, which reads what is left in it. If somebody works with it, no row is moved in vain.
declare
    step interval := make_interval(secs => extract(epoch from width)::double precision);
    lower_bound timestamptz := date_bin(step, from_time, timestamptz '2000-01-03 00:00:00+00');
    covered tstzmultirange;
    free tstzrange;
    schema_name name;
    parent_name name;
    default_partition regclass;
    partition_name text;
    waiting boolean;
    made integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('analytics_meta.ensure_partitions'), parent::oid::integer);
    select n.nspname, c.relname, nullif(p.partdefid, 0)::regclass
    into strict schema_name, parent_name, default_partition
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_partitioned_table p on p.partrelid = c.oid
    where c.oid = parent;
    select coalesce(range_agg(tstzrange(
        substring(bound from 'FROM [(]''([^'']+)''[)]')::timestamptz, substring(bound from 'TO [(]''([^'']+)''[)]')::timestamptz
    )), '{}')
    into covered
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    cross join lateral pg_get_expr(c.relpartbound, c.oid) bound
    where i.inhparent = parent and bound <> 'DEFAULT';
    while lower_bound < to_time loop
        for free in select unnest(tstzmultirange(tstzrange(lower_bound, lower_bound + step)) - covered) loop
            partition_name := left(parent_name, 45) || to_char(lower(free), case
                when lower(free) = date_trunc('day', lower(free)) then '"_p"YYYYMMDD' else '"_p"YYYYMMDD_HH24MISS'
            end);
            execute format(
                'create table %I.%I (like %s including defaults including indexes,'
                ' constraint within_bounds check ("timestamp" >= %L and "timestamp" < %L))',
                schema_name, partition_name, parent, lower(free), upper(free)
            );
            if default_partition is not null then
                execute format(
                    'select exists (select from %s where "timestamp" >= $1 and "timestamp" < $2)', default_partition
                ) into waiting using lower(free), upper(free);
                if waiting and not analytics_meta.can_lock(array[default_partition]) then
                    raise exception using errcode = 'lock_not_available',
                        message = format('another session works with %s', default_partition);
                end if;
                execute format('lock table %s in share row exclusive mode', default_partition);
                execute format(
                    'with moved as (delete from %s where "timestamp" >= $1 and "timestamp" < $2 returning *)'
                    ' insert into %I.%I select * from moved',
                    default_partition, schema_name, partition_name
                ) using lower(free), upper(free);
            end if;
            -- With its indexes and the constraint it has nothing left to do while it is attached.
            execute format(
                'alter table %s attach partition %I.%I for values from (%L) to (%L)',
                parent, schema_name, partition_name, lower(free), upper(free)
            );
            execute format('alter table %I.%I drop constraint within_bounds', schema_name, partition_name);
            made := made + 1;
        end loop;
        lower_bound := lower_bound + step;
    end loop;
    return made;
end
$function$;
