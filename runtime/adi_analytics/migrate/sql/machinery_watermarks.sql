-- step: table rollups
create table if not exists analytics_meta.rollups (
    rollup text not null,
    watermark timestamptz not null default '-infinity',
    refreshed_at timestamptz,
    constraint rollups_pkey primary key (rollup)
);
