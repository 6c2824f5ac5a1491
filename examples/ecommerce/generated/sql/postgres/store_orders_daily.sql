-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Orders and what they bring, by day and currency.

-- table store_orders_daily_v1
create table "store_orders_daily_v1" (
    "day" timestamp with time zone not null,
    "currency" text,
    "row_count" bigint,
    "orders" bigint,
    "refunds" bigint,
    "revenue" numeric,
    "with_coupon" bigint
);

-- index on store_orders_daily_v1
create index "store_orders_daily_v1_day_idx"
    on "store_orders_daily_v1" ("day");

-- function store_orders_daily_v1_rows
create function "store_orders_daily_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "store_orders_daily_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    case when jsonb_typeof(data -> 'currency') = 'string' then data ->> 'currency' end as "currency",
    count(*) as "row_count",
    count(*) filter (where event_type = 'Order Completed') as "orders",
    count(*) filter (where event_type = 'Order Refunded') as "refunds",
    sum(case when jsonb_typeof(data -> 'total') = 'number' then
        case when abs((data -> 'total')::numeric) between 1e-307 and 1e307 or (data -> 'total')::numeric = 0 then (data -> 'total')::numeric end
    end) filter (where event_type = 'Order Completed') as "revenue",
    count(*) filter (where event_type = 'Order Completed' and (case when jsonb_typeof(data -> 'coupon') = 'string' then data ->> 'coupon' end) is not null) as "with_coupon"
from "store_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('Order Completed', 'Order Refunded')
group by 1, 2;
end;

-- view store_orders_daily_v1_live
create or replace view "store_orders_daily_v1_live" as
select
    "day",
    "currency",
    "row_count",
    "orders",
    "refunds",
    "revenue",
    "with_coupon"
from "store_orders_daily_v1"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'store_orders_daily_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    case when jsonb_typeof(data -> 'currency') = 'string' then data ->> 'currency' end as "currency",
    count(*) as "row_count",
    count(*) filter (where event_type = 'Order Completed') as "orders",
    count(*) filter (where event_type = 'Order Refunded') as "refunds",
    sum(case when jsonb_typeof(data -> 'total') = 'number' then
        case when abs((data -> 'total')::numeric) between 1e-307 and 1e307 or (data -> 'total')::numeric = 0 then (data -> 'total')::numeric end
    end) filter (where event_type = 'Order Completed') as "revenue",
    count(*) filter (where event_type = 'Order Completed' and (case when jsonb_typeof(data -> 'coupon') = 'string' then data ->> 'coupon' end) is not null) as "with_coupon"
from "store_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'store_orders_daily_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('Order Completed', 'Order Refunded')
group by 1, 2;

-- view store_orders_daily
create or replace view "store_orders_daily" as
select
    "day",
    "currency",
    "orders",
    "refunds",
    "revenue",
    "with_coupon",
    ("refunds")::double precision / nullif("orders", 0) as "refund_rate",
    case when abs((coalesce("revenue", 0))::numeric / nullif("orders", 0)) < 1e-307 then 0 when abs((coalesce("revenue", 0))::numeric / nullif("orders", 0)) <= 1e307 then ((coalesce("revenue", 0))::numeric / nullif("orders", 0))::double precision end as "order_value"
from "store_orders_daily_v1_live";

-- comment on view store_orders_daily
comment on view "store_orders_daily" is 'Orders and what they bring, by day and currency.';

-- comment on column store_orders_daily.day
comment on column "store_orders_daily"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column store_orders_daily.currency
comment on column "store_orders_daily"."currency" is 'The currency of all amounts.';

-- comment on column store_orders_daily.orders
comment on column "store_orders_daily"."orders" is 'Number of rows where event = order_completed.';

-- comment on column store_orders_daily.refunds
comment on column "store_orders_daily"."refunds" is 'Number of rows where event = order_refunded.';

-- comment on column store_orders_daily.revenue
comment on column "store_orders_daily"."revenue" is 'Sum of total where event = order_completed. Unit: USD.';

-- comment on column store_orders_daily.with_coupon
comment on column "store_orders_daily"."with_coupon" is 'Number of rows where event = order_completed and coupon is present.';

-- comment on column store_orders_daily.refund_rate
comment on column "store_orders_daily"."refund_rate" is '(refunds) / (orders); null when the divisor is 0.';

-- comment on column store_orders_daily.order_value
comment on column "store_orders_daily"."order_value" is '(revenue) / (orders); null when the divisor is 0.';
