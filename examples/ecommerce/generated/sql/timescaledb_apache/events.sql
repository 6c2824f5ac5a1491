-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.

-- table of events
create table "store_events" (
    id bigint generated always as identity,
    "timestamp" timestamptz not null,
    event_type text not null,
    service text not null,
    user_id text,
    data jsonb not null,
    event_id uuid not null,
    meta jsonb not null default '{}',
    constraint "store_events_pkey" primary key ("timestamp", event_id)
);

-- hypertable of events
select create_hypertable(
    '"store_events"'::regclass,
    'timestamp',
    chunk_time_interval => interval '1 day',
    create_default_indexes => false
);

-- index on user_id
create index "store_events_user_id_timestamp_idx" on "store_events" (user_id, "timestamp" desc)
    where user_id is not null;

-- index on event_type
create index "store_events_event_type_timestamp_idx" on "store_events" (event_type, "timestamp" desc);

-- index on service
create index "store_events_service_timestamp_idx" on "store_events" (service, "timestamp" desc);

-- table of dead letters
create table "store_dead_letters" (
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
    constraint "store_dead_letters_pkey" primary key (id)
);

-- comment on table store_events
comment on table "store_events" is 'Events of the catalog store, a row each.';

-- comment on column store_events.id
comment on column "store_events"."id" is 'Number that the database gives to each row. event_id identifies the event.';

-- comment on column store_events.timestamp
comment on column "store_events"."timestamp" is 'When the event happened.';

-- comment on column store_events.event_type
comment on column "store_events"."event_type" is 'Name of the event in the catalog.';

-- comment on column store_events.service
comment on column "store_events"."service" is 'Service that reported the event.';

-- comment on column store_events.user_id
comment on column "store_events"."user_id" is 'User whom the event is about, when there is one.';

-- comment on column store_events.data
comment on column "store_events"."data" is 'Fields of the event, as the catalog describes them.';

-- comment on column store_events.event_id
comment on column "store_events"."event_id" is 'Id of the event. It stays the same when the event is sent again.';

-- comment on column store_events.meta
comment on column "store_events"."meta" is 'How the event was sent: host, environment, version of the event, sample rate and context.';

-- comment on table store_dead_letters
comment on table "store_dead_letters" is 'Events that could not be stored, and why.';

-- comment on column store_dead_letters.id
comment on column "store_dead_letters"."id" is 'Number of the dead letter.';

-- comment on column store_dead_letters.created_at
comment on column "store_dead_letters"."created_at" is 'When the dead letter was stored.';

-- comment on column store_dead_letters.event_id
comment on column "store_dead_letters"."event_id" is 'Id of the event.';

-- comment on column store_dead_letters.timestamp
comment on column "store_dead_letters"."timestamp" is 'When the event happened, when that is known.';

-- comment on column store_dead_letters.event_type
comment on column "store_dead_letters"."event_type" is 'Name of the event in the catalog.';

-- comment on column store_dead_letters.service
comment on column "store_dead_letters"."service" is 'Service that reported the event, when that is known.';

-- comment on column store_dead_letters.reason
comment on column "store_dead_letters"."reason" is 'Kind of fault.';

-- comment on column store_dead_letters.sqlstate
comment on column "store_dead_letters"."sqlstate" is 'Error code of the server, when it refused the row.';

-- comment on column store_dead_letters.message
comment on column "store_dead_letters"."message" is 'What was wrong.';

-- comment on column store_dead_letters.library_version
comment on column "store_dead_letters"."library_version" is 'Version of adi-analytics that stored the dead letter.';

-- comment on column store_dead_letters.payload
comment on column "store_dead_letters"."payload" is 'The row as JSON text.';

-- comment on column store_dead_letters.replayed_at
comment on column "store_dead_letters"."replayed_at" is 'When the event was sent again; null until then.';
