-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.

-- table of events
create table "analytics_events" (
    id bigint generated always as identity,
    "timestamp" timestamptz not null,
    event_type text not null,
    service text not null,
    user_id uuid,
    data jsonb not null,
    event_id uuid not null,
    meta jsonb not null default '{}',
    constraint "analytics_events_pkey" primary key ("timestamp", event_id)
);

-- hypertable of events
select create_hypertable(
    '"analytics_events"'::regclass,
    'timestamp',
    chunk_time_interval => interval '1 day',
    create_default_indexes => false
);

-- index on user_id
create index "analytics_events_user_id_timestamp_idx" on "analytics_events" (user_id, "timestamp" desc)
    where user_id is not null;

-- index on event_type
create index "analytics_events_event_type_timestamp_idx" on "analytics_events" (event_type, "timestamp" desc);

-- index on service
create index "analytics_events_service_timestamp_idx" on "analytics_events" (service, "timestamp" desc);

-- table of dead letters
create table "analytics_dead_letters" (
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
    constraint "analytics_dead_letters_pkey" primary key (id)
);

-- compression settings
alter table "analytics_events" set (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'event_type',
    timescaledb.compress_orderby = '"timestamp" desc, event_id'
);

-- compression policy
select add_compression_policy('"analytics_events"'::regclass, interval '7 days');

-- retention policy
select add_retention_policy('"analytics_events"'::regclass, interval '90 days');
