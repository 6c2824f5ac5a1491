-- step: procedure retention_job
create or replace procedure analytics_meta.retention_job(job_id integer, config jsonb)
language plpgsql
as $procedure$
-- What TimescaleDB's scheduler calls instead of its own retention policy, which drops rows that are not stored yet.
declare
    dropped integer;
begin
    if pg_try_advisory_lock(1633970529, 1835101806) then
        call analytics_meta.expire_storage(dropped);
        perform pg_advisory_unlock(1633970529, 1835101806);
    end if;
end
$procedure$;
