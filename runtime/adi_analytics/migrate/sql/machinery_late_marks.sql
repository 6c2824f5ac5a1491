-- step: schema analytics_meta
create schema if not exists analytics_meta;

-- step: table late_buckets
create table if not exists analytics_meta.late_buckets (
    bucket timestamptz not null,
    marked_at timestamptz not null default now(),
    constraint late_buckets_pkey primary key (bucket)
);
