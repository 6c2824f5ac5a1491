-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- ClickHouse 26.9 or newer, a cluster: its macros are cluster, shard and replica.

-- The events. Two rows of one event are one row: FINAL reads them so, also before ClickHouse has merged them.
create table `analytics_events_local` on cluster '{cluster}' (
    `timestamp` DateTime64(6, 'UTC') codec(Delta, ZSTD(1)),
    `event_type` LowCardinality(String),
    `service` LowCardinality(String),
    `user_id` Nullable(UUID),
    `data` String codec(ZSTD(3)),
    `event_id` UUID,
    `meta` String codec(ZSTD(3))
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{cluster}/{shard}/{database}/analytics_events_local', '{replica}')
partition by toMonday(`timestamp`)
order by (`event_type`, `timestamp`, `event_id`);

-- All shards as one table. Every row of an event is on one shard, because its id says which: FINAL needs that.
create table `analytics_events` on cluster '{cluster}' as `analytics_events_local`
engine = Distributed('{cluster}', currentDatabase(), 'analytics_events_local', cityHash64(event_id));

create table `analytics_dead_letters` on cluster '{cluster}' (
    `created_at` DateTime64(6, 'UTC'),
    `event_id` Nullable(UUID),
    `timestamp` Nullable(DateTime64(6, 'UTC')),
    `event_type` String,
    `service` Nullable(String),
    `reason` String,
    `sqlstate` Nullable(String),
    `message` String,
    `library_version` String,
    `payload` String codec(ZSTD(3)),
    `replayed_at` Nullable(DateTime64(6, 'UTC'))
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_dead_letters', '{shard}_{replica}')
order by `created_at`;

-- Which version of a bucket's rows is read. A refresh stores rows of a new version first, and names it here last, in one
-- insert: until then readers see the old rows, and a refresh that was killed has changed nothing. The row whose bucket is
-- the first of January 1900 says up to when everything is stored.
create table if not exists `analytics_meta_buckets` on cluster '{cluster}' (
    `rollup` String,
    `bucket` DateTime64(6, 'UTC'),
    `until` DateTime64(6, 'UTC'),
    `version` UInt64
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_meta_buckets', '{shard}_{replica}', `version`)
order by (`rollup`, `bucket`);
