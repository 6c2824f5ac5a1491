-- 0003_post_comments_from_the_catalog: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: post
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: c25785939fd368f36d147ff6cd81bdc10e89be77fd30b29790ba956ebcd733db
-- why: change the comments on analytics_events
-- why: change the comments on analytics_daily_active_users
-- why: change the comments on analytics_task_stats_daily
-- why: change the comments on analytics_api_latency_hourly
-- why: change the comments on analytics_integration_health_daily
-- why: change the comments on analytics_auth_events_daily
-- why: change the comments on analytics_cocoon_activity_daily
-- why: change the comments on analytics_errors_hourly
-- locks: SHARE UPDATE EXCLUSIVE on what gets a comment, for milliseconds (nobody waits but DDL and VACUUM)

-- comment on table analytics_events
comment on table "analytics_events" is 'Events of the catalog adi, a row each.';

-- comment on column analytics_events.id
comment on column "analytics_events"."id" is 'Number that the database gives to each row. event_id identifies the event.';

-- comment on column analytics_events.timestamp
comment on column "analytics_events"."timestamp" is 'When the event happened.';

-- comment on column analytics_events.event_type
comment on column "analytics_events"."event_type" is 'Name of the event in the catalog.';

-- comment on column analytics_events.service
comment on column "analytics_events"."service" is 'Service that reported the event.';

-- comment on column analytics_events.user_id
comment on column "analytics_events"."user_id" is 'User whom the event is about, when there is one.';

-- comment on column analytics_events.data
comment on column "analytics_events"."data" is 'Fields of the event, as the catalog describes them.';

-- comment on column analytics_events.event_id
comment on column "analytics_events"."event_id" is 'Id of the event. It stays the same when the event is sent again.';

-- comment on column analytics_events.meta
comment on column "analytics_events"."meta" is 'How the event was sent: host, environment, version of the event, sample rate and context.';

-- comment on table analytics_dead_letters
comment on table "analytics_dead_letters" is 'Events that could not be stored, and why.';

-- comment on column analytics_dead_letters.id
comment on column "analytics_dead_letters"."id" is 'Number of the dead letter.';

-- comment on column analytics_dead_letters.created_at
comment on column "analytics_dead_letters"."created_at" is 'When the dead letter was stored.';

-- comment on column analytics_dead_letters.event_id
comment on column "analytics_dead_letters"."event_id" is 'Id of the event.';

-- comment on column analytics_dead_letters.timestamp
comment on column "analytics_dead_letters"."timestamp" is 'When the event happened, when that is known.';

-- comment on column analytics_dead_letters.event_type
comment on column "analytics_dead_letters"."event_type" is 'Name of the event in the catalog.';

-- comment on column analytics_dead_letters.service
comment on column "analytics_dead_letters"."service" is 'Service that reported the event, when that is known.';

-- comment on column analytics_dead_letters.reason
comment on column "analytics_dead_letters"."reason" is 'Kind of fault.';

-- comment on column analytics_dead_letters.sqlstate
comment on column "analytics_dead_letters"."sqlstate" is 'Error code of the server, when it refused the row.';

-- comment on column analytics_dead_letters.message
comment on column "analytics_dead_letters"."message" is 'What was wrong.';

-- comment on column analytics_dead_letters.library_version
comment on column "analytics_dead_letters"."library_version" is 'Version of adi-analytics that stored the dead letter.';

-- comment on column analytics_dead_letters.payload
comment on column "analytics_dead_letters"."payload" is 'The row as JSON text.';

-- comment on column analytics_dead_letters.replayed_at
comment on column "analytics_dead_letters"."replayed_at" is 'When the event was sent again; null until then.';

-- comment on view analytics_daily_active_users
comment on view "analytics_daily_active_users" is 'Users who did something, by day. Weekly and monthly are distinct users of the trailing 7 and 30 days. Only rows where user_id is present.';

-- comment on column analytics_daily_active_users.day
comment on column "analytics_daily_active_users"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_daily_active_users.active_users
comment on column "analytics_daily_active_users"."active_users" is 'Number of different user_id.';

-- comment on column analytics_daily_active_users.weekly_active_users
comment on column "analytics_daily_active_users"."weekly_active_users" is 'Number of different user_id over the last 1 week.';

-- comment on column analytics_daily_active_users.monthly_active_users
comment on column "analytics_daily_active_users"."monthly_active_users" is 'Number of different user_id over the last 30 days.';

-- comment on column analytics_daily_active_users.total_events
comment on column "analytics_daily_active_users"."total_events" is 'Number of rows.';

-- comment on view analytics_task_stats_daily
comment on view "analytics_task_stats_daily" is 'Tasks by day.';

-- comment on column analytics_task_stats_daily.day
comment on column "analytics_task_stats_daily"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_task_stats_daily.created
comment on column "analytics_task_stats_daily"."created" is 'Number of rows where event = task_created.';

-- comment on column analytics_task_stats_daily.started
comment on column "analytics_task_stats_daily"."started" is 'Number of rows where event = task_started.';

-- comment on column analytics_task_stats_daily.completed
comment on column "analytics_task_stats_daily"."completed" is 'Number of rows where event = task_completed.';

-- comment on column analytics_task_stats_daily.failed
comment on column "analytics_task_stats_daily"."failed" is 'Number of rows where event = task_failed.';

-- comment on column analytics_task_stats_daily.cancelled
comment on column "analytics_task_stats_daily"."cancelled" is 'Number of rows where event = task_cancelled.';

-- comment on column analytics_task_stats_daily.avg_duration_ms
comment on column "analytics_task_stats_daily"."avg_duration_ms" is 'Average of duration_ms where event = task_completed. Unit: ms.';

-- comment on column analytics_task_stats_daily.p95_duration_ms
comment on column "analytics_task_stats_daily"."p95_duration_ms" is 'Percentile 0.95 of duration_ms where event = task_completed. Unit: ms.';

-- comment on column analytics_task_stats_daily.success_rate
comment on column "analytics_task_stats_daily"."success_rate" is '(completed) / (completed + failed); null when the divisor is 0.';

-- comment on view analytics_task_stats_daily_distribution
comment on view "analytics_task_stats_daily_distribution" is 'Values behind the percentiles of analytics_task_stats_daily, counted by size class.';

-- comment on column analytics_task_stats_daily_distribution.day
comment on column "analytics_task_stats_daily_distribution"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_task_stats_daily_distribution.measures
comment on column "analytics_task_stats_daily_distribution"."measures" is 'Percentiles that read these values.';

-- comment on column analytics_task_stats_daily_distribution.lower_bound
comment on column "analytics_task_stats_daily_distribution"."lower_bound" is 'Lower bound of the size class.';

-- comment on column analytics_task_stats_daily_distribution.upper_bound
comment on column "analytics_task_stats_daily_distribution"."upper_bound" is 'Upper bound of the size class.';

-- comment on column analytics_task_stats_daily_distribution.estimate
comment on column "analytics_task_stats_daily_distribution"."estimate" is 'Value to use for all values of the size class; wrong by less than 1 %.';

-- comment on column analytics_task_stats_daily_distribution.row_count
comment on column "analytics_task_stats_daily_distribution"."row_count" is 'Number of values in the size class.';

-- comment on view analytics_api_latency_hourly
comment on view "analytics_api_latency_hourly" is 'API requests and their latency by hour, service, endpoint and method.';

-- comment on column analytics_api_latency_hourly.hour
comment on column "analytics_api_latency_hourly"."hour" is 'Start of the bucket of 1 hour, in UTC.';

-- comment on column analytics_api_latency_hourly.service
comment on column "analytics_api_latency_hourly"."service" is 'Service that reported the event.';

-- comment on column analytics_api_latency_hourly.endpoint
comment on column "analytics_api_latency_hourly"."endpoint" is 'The route, with placeholders instead of ids.';

-- comment on column analytics_api_latency_hourly.method
comment on column "analytics_api_latency_hourly"."method" is 'The HTTP method.';

-- comment on column analytics_api_latency_hourly.request_count
comment on column "analytics_api_latency_hourly"."request_count" is 'Number of rows.';

-- comment on column analytics_api_latency_hourly.avg_duration_ms
comment on column "analytics_api_latency_hourly"."avg_duration_ms" is 'Average of duration_ms. Unit: ms.';

-- comment on column analytics_api_latency_hourly.p50_duration_ms
comment on column "analytics_api_latency_hourly"."p50_duration_ms" is 'Percentile 0.5 of duration_ms. Unit: ms.';

-- comment on column analytics_api_latency_hourly.p95_duration_ms
comment on column "analytics_api_latency_hourly"."p95_duration_ms" is 'Percentile 0.95 of duration_ms. Unit: ms.';

-- comment on column analytics_api_latency_hourly.p99_duration_ms
comment on column "analytics_api_latency_hourly"."p99_duration_ms" is 'Percentile 0.99 of duration_ms. Unit: ms.';

-- comment on column analytics_api_latency_hourly.error_4xx_count
comment on column "analytics_api_latency_hourly"."error_4xx_count" is 'Number of rows where status_code >= 400 and status_code < 500.';

-- comment on column analytics_api_latency_hourly.error_5xx_count
comment on column "analytics_api_latency_hourly"."error_5xx_count" is 'Number of rows where status_code >= 500 and status_code < 600.';

-- comment on view analytics_api_latency_hourly_distribution
comment on view "analytics_api_latency_hourly_distribution" is 'Values behind the percentiles of analytics_api_latency_hourly, counted by size class.';

-- comment on column analytics_api_latency_hourly_distribution.hour
comment on column "analytics_api_latency_hourly_distribution"."hour" is 'Start of the bucket of 1 hour, in UTC.';

-- comment on column analytics_api_latency_hourly_distribution.service
comment on column "analytics_api_latency_hourly_distribution"."service" is 'Service that reported the event.';

-- comment on column analytics_api_latency_hourly_distribution.endpoint
comment on column "analytics_api_latency_hourly_distribution"."endpoint" is 'The route, with placeholders instead of ids.';

-- comment on column analytics_api_latency_hourly_distribution.method
comment on column "analytics_api_latency_hourly_distribution"."method" is 'The HTTP method.';

-- comment on column analytics_api_latency_hourly_distribution.measures
comment on column "analytics_api_latency_hourly_distribution"."measures" is 'Percentiles that read these values.';

-- comment on column analytics_api_latency_hourly_distribution.lower_bound
comment on column "analytics_api_latency_hourly_distribution"."lower_bound" is 'Lower bound of the size class.';

-- comment on column analytics_api_latency_hourly_distribution.upper_bound
comment on column "analytics_api_latency_hourly_distribution"."upper_bound" is 'Upper bound of the size class.';

-- comment on column analytics_api_latency_hourly_distribution.estimate
comment on column "analytics_api_latency_hourly_distribution"."estimate" is 'Value to use for all values of the size class; wrong by less than 1 %.';

-- comment on column analytics_api_latency_hourly_distribution.row_count
comment on column "analytics_api_latency_hourly_distribution"."row_count" is 'Number of values in the size class.';

-- comment on view analytics_integration_health_daily
comment on view "analytics_integration_health_daily" is 'Integrations by day and provider.';

-- comment on column analytics_integration_health_daily.day
comment on column "analytics_integration_health_daily"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_integration_health_daily.provider
comment on column "analytics_integration_health_daily"."provider" is 'The provider''s name, for example github.';

-- comment on column analytics_integration_health_daily.connections
comment on column "analytics_integration_health_daily"."connections" is 'Number of rows where event = integration_connected.';

-- comment on column analytics_integration_health_daily.disconnections
comment on column "analytics_integration_health_daily"."disconnections" is 'Number of rows where event = integration_disconnected.';

-- comment on column analytics_integration_health_daily.uses
comment on column "analytics_integration_health_daily"."uses" is 'Number of rows where event = integration_used.';

-- comment on column analytics_integration_health_daily.errors
comment on column "analytics_integration_health_daily"."errors" is 'Number of rows where event = integration_error.';

-- comment on column analytics_integration_health_daily.unique_users
comment on column "analytics_integration_health_daily"."unique_users" is 'Number of different user_id.';

-- comment on view analytics_auth_events_daily
comment on view "analytics_auth_events_daily" is 'Sign-ins by day. A user counts as authenticated by a successful sign-in, code or token refresh.';

-- comment on column analytics_auth_events_daily.day
comment on column "analytics_auth_events_daily"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_auth_events_daily.login_attempts
comment on column "analytics_auth_events_daily"."login_attempts" is 'Number of rows where event = auth_login_attempt.';

-- comment on column analytics_auth_events_daily.successful_logins
comment on column "analytics_auth_events_daily"."successful_logins" is 'Number of rows where event = auth_login_attempt and success = true.';

-- comment on column analytics_auth_events_daily.failed_logins
comment on column "analytics_auth_events_daily"."failed_logins" is 'Number of rows where event = auth_login_attempt and success = false.';

-- comment on column analytics_auth_events_daily.code_verifications
comment on column "analytics_auth_events_daily"."code_verifications" is 'Number of rows where event = auth_code_verified.';

-- comment on column analytics_auth_events_daily.token_refreshes
comment on column "analytics_auth_events_daily"."token_refreshes" is 'Number of rows where event = auth_token_refresh.';

-- comment on column analytics_auth_events_daily.unique_users_authenticated
comment on column "analytics_auth_events_daily"."unique_users_authenticated" is 'Number of different user_id where success = true.';

-- comment on view analytics_cocoon_activity_daily
comment on view "analytics_cocoon_activity_daily" is 'Cocoons by day.';

-- comment on column analytics_cocoon_activity_daily.day
comment on column "analytics_cocoon_activity_daily"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column analytics_cocoon_activity_daily.registrations
comment on column "analytics_cocoon_activity_daily"."registrations" is 'Number of rows where event = cocoon_registered.';

-- comment on column analytics_cocoon_activity_daily.connections
comment on column "analytics_cocoon_activity_daily"."connections" is 'Number of rows where event = cocoon_connected.';

-- comment on column analytics_cocoon_activity_daily.disconnections
comment on column "analytics_cocoon_activity_daily"."disconnections" is 'Number of rows where event = cocoon_disconnected.';

-- comment on column analytics_cocoon_activity_daily.claims
comment on column "analytics_cocoon_activity_daily"."claims" is 'Number of rows where event = cocoon_claimed.';

-- comment on column analytics_cocoon_activity_daily.avg_session_duration_seconds
comment on column "analytics_cocoon_activity_daily"."avg_session_duration_seconds" is 'Average of duration_seconds where event = cocoon_disconnected. Unit: s.';

-- comment on column analytics_cocoon_activity_daily.unique_cocoons
comment on column "analytics_cocoon_activity_daily"."unique_cocoons" is 'Number of different cocoon_id.';

-- comment on view analytics_errors_hourly
comment on view "analytics_errors_hourly" is 'Application errors by hour, service and type.';

-- comment on column analytics_errors_hourly.hour
comment on column "analytics_errors_hourly"."hour" is 'Start of the bucket of 1 hour, in UTC.';

-- comment on column analytics_errors_hourly.service
comment on column "analytics_errors_hourly"."service" is 'Service that reported the event.';

-- comment on column analytics_errors_hourly.error_type
comment on column "analytics_errors_hourly"."error_type" is 'The error''s class.';

-- comment on column analytics_errors_hourly.error_count
comment on column "analytics_errors_hourly"."error_count" is 'Number of rows.';

-- comment on column analytics_errors_hourly.affected_users
comment on column "analytics_errors_hourly"."affected_users" is 'Number of different user_id.';

-- comment on column analytics_errors_hourly.sample_error_message
comment on column "analytics_errors_hourly"."sample_error_message" is 'First error_message.';
