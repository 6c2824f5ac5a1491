-- step: procedure expire_storage
create or replace procedure analytics_meta.expire_storage(inout dropped integer default 0)
language plpgsql
as $procedure$
-- The retention policy does it where the scheduler runs. Elsewhere: the same, but never before the rows are stored in
-- every rollup.
declare
    extension_schema text := (
        select n.nspname from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
        where e.extname = 'timescaledb'
    );
    older_than timestamptz := (select now() - analytics_meta.span(retention) from analytics_meta.storage);
begin
    dropped := 0;
    if older_than is null or not analytics_meta.needs_refreshing() then
        return;
    end if;
    if exists (select from analytics_meta.backfills b where b.status <> 'done') then
        return;
    end if;
    -- The watermark of an aggregate without rows says nothing; the last refresh does.
    select least(older_than, min(coalesce(a.refreshed_at - analytics_meta.span(a.refresh_lag), '-infinity')))
    into older_than
    from analytics_meta.aggregates a where a.active;
    if older_than = '-infinity' then
        return;
    end if;
    execute format(
        'select count(*) from %I.drop_chunks(%L::regclass, older_than => %L::timestamptz)',
        extension_schema, analytics_meta.events_table(), older_than
    ) into dropped;
end
$procedure$;
