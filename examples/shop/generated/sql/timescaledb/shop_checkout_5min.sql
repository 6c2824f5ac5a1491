-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Orders and declined payments by five minutes and kind of payment.

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

-- refresh policy of shop_checkout_5min_v1
select add_continuous_aggregate_policy(
    '"shop_checkout_5min_v1"'::regclass,
    start_offset => interval '1 hour',
    end_offset => interval '1 minute',
    schedule_interval => interval '1 minute'
);
