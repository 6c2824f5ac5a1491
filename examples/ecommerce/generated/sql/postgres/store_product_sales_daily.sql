-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- What was sold, by day and product.

-- table store_product_sales_daily_v1
create table "store_product_sales_daily_v1" (
    "day" timestamp with time zone not null,
    "product_id" text,
    "row_count" bigint,
    "pieces" numeric,
    "revenue" numeric,
    "orders" bigint
);

-- index on store_product_sales_daily_v1
create index "store_product_sales_daily_v1_day_idx"
    on "store_product_sales_daily_v1" ("day");

-- function store_product_sales_daily_v1_rows
create function "store_product_sales_daily_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "store_product_sales_daily_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    case when jsonb_typeof(_item -> 'product_id') = 'string' then _item ->> 'product_id' end as "product_id",
    count(*) as "row_count",
    sum(case when jsonb_typeof(_item -> 'quantity') = 'number' then
        case when abs((_item -> 'quantity')::numeric) < 9223372036854775808 and (_item -> 'quantity')::numeric % 1 = 0 then (_item -> 'quantity')::bigint end
    end) as "pieces",
    sum((case when jsonb_typeof(_item -> 'price') = 'number' then
        case when abs((_item -> 'price')::numeric) between 1e-307 and 1e307 or (_item -> 'price')::numeric = 0 then (_item -> 'price')::numeric end
    end)::numeric * (case when jsonb_typeof(_item -> 'quantity') = 'number' then
        case when abs((_item -> 'quantity')::numeric) < 9223372036854775808 and (_item -> 'quantity')::numeric % 1 = 0 then (_item -> 'quantity')::bigint end
    end)::numeric) as "revenue",
    count(distinct case when jsonb_typeof(data -> 'order_id') = 'string' then data ->> 'order_id' end) as "orders"
from "store_events"
cross join lateral jsonb_array_elements(case when jsonb_typeof(data -> 'products') = 'array' then data -> 'products' end) with ordinality as _items (_item, _number)
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('Order Completed')
group by 1, 2;
end;

-- view store_product_sales_daily_v1_live
create or replace view "store_product_sales_daily_v1_live" as
select
    "day",
    "product_id",
    "row_count",
    "pieces",
    "revenue",
    "orders"
from "store_product_sales_daily_v1"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'store_product_sales_daily_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    case when jsonb_typeof(_item -> 'product_id') = 'string' then _item ->> 'product_id' end as "product_id",
    count(*) as "row_count",
    sum(case when jsonb_typeof(_item -> 'quantity') = 'number' then
        case when abs((_item -> 'quantity')::numeric) < 9223372036854775808 and (_item -> 'quantity')::numeric % 1 = 0 then (_item -> 'quantity')::bigint end
    end) as "pieces",
    sum((case when jsonb_typeof(_item -> 'price') = 'number' then
        case when abs((_item -> 'price')::numeric) between 1e-307 and 1e307 or (_item -> 'price')::numeric = 0 then (_item -> 'price')::numeric end
    end)::numeric * (case when jsonb_typeof(_item -> 'quantity') = 'number' then
        case when abs((_item -> 'quantity')::numeric) < 9223372036854775808 and (_item -> 'quantity')::numeric % 1 = 0 then (_item -> 'quantity')::bigint end
    end)::numeric) as "revenue",
    count(distinct case when jsonb_typeof(data -> 'order_id') = 'string' then data ->> 'order_id' end) as "orders"
from "store_events"
cross join lateral jsonb_array_elements(case when jsonb_typeof(data -> 'products') = 'array' then data -> 'products' end) with ordinality as _items (_item, _number)
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'store_product_sales_daily_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('Order Completed')
group by 1, 2;

-- view store_product_sales_daily
create or replace view "store_product_sales_daily" as
select
    "day",
    "product_id",
    "pieces",
    "revenue",
    "orders"
from "store_product_sales_daily_v1_live";

-- comment on view store_product_sales_daily
comment on view "store_product_sales_daily" is 'What was sold, by day and product. Its rows are the items of products.';

-- comment on column store_product_sales_daily.day
comment on column "store_product_sales_daily"."day" is 'Start of the bucket of 1 day, in UTC.';

-- comment on column store_product_sales_daily.product_id
comment on column "store_product_sales_daily"."product_id" is 'The key of the product.';

-- comment on column store_product_sales_daily.pieces
comment on column "store_product_sales_daily"."pieces" is 'Sum of products.quantity.';

-- comment on column store_product_sales_daily.revenue
comment on column "store_product_sales_daily"."revenue" is 'Sum of products.price * products.quantity.';

-- comment on column store_product_sales_daily.orders
comment on column "store_product_sales_daily"."orders" is 'Number of different order_id.';
