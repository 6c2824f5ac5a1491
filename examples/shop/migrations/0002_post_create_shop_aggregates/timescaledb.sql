-- 0002_post_create_shop_aggregates: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: post
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: 2d9a079c9c6746253a74bb1f6e48ad9576356459b9c81b668bba6027e52a6384
-- why: create shop_checkout_5min
-- why: create shop_sales_daily
-- locks: SHARE ROW EXCLUSIVE on shop_events and its chunks (writers wait)

-- continuous aggregate shop_checkout_5min_v1
create materialized view "shop_checkout_5min_v1"
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as
select
    time_bucket(interval '5 minutes', "timestamp") as "start",
    case when jsonb_typeof(data -> 'payment') = 'string' then data ->> 'payment' end as "payment",
    count(*) as "row_count",
    count(*) filter (where event_type = 'order_placed') as "orders",
    count(*) filter (where event_type = 'payment_declined') as "declined",
    sum(case when jsonb_typeof(data -> 'total') = 'number' then
        case when abs((data -> 'total')::numeric) between 1e-307 and 1e307 or (data -> 'total')::numeric = 0 then (data -> 'total')::numeric end
    end) filter (where event_type = 'order_placed') as "revenue"
from "shop_events"
where "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('order_placed', 'payment_declined')
group by 1, 2
with no data;

-- view shop_checkout_5min_v1_live
create or replace view "shop_checkout_5min_v1_live" as
select
    "start",
    "payment",
    "row_count",
    "orders",
    "declined",
    "revenue"
from "shop_checkout_5min_v1";

-- refresh policy of shop_checkout_5min_v1
select add_continuous_aggregate_policy(
    '"shop_checkout_5min_v1"'::regclass,
    start_offset => interval '1 hour',
    end_offset => interval '1 minute',
    schedule_interval => interval '1 minute'
);

-- register shop_checkout_5min_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('shop_checkout_5min_v1', 'shop_checkout_5min', 1,
    '[{"name": "shop_checkout_5min_v1", "rows": "shop_checkout_5min_v1_rows"}]',
    'start', interval '5 minutes',
    interval '1 minutes', interval '1 hours', interval '1 minutes');

-- backfill of shop_checkout_5min_v1
insert into analytics_meta.backfills (relation) values ('shop_checkout_5min_v1');

-- view shop_checkout_5min
create or replace view "shop_checkout_5min" as
select
    "start",
    "payment",
    "orders",
    "declined",
    "revenue",
    ("declined")::double precision / nullif("orders" + "declined", 0) as "declined_share"
from "shop_checkout_5min_v1_live";

-- comment on view shop_checkout_5min
comment on view "shop_checkout_5min" is 'Orders and declined payments by five minutes and kind of payment.';

-- comment on column shop_checkout_5min.start
comment on column "shop_checkout_5min"."start" is 'Start of the bucket of 5 minutes, in UTC.';

-- comment on column shop_checkout_5min.payment
comment on column "shop_checkout_5min"."payment" is 'How it is paid. How it should have been paid.';

-- comment on column shop_checkout_5min.orders
comment on column "shop_checkout_5min"."orders" is 'Number of rows where event = order_placed.';

-- comment on column shop_checkout_5min.declined
comment on column "shop_checkout_5min"."declined" is 'Number of rows where event = payment_declined.';

-- comment on column shop_checkout_5min.revenue
comment on column "shop_checkout_5min"."revenue" is 'Sum of total where event = order_placed. Unit: EUR.';

-- comment on column shop_checkout_5min.declined_share
comment on column "shop_checkout_5min"."declined_share" is '(declined) / (orders + declined); null when the divisor is 0.';

-- continuous aggregate shop_sales_daily_v1
create materialized view "shop_sales_daily_v1"
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as
select
    time_bucket(interval '1 day', "timestamp") as "day",
    case when jsonb_typeof(data -> 'delivery' -> 'country') = 'string' then data -> 'delivery' ->> 'country' end as "country",
    count(*) as "row_count",
    count(*) as "orders",
    count(distinct user_id) as "customers",
    sum(case when jsonb_typeof(data -> 'total') = 'number' then
        case when abs((data -> 'total')::numeric) between 1e-307 and 1e307 or (data -> 'total')::numeric = 0 then (data -> 'total')::numeric end
    end) as "revenue",
    percentile_cont(0.9) within group (order by case when jsonb_typeof(data -> 'total') = 'number' then
        case when abs((data -> 'total')::numeric) between 1e-307 and 1e307 or (data -> 'total')::numeric = 0 then (data -> 'total')::double precision end
    end) as "p90_total"
from "shop_events"
where "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('order_placed')
group by 1, 2
with no data;

-- view shop_sales_daily_v1_live
create or replace view "shop_sales_daily_v1_live" as
select
    "day",
    "country",
    "row_count",
    "orders",
    "customers",
    "revenue",
    "p90_total"
from "shop_sales_daily_v1";

-- continuous aggregate shop_sales_daily_v1_distribution
create materialized view "shop_sales_daily_v1_distribution"
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as
select
    time_bucket(interval '1 day', "timestamp") as "day",
    case when jsonb_typeof(data -> 'delivery' -> 'country') = 'string' then data -> 'delivery' ->> 'country' end as "country",
    sign((case when jsonb_typeof(data -> 'total') = 'number' then
        case when abs((data -> 'total')::numeric) between 1e-307 and 1e307 or (data -> 'total')::numeric = 0 then (data -> 'total')::double precision end
    end))::integer as "sign",
    case when (case when jsonb_typeof(data -> 'total') = 'number' then
        case when abs((data -> 'total')::numeric) between 1e-307 and 1e307 or (data -> 'total')::numeric = 0 then (data -> 'total')::double precision end
    end) <> 0 then ceil(ln(abs((case when jsonb_typeof(data -> 'total') = 'number' then
        case when abs((data -> 'total')::numeric) between 1e-307 and 1e307 or (data -> 'total')::numeric = 0 then (data -> 'total')::double precision end
    end)::double precision)) / ln(1.02::double precision))::integer end as "magnitude",
    count(*) as "row_count"
from "shop_events"
where "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('order_placed')
    and (case when jsonb_typeof(data -> 'total') = 'number' then
        case when abs((data -> 'total')::numeric) between 1e-307 and 1e307 or (data -> 'total')::numeric = 0 then (data -> 'total')::double precision end
    end) is not null
group by 1, 2, 3, 4
with no data;

-- view shop_sales_daily_v1_distribution_live
create or replace view "shop_sales_daily_v1_distribution_live" as
select
    "day",
    "country",
    "sign",
    "magnitude",
    "row_count"
from "shop_sales_daily_v1_distribution";

-- refresh policy of shop_sales_daily_v1
select add_continuous_aggregate_policy(
    '"shop_sales_daily_v1"'::regclass,
    start_offset => interval '3 days',
    end_offset => interval '1 hour',
    schedule_interval => interval '1 hour'
);

-- refresh policy of shop_sales_daily_v1_distribution
select add_continuous_aggregate_policy(
    '"shop_sales_daily_v1_distribution"'::regclass,
    start_offset => interval '3 days',
    end_offset => interval '1 hour',
    schedule_interval => interval '1 hour'
);

-- register shop_sales_daily_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('shop_sales_daily_v1', 'shop_sales_daily', 1,
    '[{"name": "shop_sales_daily_v1", "rows": "shop_sales_daily_v1_rows"}, {"name": "shop_sales_daily_v1_distribution", "rows": "shop_sales_daily_v1_distribution_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of shop_sales_daily_v1
insert into analytics_meta.backfills (relation) values ('shop_sales_daily_v1');

-- view shop_sales_daily
create or replace view "shop_sales_daily" as
select
    "day",
    "country",
    "orders",
    "customers",
    "revenue",
    "p90_total"
from "shop_sales_daily_v1_live";

-- view shop_sales_daily_distribution
create or replace view "shop_sales_daily_distribution" as
select
    "day",
    "country",
    array['p90_total']::text[] as "measures",
    case "sign" when 0 then 0 when 1 then power(1.02::double precision, "magnitude" - 1) else -power(1.02::double precision, "magnitude") end as "lower_bound",
    case "sign" when 0 then 0 when 1 then power(1.02::double precision, "magnitude") else -power(1.02::double precision, "magnitude" - 1) end as "upper_bound",
    case "sign" when 0 then 0 else "sign" * power(1.02::double precision, "magnitude") * 0.9900990099009901 end as "estimate",
    "row_count" as "row_count"
from "shop_sales_daily_v1_distribution_live";

-- comment on view shop_sales_daily
comment on view "shop_sales_daily" is 'Sales by day and country.';

-- comment on column shop_sales_daily.day
comment on column "shop_sales_daily"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column shop_sales_daily.country
comment on column "shop_sales_daily"."country" is 'The country, as in ISO 3166.';

-- comment on column shop_sales_daily.orders
comment on column "shop_sales_daily"."orders" is 'Number of rows.';

-- comment on column shop_sales_daily.customers
comment on column "shop_sales_daily"."customers" is 'Number of different user_id.';

-- comment on column shop_sales_daily.revenue
comment on column "shop_sales_daily"."revenue" is 'Sum of total. Unit: EUR.';

-- comment on column shop_sales_daily.p90_total
comment on column "shop_sales_daily"."p90_total" is 'Percentile 0.9 of total. Unit: EUR.';

-- comment on view shop_sales_daily_distribution
comment on view "shop_sales_daily_distribution" is 'Values behind the percentiles of shop_sales_daily, counted by size class.';

-- comment on column shop_sales_daily_distribution.day
comment on column "shop_sales_daily_distribution"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column shop_sales_daily_distribution.country
comment on column "shop_sales_daily_distribution"."country" is 'The country, as in ISO 3166.';

-- comment on column shop_sales_daily_distribution.measures
comment on column "shop_sales_daily_distribution"."measures" is 'Percentiles that read these values.';

-- comment on column shop_sales_daily_distribution.lower_bound
comment on column "shop_sales_daily_distribution"."lower_bound" is 'Lower bound of the size class.';

-- comment on column shop_sales_daily_distribution.upper_bound
comment on column "shop_sales_daily_distribution"."upper_bound" is 'Upper bound of the size class.';

-- comment on column shop_sales_daily_distribution.estimate
comment on column "shop_sales_daily_distribution"."estimate" is 'Value to use for all values of the size class; wrong by less than 1 %.';

-- comment on column shop_sales_daily_distribution.row_count
comment on column "shop_sales_daily_distribution"."row_count" is 'Number of values in the size class.';
