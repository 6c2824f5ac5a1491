-- 0002_post_create_store_aggregates: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: post
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: 189166d38bafad28b8a8d51469a0318ec145604092dfa7f620a72bbac0104004
-- why: create store_orders_daily
-- why: create store_product_sales_daily
-- why: create store_checkout
-- locks: none on store_events

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

-- watermark of store_orders_daily_v1
insert into analytics_meta.rollups (rollup) values ('store_orders_daily_v1') on conflict do nothing;

-- register store_orders_daily_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('store_orders_daily_v1', 'store_orders_daily', 1,
    '[{"name": "store_orders_daily_v1", "rows": "store_orders_daily_v1_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of store_orders_daily_v1
insert into analytics_meta.backfills (relation) values ('store_orders_daily_v1');

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

-- watermark of store_product_sales_daily_v1
insert into analytics_meta.rollups (rollup) values ('store_product_sales_daily_v1') on conflict do nothing;

-- register store_product_sales_daily_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('store_product_sales_daily_v1', 'store_product_sales_daily', 1,
    '[{"name": "store_product_sales_daily_v1", "rows": "store_product_sales_daily_v1_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of store_product_sales_daily_v1
insert into analytics_meta.backfills (relation) values ('store_product_sales_daily_v1');

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

-- table store_checkout_v1
create table "store_checkout_v1" (
    "day" timestamp with time zone not null,
    "member" text,
    "times" timestamp with time zone[],
    "steps" integer[]
);

-- index on store_checkout_v1
create index "store_checkout_v1_day_idx"
    on "store_checkout_v1" ("day");

-- function store_checkout_v1_rows
create function "store_checkout_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "store_checkout_v1"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    user_id as "member",
    array_agg("timestamp" order by "timestamp", event_id) as "times",
    array_agg(case when event_type = 'Product Viewed' then 1 else 0 end + case when event_type = 'Product Added' then 2 else 0 end + case when event_type = 'Order Completed' then 4 else 0 end order by "timestamp", event_id) as "steps"
from "store_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('Product Viewed', 'Product Added', 'Order Completed')
    and user_id is not null
group by 1, 2;
end;

-- view store_checkout_v1_live
create or replace view "store_checkout_v1_live" as
select
    "day",
    "member",
    "times",
    "steps"
from "store_checkout_v1"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'store_checkout_v1'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
    user_id as "member",
    array_agg("timestamp" order by "timestamp", event_id) as "times",
    array_agg(case when event_type = 'Product Viewed' then 1 else 0 end + case when event_type = 'Product Added' then 2 else 0 end + case when event_type = 'Order Completed' then 4 else 0 end order by "timestamp", event_id) as "steps"
from "store_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'store_checkout_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('Product Viewed', 'Product Added', 'Order Completed')
    and user_id is not null
group by 1, 2;

-- table store_checkout_v1_answers
create table "store_checkout_v1_answers" (
    bucket timestamp with time zone not null,
    members_1 bigint,
    members_2 bigint,
    members_3 bigint,
    seconds_2 double precision[],
    seconds_3 double precision[]
);

-- index bucket of store_checkout_v1_answers
create index "store_checkout_v1_answers_idx"
    on "store_checkout_v1_answers" (bucket);

-- function store_checkout_v1_answered
create function "store_checkout_v1_answered"(_from_time timestamptz, _to_time timestamptz)
returns setof "store_checkout_v1_answers"
language sql stable
begin atomic
select
    _bucket as bucket,
    count(_took_1) as members_1,
    count(_took_2) as members_2,
    count(_took_3) as members_3,
    percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_2)::double precision)
        as seconds_2,
    percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_3)::double precision)
        as seconds_3
from (
    select
        _bucket, _member, interval '0' as _took_1,
        min(_end_2 - _time) filter (where _end_2 <= _time + interval '168 hours') as _took_2,
        min(_end_3 - _time) filter (where _end_3 <= _time + interval '168 hours') as _took_3
    from (
        select
            _bucket, _member, _time, _place, _mark,
            min(_time) filter (where _mark & 2 <> 0) over _later as _end_2,
            min(_end_3) filter (where _mark & 2 <> 0) over _later as _end_3
        from (
            select
                _bucket, _member, _time, _place, _mark,
                min(_time) filter (where _mark & 4 <> 0) over _later as _end_3
            from (
                select
                    _stored."day" as _bucket, _stored."member" as _member, _row._time, _row._place, _row._mark
                from "store_checkout_v1_live" as _stored
                cross join lateral unnest(_stored."times", _stored."steps")
                    with ordinality as _row (_time, _mark, _place)
                where _stored."day" >= _from_time and _stored."day" < _to_time + interval '168 hours'
            ) as _level_3
            window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
        ) as _level_2
        window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
    ) as _attempts
    where _mark & 1 <> 0 and _bucket < _to_time
    group by _bucket, _member
) as _reached
group by _bucket;
end;

-- register the answers of store_checkout_v1
insert into analytics_meta.answers (rollup, known, known_rows, columns, merges, parts)
values ('store_checkout_v1',
    null,
    null,
    '{}',
    '{}',
    '[{"table": "store_checkout_v1_answers", "function": "store_checkout_v1_answered", "before": 604800, "after": 0}]');

-- watermark of store_checkout_v1
insert into analytics_meta.rollups (rollup) values ('store_checkout_v1') on conflict do nothing;

-- register store_checkout_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('store_checkout_v1', 'store_checkout', 1,
    '[{"name": "store_checkout_v1", "rows": "store_checkout_v1_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of store_checkout_v1
insert into analytics_meta.backfills (relation) values ('store_checkout_v1');

-- view store_checkout
create or replace view "store_checkout" as
select
    _answer.bucket as "day",
    _answer.members_1 as entered,
    _answer.members_3 as converted,
    _answer.members_3::double precision / _answer.members_1 as rate,
    _answer.seconds_3[1] as seconds_p50,
    _answer.seconds_3[2] as seconds_p90,
    _answer.bucket + interval '24 hours' + interval '168 hours' > now() as provisional
from (
    select *
    from "store_checkout_v1_answers"
    where bucket < coalesce((select until - interval '168 hours' from analytics_meta.answers where rollup = 'store_checkout_v1'), '-infinity')
    union all
    select
        _bucket as bucket,
        count(_took_1) as members_1,
        count(_took_2) as members_2,
        count(_took_3) as members_3,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_2)::double precision)
            as seconds_2,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_3)::double precision)
            as seconds_3
    from (
        select
            _bucket, _member, interval '0' as _took_1,
            min(_end_2 - _time) filter (where _end_2 <= _time + interval '168 hours') as _took_2,
            min(_end_3 - _time) filter (where _end_3 <= _time + interval '168 hours') as _took_3
        from (
            select
                _bucket, _member, _time, _place, _mark,
                min(_time) filter (where _mark & 2 <> 0) over _later as _end_2,
                min(_end_3) filter (where _mark & 2 <> 0) over _later as _end_3
            from (
                select
                    _bucket, _member, _time, _place, _mark,
                    min(_time) filter (where _mark & 4 <> 0) over _later as _end_3
                from (
                    select
                        _stored."day" as _bucket, _stored."member" as _member, _row._time, _row._place, _row._mark
                    from "store_checkout_v1_live" as _stored
                    cross join lateral unnest(_stored."times", _stored."steps")
                        with ordinality as _row (_time, _mark, _place)
                    where _stored."day" >= coalesce((select until - interval '168 hours' from analytics_meta.answers where rollup = 'store_checkout_v1'), '-infinity')
                ) as _level_3
                window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
            ) as _level_2
            window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
        ) as _attempts
        where _mark & 1 <> 0
        group by _bucket, _member
    ) as _reached
    group by _bucket
) as _answer;

-- view store_checkout_steps
create or replace view "store_checkout_steps" as
select
    _answer.bucket as "day",
    _step.step::bigint as step,
    _step.step_name,
    _step.members,
    _step.members::double precision / _answer.members_1 as rate,
    _step.members::double precision / nullif(_step._before, 0) as step_rate,
    _step._seconds[1] as seconds_p50,
    _step._seconds[2] as seconds_p90,
    _answer.bucket + interval '24 hours' + interval '168 hours' > now() as provisional
from (
    select *
    from "store_checkout_v1_answers"
    where bucket < coalesce((select until - interval '168 hours' from analytics_meta.answers where rollup = 'store_checkout_v1'), '-infinity')
    union all
    select
        _bucket as bucket,
        count(_took_1) as members_1,
        count(_took_2) as members_2,
        count(_took_3) as members_3,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_2)::double precision)
            as seconds_2,
        percentile_cont(array[0.5::double precision, 0.9::double precision]) within group (order by extract(epoch from _took_3)::double precision)
            as seconds_3
    from (
        select
            _bucket, _member, interval '0' as _took_1,
            min(_end_2 - _time) filter (where _end_2 <= _time + interval '168 hours') as _took_2,
            min(_end_3 - _time) filter (where _end_3 <= _time + interval '168 hours') as _took_3
        from (
            select
                _bucket, _member, _time, _place, _mark,
                min(_time) filter (where _mark & 2 <> 0) over _later as _end_2,
                min(_end_3) filter (where _mark & 2 <> 0) over _later as _end_3
            from (
                select
                    _bucket, _member, _time, _place, _mark,
                    min(_time) filter (where _mark & 4 <> 0) over _later as _end_3
                from (
                    select
                        _stored."day" as _bucket, _stored."member" as _member, _row._time, _row._place, _row._mark
                    from "store_checkout_v1_live" as _stored
                    cross join lateral unnest(_stored."times", _stored."steps")
                        with ordinality as _row (_time, _mark, _place)
                    where _stored."day" >= coalesce((select until - interval '168 hours' from analytics_meta.answers where rollup = 'store_checkout_v1'), '-infinity')
                ) as _level_3
                window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
            ) as _level_2
            window _later as (partition by _member order by _time desc, _place desc rows between unbounded preceding and 1 preceding)
        ) as _attempts
        where _mark & 1 <> 0
        group by _bucket, _member
    ) as _reached
    group by _bucket
) as _answer
cross join lateral (values
    (1, 'viewed'::text, _answer.members_1, null::double precision[], null::bigint),
    (2, 'added'::text, _answer.members_2, _answer.seconds_2, _answer.members_1),
    (3, 'ordered'::text, _answer.members_3, _answer.seconds_3, _answer.members_2)
) as _step (step, step_name, members, _seconds, _before);

-- comment on view store_checkout
comment on view "store_checkout" is 'From the page of a product to an order. From viewed to ordered within 1 week.';

-- comment on column store_checkout.day
comment on column "store_checkout"."day" is 'Start of the bucket of 1 day in which the attempt began, in UTC.';

-- comment on column store_checkout.entered
comment on column "store_checkout"."entered" is 'Members with the first step in the bucket.';

-- comment on column store_checkout.converted
comment on column "store_checkout"."converted" is 'Those of them that got to the last step within 1 week.';

-- comment on column store_checkout.rate
comment on column "store_checkout"."rate" is 'converted over entered, from 0 to 1.';

-- comment on column store_checkout.seconds_p50
comment on column "store_checkout"."seconds_p50" is 'Median of the seconds from the beginning of an attempt to the last step; the shortest of each member counts. Null without any.';

-- comment on column store_checkout.seconds_p90
comment on column "store_checkout"."seconds_p90" is '90th percentile of the seconds from the beginning of an attempt to the last step; the shortest of each member counts. Null without any.';

-- comment on column store_checkout.provisional
comment on column "store_checkout"."provisional" is 'Whether 1 week after the bucket are still to pass.';

-- comment on view store_checkout_steps
comment on view "store_checkout_steps" is 'The steps of store_checkout.';

-- comment on column store_checkout_steps.day
comment on column "store_checkout_steps"."day" is 'Start of the bucket of 1 day in which the attempt began, in UTC.';

-- comment on column store_checkout_steps.step
comment on column "store_checkout_steps"."step" is 'Number of the step, from 1.';

-- comment on column store_checkout_steps.step_name
comment on column "store_checkout_steps"."step_name" is 'Name of the step; null where the steps have no order.';

-- comment on column store_checkout_steps.members
comment on column "store_checkout_steps"."members" is 'Members that got so far within 1 week.';

-- comment on column store_checkout_steps.rate
comment on column "store_checkout_steps"."rate" is 'members over those that entered, from 0 to 1.';

-- comment on column store_checkout_steps.step_rate
comment on column "store_checkout_steps"."step_rate" is 'members over those of the step before; null at the first.';

-- comment on column store_checkout_steps.seconds_p50
comment on column "store_checkout_steps"."seconds_p50" is 'Median of the seconds from the beginning of an attempt to the step; the shortest of each member counts. Null without any.';

-- comment on column store_checkout_steps.seconds_p90
comment on column "store_checkout_steps"."seconds_p90" is '90th percentile of the seconds from the beginning of an attempt to the step; the shortest of each member counts. Null without any.';

-- comment on column store_checkout_steps.provisional
comment on column "store_checkout_steps"."provisional" is 'Whether 1 week after the bucket are still to pass.';
