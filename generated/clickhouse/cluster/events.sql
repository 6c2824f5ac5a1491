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

-- The hours that events came to, and when they last did: a refresh computes the buckets again that they came too late for.
create table if not exists `analytics_meta_touched` on cluster '{cluster}' (
    `hour` DateTime64(6, 'UTC'),
    `at` DateTime64(6, 'UTC')
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_meta_touched', '{shard}_{replica}', `at`)
order by `hour`;

create materialized view if not exists `analytics_meta_touch` on cluster '{cluster}' to `analytics_meta_touched` as
select
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp) - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') as `hour`,
    max(now64(6, 'UTC')) as `at`
from `analytics_events_local`
group by 1;

-- Before which moment events were dropped because they were older than the retention: no bucket before it is computed
-- again.
create table if not exists `analytics_meta_expired` on cluster '{cluster}' (
    `before` DateTime64(6, 'UTC'),
    `at` DateTime64(6, 'UTC')
)
engine = ReplicatedMergeTree('/clickhouse/tables/{cluster}/{database}/analytics_meta_expired', '{shard}_{replica}')
order by `before`;
