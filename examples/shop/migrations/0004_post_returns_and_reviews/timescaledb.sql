-- 0004_post_returns_and_reviews: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: post
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: ef8ad77ea134d8b443622b23f4f5f4652a61a7ea285b49589c9b82eeeaa6c5cb
-- backfill: shop_sales_daily_v2
-- why: let shop_sales_daily read version 2; keep what only version 1 still knows
-- locks: ACCESS EXCLUSIVE on the views, for milliseconds

-- boundary of shop_sales_daily_v2
update analytics_meta.aggregates
set history_before = greatest(
    least(analytics_meta.refresh_floor(interval '1 days'), analytics_meta.bucket_start(interval '1 days', now()))
)
where rollup = 'shop_sales_daily_v2';

-- history of shop_sales_daily
create table "shop_sales_daily_v2_history" as
select * from (
select
    "day",
    "country",
    "orders",
    "customers",
    "revenue",
    "p90_total",
    "parcels",
    ("parcels")::double precision / nullif("orders", 0) as "parcel_share"
from "shop_sales_daily_v2_live"
) as computed
with no data;
insert into "shop_sales_daily_v2_history" ("day", "country", "orders", "customers", "revenue", "p90_total")
select "day", "country", "orders", "customers", "revenue", "p90_total" from "shop_sales_daily"
where "day" < least(analytics_meta.refresh_floor(interval '1 days'), analytics_meta.bucket_start(interval '1 days', now()));

-- history of shop_sales_daily_distribution
create table "shop_sales_daily_distribution_v2_history" as
select * from (
select
    "day",
    "country",
    array['p90_total']::text[] as "measures",
    case "sign" when 0 then 0 when 1 then power(1.02::double precision, "magnitude" - 1) else -power(1.02::double precision, "magnitude") end as "lower_bound",
    case "sign" when 0 then 0 when 1 then power(1.02::double precision, "magnitude") else -power(1.02::double precision, "magnitude" - 1) end as "upper_bound",
    case "sign" when 0 then 0 else "sign" * power(1.02::double precision, "magnitude") * 0.9900990099009901 end as "estimate",
    "row_count" as "row_count"
from "shop_sales_daily_v2_distribution_live"
) as computed
with no data;
insert into "shop_sales_daily_distribution_v2_history" ("day", "country", "measures", "lower_bound", "upper_bound", "estimate", "row_count")
select "day", "country", "measures", "lower_bound", "upper_bound", "estimate", "row_count" from "shop_sales_daily_distribution"
where "day" < least(analytics_meta.refresh_floor(interval '1 days'), analytics_meta.bucket_start(interval '1 days', now()));

-- view shop_sales_daily
create or replace view "shop_sales_daily" as
select "day", "country", "orders", "customers", "revenue", "p90_total", "parcels", "parcel_share"
from (
select
    "day",
    "country",
    "orders",
    "customers",
    "revenue",
    "p90_total",
    "parcels",
    ("parcels")::double precision / nullif("orders", 0) as "parcel_share"
from "shop_sales_daily_v2_live"
) as computed
where "day" >= coalesce((select history_before from analytics_meta.aggregates where rollup = 'shop_sales_daily_v2'), '-infinity')
    or "day" not in (select distinct "day" from "shop_sales_daily_v2_history")
union all
select "day", "country", "orders", "customers", "revenue", "p90_total", "parcels", "parcel_share"
from "shop_sales_daily_v2_history"
where "day" < coalesce((select history_before from analytics_meta.aggregates where rollup = 'shop_sales_daily_v2'), '-infinity');

-- view shop_sales_daily_distribution
create or replace view "shop_sales_daily_distribution" as
select "day", "country", "measures", "lower_bound", "upper_bound", "estimate", "row_count"
from (
select
    "day",
    "country",
    array['p90_total']::text[] as "measures",
    case "sign" when 0 then 0 when 1 then power(1.02::double precision, "magnitude" - 1) else -power(1.02::double precision, "magnitude") end as "lower_bound",
    case "sign" when 0 then 0 when 1 then power(1.02::double precision, "magnitude") else -power(1.02::double precision, "magnitude" - 1) end as "upper_bound",
    case "sign" when 0 then 0 else "sign" * power(1.02::double precision, "magnitude") * 0.9900990099009901 end as "estimate",
    "row_count" as "row_count"
from "shop_sales_daily_v2_distribution_live"
) as computed
where "day" >= coalesce((select history_before from analytics_meta.aggregates where rollup = 'shop_sales_daily_v2'), '-infinity')
    or "day" not in (select distinct "day" from "shop_sales_daily_v2_history")
union all
select "day", "country", "measures", "lower_bound", "upper_bound", "estimate", "row_count"
from "shop_sales_daily_distribution_v2_history"
where "day" < coalesce((select history_before from analytics_meta.aggregates where rollup = 'shop_sales_daily_v2'), '-infinity');

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

-- remove the refresh policy of shop_sales_daily_v1
select remove_continuous_aggregate_policy('"shop_sales_daily_v1"'::regclass, if_exists => true);

-- remove the refresh policy of shop_sales_daily_v1_distribution
select remove_continuous_aggregate_policy('"shop_sales_daily_v1_distribution"'::regclass, if_exists => true);

-- retire shop_sales_daily_v1
update analytics_meta.aggregates set active = false where rollup = 'shop_sales_daily_v1';
