-- The migrator's own tables: what was applied, by whom, and what is still to fill. Locks nothing that others use.

-- step: schema analytics_meta
create schema if not exists analytics_meta;

-- step: table installation
create table if not exists analytics_meta.installation (
    singleton boolean not null default true
        constraint installation_pkey primary key
        constraint installation_singleton_check check (singleton),
    format integer not null,
    backend text not null
        constraint installation_backend_check check (backend in ('postgres', 'timescaledb', 'timescaledb_apache')),
    events_schema text not null,
    created_at timestamptz not null default now(),
    catalog text
);

-- step: table migrations
create table if not exists analytics_meta.migrations (
    number integer not null
        constraint migrations_pkey primary key,
    name text not null,
    phase text not null
        constraint migrations_phase_check check (phase in ('pre', 'post')),
    variant text not null,
    checksum text not null,
    status text not null
        constraint migrations_status_check check (status in ('running', 'applied', 'baselined')),
    steps text[] not null default '{}',
    started_at timestamptz not null,
    finished_at timestamptz,
    applied_by text not null default current_user,
    host text not null,
    library_version text not null,
    server_version text not null default current_setting('server_version'),
    timescaledb_version text,
    catalog_hash text not null
);

-- step: table audit
create table if not exists analytics_meta.audit (
    id bigint generated always as identity
        constraint audit_pkey primary key,
    at timestamptz not null default clock_timestamp(),
    action text not null,
    detail text not null,
    role text not null default session_user,
    host text not null,
    library_version text not null
);

-- step: table backfills
create table if not exists analytics_meta.backfills (
    relation text not null
        constraint backfills_pkey primary key,
    status text not null default 'pending'
        constraint backfills_status_check check (status in ('pending', 'running', 'done')),
    range_from timestamptz,
    range_to timestamptz,
    done_to timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    buckets bigint not null default 0
);

-- step: table grants
create table if not exists analytics_meta.grants (
    role text not null,
    kind text not null
        constraint grants_kind_check check (kind in ('writer', 'reader')),
    constraint grants_pkey primary key (role, kind)
);

-- step: table tokens
create table if not exists analytics_meta.tokens (
    id text not null
        constraint tokens_pkey primary key,
    name text not null,
    scope text not null
        constraint tokens_scope_check check (scope in ('ingest', 'read')),
    hash bytea not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);
