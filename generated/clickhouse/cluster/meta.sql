-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- What the catalog is, for those who refresh, check and read.

-- view analytics_meta_installation
create view `analytics_meta_installation` on cluster '{cluster}' as
select
    'adi' as catalog,
    'analytics_events' as `table`,
    'analytics_dead_letters' as dead_letters_table,
    cast(7776000, 'Nullable(UInt64)') as retention;

-- A row for each aggregate and question about people: the stored tables, the main one first; the column of the bucket,
-- the expression for the start of the bucket that the moment _at is in, and in
-- microseconds how long a bucket lasts at most, how often it is refreshed, and how long after its end it is stored.
create view `analytics_meta_aggregates` on cluster '{cluster}' as
select
    'analytics_daily_active_users' as aggregate,
    'analytics_daily_active_users_v1' as rollup,
    'day' as bucket,
    ['analytics_daily_active_users_v1', 'analytics_daily_active_users_v1_users', 'analytics_daily_active_users_v1_sketch'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'analytics_task_stats_daily' as aggregate,
    'analytics_task_stats_daily_v1' as rollup,
    'day' as bucket,
    ['analytics_task_stats_daily_v1', 'analytics_task_stats_daily_v1_distribution'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'analytics_api_latency_hourly' as aggregate,
    'analytics_api_latency_hourly_v1' as rollup,
    'hour' as bucket,
    ['analytics_api_latency_hourly_v1', 'analytics_api_latency_hourly_v1_distribution'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 3600000000), \'UTC\')' as start,
    toUInt64(3600000000) as longest,
    toUInt64(900000000) as every,
    toUInt64(900000000) as lag
union all
select
    'analytics_integration_health_daily' as aggregate,
    'analytics_integration_health_daily_v1' as rollup,
    'day' as bucket,
    ['analytics_integration_health_daily_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'analytics_auth_events_daily' as aggregate,
    'analytics_auth_events_daily_v1' as rollup,
    'day' as bucket,
    ['analytics_auth_events_daily_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'analytics_cocoon_activity_daily' as aggregate,
    'analytics_cocoon_activity_daily_v1' as rollup,
    'day' as bucket,
    ['analytics_cocoon_activity_daily_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'analytics_errors_hourly' as aggregate,
    'analytics_errors_hourly_v1' as rollup,
    'hour' as bucket,
    ['analytics_errors_hourly_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 3600000000), \'UTC\')' as start,
    toUInt64(3600000000) as longest,
    toUInt64(900000000) as every,
    toUInt64(900000000) as lag
union all
select
    'analytics_members_daily' as aggregate,
    'analytics_members_daily_v1' as rollup,
    'day' as bucket,
    ['analytics_members_daily_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'daily_retention' as aggregate,
    'daily_retention_v1' as rollup,
    'day' as bucket,
    ['daily_retention_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag
union all
select
    'task_flow' as aggregate,
    'task_flow_v1' as rollup,
    'day' as bucket,
    ['task_flow_v1'] as relations,
    'fromUnixTimestamp64Micro(toUnixTimestamp64Micro(_at) - positiveModulo(toUnixTimestamp64Micro(_at) - 946857600000000, 86400000000), \'UTC\')' as start,
    toUInt64(86400000000) as longest,
    toUInt64(3600000000) as every,
    toUInt64(3600000000) as lag;
