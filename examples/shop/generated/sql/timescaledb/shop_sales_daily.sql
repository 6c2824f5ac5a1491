-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Sales by day and country.

-- continuous aggregate shop_sales_daily_v2
create materialized view "shop_sales_daily_v2"
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
    end) as "p90_total",
    count(*) filter (where (case when jsonb_typeof(data -> 'delivery' -> 'method') = 'string' then data -> 'delivery' ->> 'method' end) = 'parcel') as "parcels"
from "shop_events"
where "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('order_placed')
group by 1, 2
with no data;

-- view shop_sales_daily_v2_live
create or replace view "shop_sales_daily_v2_live" as
select
    "day",
    "country",
    "row_count",
    "orders",
    "customers",
    "revenue",
    "p90_total",
    "parcels"
from "shop_sales_daily_v2";

-- continuous aggregate shop_sales_daily_v2_distribution
create materialized view "shop_sales_daily_v2_distribution"
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

-- view shop_sales_daily_v2_distribution_live
create or replace view "shop_sales_daily_v2_distribution_live" as
select
    "day",
    "country",
    "sign",
    "magnitude",
    "row_count"
from "shop_sales_daily_v2_distribution";

-- view shop_sales_daily
create or replace view "shop_sales_daily" as
select
    "day",
    "country",
    "orders",
    "customers",
    "revenue",
    "p90_total",
    "parcels",
    ("parcels")::double precision / nullif("orders", 0) as "parcel_share"
from "shop_sales_daily_v2_live";

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
from "shop_sales_daily_v2_distribution_live";

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

-- comment on column shop_sales_daily.parcels
comment on column "shop_sales_daily"."parcels" is 'Number of rows where delivery.method = parcel.';

-- comment on column shop_sales_daily.parcel_share
comment on column "shop_sales_daily"."parcel_share" is '(parcels) / (orders); null when the divisor is 0.';

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

-- refresh policy of shop_sales_daily_v2
select add_continuous_aggregate_policy(
    '"shop_sales_daily_v2"'::regclass,
    start_offset => interval '3 days',
    end_offset => interval '1 hour',
    schedule_interval => interval '1 hour'
);

-- refresh policy of shop_sales_daily_v2_distribution
select add_continuous_aggregate_policy(
    '"shop_sales_daily_v2_distribution"'::regclass,
    start_offset => interval '3 days',
    end_offset => interval '1 hour',
    schedule_interval => interval '1 hour'
);
