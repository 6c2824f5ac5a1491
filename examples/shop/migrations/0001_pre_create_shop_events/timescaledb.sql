-- 0001_pre_create_shop_events: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: 2d9a079c9c6746253a74bb1f6e48ad9576356459b9c81b668bba6027e52a6384
-- why: create the tables and procedures of analytics_meta
-- why: create shop_events
-- locks: none on tables that exist

-- function bodies refer to each other
set local check_function_bodies = off;

-- schema analytics_meta
create schema if not exists analytics_meta;

-- table late_buckets
create table if not exists analytics_meta.late_buckets (
    bucket timestamptz not null,
    marked_at timestamptz not null default now(),
    constraint late_buckets_pkey primary key (bucket)
);

-- table storage
create table if not exists analytics_meta.storage (
    singleton boolean not null default true
        constraint storage_pkey primary key
        constraint storage_singleton_check check (singleton),
    table_name text not null,
    chunk_interval interval not null,
    retention interval
);

-- table aggregates
create table if not exists analytics_meta.aggregates (
    rollup text not null
        constraint aggregates_pkey primary key,
    aggregate text not null,
    version integer not null,
    relations jsonb not null,
    bucket_column text not null,
    width interval not null,
    refresh_every interval not null,
    refresh_window interval not null,
    refresh_lag interval not null,
    active boolean not null default true,
    refreshed_at timestamptz,
    history_before timestamptz
);

-- function events_table
create or replace function analytics_meta.events_table() returns regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
select format('%I.%I', i.events_schema, s.table_name)::regclass
from analytics_meta.installation i, analytics_meta.storage s
$function$;

-- function bucket_start
create or replace function analytics_meta.bucket_start(width interval, at timestamptz) returns timestamptz
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- Buckets are counted from a Monday, in hours of 60 minutes whatever the session's time zone does.
select case
    when isfinite(at) then date_bin(make_interval(secs => extract(epoch from width)::double precision), at,
                                    timestamptz '2000-01-03 00:00:00+00')
    else at
end
$function$;

-- function span
create or replace function analytics_meta.span(width interval) returns interval
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- The interval in seconds: a day of an interval may have 23 or 25 hours, a bucket has not.
select make_interval(secs => extract(epoch from width)::double precision)
$function$;

-- function raw_floor
create or replace function analytics_meta.raw_floor() returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The time from which on all raw rows are still there: the start of the oldest part that retention has not reached.
-- A part below that exists when an event came in years late; around it everything else is gone.
select min(r.from_time)
from analytics_meta.raw_ranges() r, analytics_meta.storage s
where r.has_rows and (s.retention is null or r.to_time > now() - analytics_meta.span(s.retention))
$function$;

-- function refresh_floor
create or replace function analytics_meta.refresh_floor(width interval) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The first bucket that may be computed again. One that is cut by the floor may not, once retention can have dropped
-- the rows before it: its stored rows are all that is left.
select case
    when b.at = f.at or s.retention is null or b.at >= now() - analytics_meta.span(s.retention) then b.at
    else b.at + analytics_meta.span(width)
end
from analytics_meta.storage s,
     lateral (select analytics_meta.raw_floor() as at) f,
     lateral (select analytics_meta.bucket_start(width, f.at) as at) b
$function$;

-- procedure refresh
create or replace procedure analytics_meta.refresh(
    rollup_name text, from_time timestamptz, to_time timestamptz, inout refreshed_from timestamptz default null
)
language plpgsql
as $procedure$
-- Computes the buckets of a rollup between two times again, from the raw rows. Buckets below the raw rows, and the
-- one that is not over yet, stay as they are. refreshed_from is null when nothing was left to do.
declare
    target analytics_meta.aggregates;
    first_bucket timestamptz;
    last_end timestamptz;
begin
    select * into target from analytics_meta.aggregates a where a.rollup = rollup_name;
    if not found then
        raise exception 'no rollup %', rollup_name using errcode = 'undefined_object',
            hint = 'See `select rollup from analytics_meta.aggregates`.';
    end if;
    first_bucket := greatest(
        analytics_meta.bucket_start(target.width, coalesce(from_time, '-infinity')),
        analytics_meta.refresh_floor(target.width)
    );
    last_end := analytics_meta.bucket_start(target.width, least(coalesce(to_time, 'infinity'), clock_timestamp()));
    refreshed_from := null;
    -- Without raw rows there is no floor, and nothing to compute from.
    if analytics_meta.raw_floor() is null or first_bucket >= last_end then
        return;
    end if;
    refreshed_from := first_bucket;
    call analytics_meta.refresh_buckets(rollup_name, first_bucket, last_end);
end
$procedure$;

-- procedure refresh_due
create or replace procedure analytics_meta.refresh_due(rollup_name text, forced boolean, inout done boolean default false)
language plpgsql
as $procedure$
-- Does what a refresh policy does, when its interval has passed: every bucket that can have changed since the last
-- time. That is the window before the last time (older events leave a mark), and all that was never computed.
-- Where the policies run it comes once a window only: for what they missed while they did not run, or before they ran.
declare
    target analytics_meta.aggregates;
    last_time timestamptz;
    this_time timestamptz := clock_timestamp();
    refreshed timestamptz;
    pace interval;
begin
    done := false;
    select * into target from analytics_meta.aggregates a where a.rollup = rollup_name and a.active;
    pace := case when analytics_meta.needs_refreshing() then target.refresh_every else target.refresh_window end;
    last_time := target.refreshed_at;
    if target.rollup is null
        or exists (select from analytics_meta.backfills b where b.relation = rollup_name and b.status <> 'done')
        or (not forced and last_time + analytics_meta.span(pace) > this_time)
    then
        return;
    end if;
    call analytics_meta.refresh(
        rollup_name,
        case when last_time is null then null
             else least(last_time - analytics_meta.span(target.refresh_window), analytics_meta.stored_until(rollup_name)) end,
        this_time - analytics_meta.span(target.refresh_lag),
        refreshed
    );
    -- Without a row to store, the first refresh is still to come: it is the one that looks at everything.
    done := refreshed is not null;
    if done then
        update analytics_meta.aggregates a set refreshed_at = this_time where a.rollup = rollup_name;
    end if;
end
$procedure$;

-- procedure work_marks
create or replace procedure analytics_meta.work_marks(inout worked integer default 0, inout too_old integer default 0)
language plpgsql
as $procedure$
-- Brings late events into the rollups: a mark says that rows of an hour came after the refresh window had passed.
-- A mark is removed only if nobody renewed it meanwhile (xmin tells), and after every rollup has been refreshed.
-- Rollups that are still being filled are refreshed too: their fill may have passed the bucket already.
declare
    marks timestamptz[];
    versions text[];
    target record;
    refreshed timestamptz;
begin
    select array_agg(l.bucket order by l.bucket), array_agg(l.xmin::text order by l.bucket)
    into marks, versions
    from analytics_meta.late_buckets l;
    worked := coalesce(array_length(marks, 1), 0);
    select count(*) into too_old from unnest(marks) m (at)
    where m.at < coalesce(analytics_meta.raw_floor(), 'infinity');
    for target in
        -- All buckets that a marked hour touches: an hour may hold several. Neighbours are refreshed in one go.
        select a.rollup, lower(r.run) as from_time, upper(r.run) as to_time
        from analytics_meta.aggregates a
        cross join lateral (
            select unnest(range_agg(tstzrange(
                analytics_meta.bucket_start(a.width, m.at),
                analytics_meta.bucket_start(a.width, m.at + interval '1 hour' - interval '1 microsecond')
                    + analytics_meta.span(a.width)
            ))) as run
            from unnest(marks) m (at)
        ) r
        where a.active
        order by a.rollup, from_time
    loop
        call analytics_meta.refresh(target.rollup, target.from_time, target.to_time, refreshed);
    end loop;
    delete from analytics_meta.late_buckets l
    using unnest(marks, versions) m (bucket, version)
    where l.bucket = m.bucket and l.xmin::text = m.version;
end
$procedure$;

-- procedure maintain
create or replace procedure analytics_meta.maintain()
language plpgsql
as $procedure$
-- All housekeeping that is due; for pg_cron: select cron.schedule('adi-analytics', '* * * * *',
-- 'call analytics_meta.maintain()'). A second one at the same time finds the lock taken and leaves.
declare
    target record;
    done boolean;
    counted integer;
    skipped integer;
    path_before text := current_setting('search_path');
begin
    if not pg_try_advisory_lock(1633970529, 1835101806) then
        return;
    end if;
    -- A procedure with a SET clause of its own may not commit.
    perform set_config('search_path', (
        select string_agg(quote_ident(n.nspname), ', ')
        from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
        where e.extname = 'timescaledb'
    ), false) where exists (select from pg_catalog.pg_extension where extname = 'timescaledb');
    call analytics_meta.prepare_storage(counted);
    commit;
    call analytics_meta.work_marks(counted, skipped);
    commit;
    for target in select rollup from analytics_meta.aggregates where active order by rollup loop
        call analytics_meta.refresh_due(target.rollup, false, done);
        commit;
    end loop;
    call analytics_meta.expire_storage(counted);
    commit;
    perform set_config('search_path', path_before, false);
    perform pg_advisory_unlock(1633970529, 1835101806);
end
$procedure$;

-- function raw_ranges
create or replace function analytics_meta.raw_ranges(
    out part regclass, out from_time timestamptz, out to_time timestamptz, out has_rows boolean
) returns setof record
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- A chunk that retention drops meanwhile has no name any more, and that is no error.
select to_regclass(format('%I.%I', c.chunk_schema, c.chunk_name)), c.range_start, c.range_end, true
from timescaledb_information.chunks c, analytics_meta.installation i, analytics_meta.storage s
where c.hypertable_schema = i.events_schema and c.hypertable_name = s.table_name
$function$;

-- procedure prepare_storage
create or replace procedure analytics_meta.prepare_storage(inout made integer default 0)
language plpgsql
as $procedure$
begin
    made := 0;  -- TimescaleDB makes chunks when rows come
end
$procedure$;

-- procedure expire_storage
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

-- function stored_until
create or replace function analytics_meta.stored_until(rollup_name text) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- Below this time the views read stored rows, above it raw ones. Companions may differ; the lowest counts.
-- One that was never filled answers with the lowest time there is.
select case when min(w.at) < timestamptz '1970-01-01 00:00:00+00' then '-infinity' else min(w.at) end
from analytics_meta.installation i, analytics_meta.aggregates a, jsonb_array_elements(a.relations) r,
    _timescaledb_catalog.continuous_agg c,
    lateral (
        select _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(c.mat_hypertable_id)) as at
    ) w
where a.rollup = rollup_name and c.user_view_schema = i.events_schema and c.user_view_name = r ->> 'name'
$function$;

-- procedure refresh_buckets
create or replace procedure analytics_meta.refresh_buckets(
    rollup_name text, from_time timestamptz, to_time timestamptz
)
language plpgsql
as $procedure$
-- Each refresh ends the transaction that it runs in, so this cannot be called inside of one.
declare
    target analytics_meta.aggregates;
    relation jsonb;
    first_bucket timestamptz;
    schema_name text := (select events_schema from analytics_meta.installation);
begin
    select * into strict target from analytics_meta.aggregates a where a.rollup = rollup_name;
    for relation in select jsonb_array_elements(target.relations) loop
        -- A refresh moves the watermark, below which raw rows are no longer read: it must not leave a gap behind it.
        first_bucket := greatest(
            least(from_time, analytics_meta.bucket_start(target.width, analytics_meta.stored_until(rollup_name))),
            analytics_meta.refresh_floor(target.width)
        );
        -- The name is found by the search path: a dynamic CALL would count as a function, which may not commit.
        call refresh_continuous_aggregate(
            format('%I.%I', schema_name, relation ->> 'name')::regclass, first_bucket, to_time
        );
    end loop;
end
$procedure$;

-- function needs_refreshing
create or replace function analytics_meta.needs_refreshing() returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The policies refresh where TimescaleDB's scheduler runs; on a server without background workers nobody else does.
select not exists (
    select from pg_stat_activity
    where backend_type = 'TimescaleDB Background Worker Scheduler' and datname = current_database()
)
$function$;

-- storage settings
insert into analytics_meta.storage (table_name, chunk_interval, retention)
values ('shop_events', interval '1 days', interval '365 days')
on conflict on constraint storage_pkey do update
    set chunk_interval = excluded.chunk_interval, retention = excluded.retention;

-- table of events
create table "shop_events" (
    id bigint generated always as identity,
    "timestamp" timestamptz not null,
    event_type text not null,
    service text not null,
    user_id uuid,
    data jsonb not null,
    event_id uuid not null,
    meta jsonb not null default '{}',
    constraint "shop_events_pkey" primary key ("timestamp", event_id)
);

-- hypertable of events
select create_hypertable(
    '"shop_events"'::regclass,
    'timestamp',
    chunk_time_interval => interval '1 day',
    create_default_indexes => false
);

-- index on user_id
create index "shop_events_user_id_timestamp_idx" on "shop_events" (user_id, "timestamp" desc)
    where user_id is not null;

-- index on event_type
create index "shop_events_event_type_timestamp_idx" on "shop_events" (event_type, "timestamp" desc);

-- index on service
create index "shop_events_service_timestamp_idx" on "shop_events" (service, "timestamp" desc);

-- table of dead letters
create table "shop_dead_letters" (
    id bigint generated always as identity,
    created_at timestamptz not null default now(),
    event_id uuid not null,
    "timestamp" timestamptz,
    event_type text not null,
    service text,
    reason text not null,
    sqlstate text,
    message text not null,
    library_version text not null,
    payload text not null,
    replayed_at timestamptz,
    constraint "shop_dead_letters_pkey" primary key (id)
);

-- compression settings
alter table "shop_events" set (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'event_type',
    timescaledb.compress_orderby = '"timestamp" desc, event_id'
);

-- compression policy
select add_compression_policy('"shop_events"'::regclass, interval '14 days');

-- retention policy
select add_retention_policy('"shop_events"'::regclass, interval '365 days');

-- comment on table shop_events
comment on table "shop_events" is 'Events of the catalog shop, a row each.';

-- comment on column shop_events.id
comment on column "shop_events"."id" is 'Number that the database gives to each row. event_id identifies the event.';

-- comment on column shop_events.timestamp
comment on column "shop_events"."timestamp" is 'When the event happened.';

-- comment on column shop_events.event_type
comment on column "shop_events"."event_type" is 'Name of the event in the catalog.';

-- comment on column shop_events.service
comment on column "shop_events"."service" is 'Service that reported the event.';

-- comment on column shop_events.user_id
comment on column "shop_events"."user_id" is 'User whom the event is about, when there is one.';

-- comment on column shop_events.data
comment on column "shop_events"."data" is 'Fields of the event, as the catalog describes them.';

-- comment on column shop_events.event_id
comment on column "shop_events"."event_id" is 'Id of the event. It stays the same when the event is sent again.';

-- comment on column shop_events.meta
comment on column "shop_events"."meta" is 'How the event was sent: host, environment, version of the event, sample rate and context.';

-- comment on table shop_dead_letters
comment on table "shop_dead_letters" is 'Events that could not be stored, and why.';

-- comment on column shop_dead_letters.id
comment on column "shop_dead_letters"."id" is 'Number of the dead letter.';

-- comment on column shop_dead_letters.created_at
comment on column "shop_dead_letters"."created_at" is 'When the dead letter was stored.';

-- comment on column shop_dead_letters.event_id
comment on column "shop_dead_letters"."event_id" is 'Id of the event.';

-- comment on column shop_dead_letters.timestamp
comment on column "shop_dead_letters"."timestamp" is 'When the event happened, when that is known.';

-- comment on column shop_dead_letters.event_type
comment on column "shop_dead_letters"."event_type" is 'Name of the event in the catalog.';

-- comment on column shop_dead_letters.service
comment on column "shop_dead_letters"."service" is 'Service that reported the event, when that is known.';

-- comment on column shop_dead_letters.reason
comment on column "shop_dead_letters"."reason" is 'Kind of fault.';

-- comment on column shop_dead_letters.sqlstate
comment on column "shop_dead_letters"."sqlstate" is 'Error code of the server, when it refused the row.';

-- comment on column shop_dead_letters.message
comment on column "shop_dead_letters"."message" is 'What was wrong.';

-- comment on column shop_dead_letters.library_version
comment on column "shop_dead_letters"."library_version" is 'Version of adi-analytics that stored the dead letter.';

-- comment on column shop_dead_letters.payload
comment on column "shop_dead_letters"."payload" is 'The row as JSON text.';

-- comment on column shop_dead_letters.replayed_at
comment on column "shop_dead_letters"."replayed_at" is 'When the event was sent again; null until then.';
