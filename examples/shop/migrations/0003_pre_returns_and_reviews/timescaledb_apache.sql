-- 0003_pre_returns_and_reviews: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: ef8ad77ea134d8b443622b23f4f5f4652a61a7ea285b49589c9b82eeeaa6c5cb
-- why: create shop_reviews_weekly
-- why: create version 2 of shop_sales_daily beside version 1
-- locks: none on shop_events

-- table shop_reviews_weekly_v1
create table "shop_reviews_weekly_v1" (
    "week" timestamp with time zone not null,
    "row_count" bigint,
    "reviews" bigint,
    "avg_stars__sum" numeric,
    "avg_stars__count" bigint,
    "reviewers" bigint,
    "returns" bigint,
    "refunds" numeric
);

-- index on shop_reviews_weekly_v1
create index "shop_reviews_weekly_v1_week_idx"
    on "shop_reviews_weekly_v1" ("week");

-- function shop_reviews_weekly_v1_rows
create function "shop_reviews_weekly_v1_rows"(from_time timestamptz, to_time timestamptz)
returns setof "shop_reviews_weekly_v1"
language sql stable
begin atomic
select
    date_bin(interval '7 days', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "week",
    count(*) as "row_count",
    count(*) filter (where event_type = 'review_written') as "reviews",
    sum(case when jsonb_typeof(data -> 'stars') = 'number' then
        case when abs((data -> 'stars')::numeric) < 9223372036854775808 and (data -> 'stars')::numeric % 1 = 0 then (data -> 'stars')::bigint end
    end) filter (where event_type = 'review_written') as "avg_stars__sum",
    count(case when jsonb_typeof(data -> 'stars') = 'number' then
        case when abs((data -> 'stars')::numeric) < 9223372036854775808 and (data -> 'stars')::numeric % 1 = 0 then (data -> 'stars')::bigint end
    end) filter (where event_type = 'review_written') as "avg_stars__count",
    count(distinct user_id) filter (where event_type = 'review_written') as "reviewers",
    count(*) filter (where event_type = 'order_returned') as "returns",
    sum(case when jsonb_typeof(data -> 'refund') = 'number' then
        case when abs((data -> 'refund')::numeric) between 1e-307 and 1e307 or (data -> 'refund')::numeric = 0 then (data -> 'refund')::numeric end
    end) filter (where event_type = 'order_returned') as "refunds"
from "shop_events"
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('order_returned', 'review_written')
group by 1;
end;

-- view shop_reviews_weekly_v1_live
create or replace view "shop_reviews_weekly_v1_live" as
select
    "week",
    "row_count",
    "reviews",
    "avg_stars__sum",
    "avg_stars__count",
    "reviewers",
    "returns",
    "refunds"
from "shop_reviews_weekly_v1"
where "week" < coalesce((select watermark from analytics_meta.rollups where rollup = 'shop_reviews_weekly_v1'), '-infinity')
union all
select
    date_bin(interval '7 days', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "week",
    count(*) as "row_count",
    count(*) filter (where event_type = 'review_written') as "reviews",
    sum(case when jsonb_typeof(data -> 'stars') = 'number' then
        case when abs((data -> 'stars')::numeric) < 9223372036854775808 and (data -> 'stars')::numeric % 1 = 0 then (data -> 'stars')::bigint end
    end) filter (where event_type = 'review_written') as "avg_stars__sum",
    count(case when jsonb_typeof(data -> 'stars') = 'number' then
        case when abs((data -> 'stars')::numeric) < 9223372036854775808 and (data -> 'stars')::numeric % 1 = 0 then (data -> 'stars')::bigint end
    end) filter (where event_type = 'review_written') as "avg_stars__count",
    count(distinct user_id) filter (where event_type = 'review_written') as "reviewers",
    count(*) filter (where event_type = 'order_returned') as "returns",
    sum(case when jsonb_typeof(data -> 'refund') = 'number' then
        case when abs((data -> 'refund')::numeric) between 1e-307 and 1e307 or (data -> 'refund')::numeric = 0 then (data -> 'refund')::numeric end
    end) filter (where event_type = 'order_returned') as "refunds"
from "shop_events"
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'shop_reviews_weekly_v1'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('order_returned', 'review_written')
group by 1;

-- watermark of shop_reviews_weekly_v1
insert into analytics_meta.rollups (rollup) values ('shop_reviews_weekly_v1') on conflict do nothing;

-- register shop_reviews_weekly_v1
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('shop_reviews_weekly_v1', 'shop_reviews_weekly', 1,
    '[{"name": "shop_reviews_weekly_v1", "rows": "shop_reviews_weekly_v1_rows"}]',
    'week', interval '7 days',
    interval '1 hours', interval '21 days', interval '1 hours');

-- backfill of shop_reviews_weekly_v1
insert into analytics_meta.backfills (relation) values ('shop_reviews_weekly_v1');

-- view shop_reviews_weekly
create or replace view "shop_reviews_weekly" as
select
    "week",
    "reviews",
    ("avg_stars__sum" / nullif("avg_stars__count", 0))::double precision as "avg_stars",
    "reviewers",
    "returns",
    "refunds"
from "shop_reviews_weekly_v1_live";

-- comment on view shop_reviews_weekly
comment on view "shop_reviews_weekly" is 'Reviews and returns by week.';

-- comment on column shop_reviews_weekly.week
comment on column "shop_reviews_weekly"."week" is 'Start of the bucket of 1 week, in UTC.';

-- comment on column shop_reviews_weekly.reviews
comment on column "shop_reviews_weekly"."reviews" is 'Number of rows where event = review_written.';

-- comment on column shop_reviews_weekly.avg_stars
comment on column "shop_reviews_weekly"."avg_stars" is 'Average of stars where event = review_written.';

-- comment on column shop_reviews_weekly.reviewers
comment on column "shop_reviews_weekly"."reviewers" is 'Number of different user_id where event = review_written.';

-- comment on column shop_reviews_weekly.returns
comment on column "shop_reviews_weekly"."returns" is 'Number of rows where event = order_returned.';

-- comment on column shop_reviews_weekly.refunds
comment on column "shop_reviews_weekly"."refunds" is 'Sum of refund where event = order_returned. Unit: EUR.';

-- table shop_sales_daily_v2
create table "shop_sales_daily_v2" (
    "day" timestamp with time zone not null,
    "country" text,
    "row_count" bigint,
    "orders" bigint,
    "customers" bigint,
    "revenue" numeric,
    "p90_total" double precision,
    "parcels" bigint
);

-- index on shop_sales_daily_v2
create index "shop_sales_daily_v2_day_idx"
    on "shop_sales_daily_v2" ("day");

-- function shop_sales_daily_v2_rows
create function "shop_sales_daily_v2_rows"(from_time timestamptz, to_time timestamptz)
returns setof "shop_sales_daily_v2"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
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
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('order_placed')
group by 1, 2;
end;

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
from "shop_sales_daily_v2"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'shop_sales_daily_v2'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
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
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'shop_sales_daily_v2'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('order_placed')
group by 1, 2;

-- table shop_sales_daily_v2_distribution
create table "shop_sales_daily_v2_distribution" (
    "day" timestamp with time zone not null,
    "country" text,
    "sign" integer,
    "magnitude" integer,
    "row_count" bigint
);

-- index on shop_sales_daily_v2_distribution
create index "shop_sales_daily_v2_distribution_day_idx"
    on "shop_sales_daily_v2_distribution" ("day");

-- function shop_sales_daily_v2_distribution_rows
create function "shop_sales_daily_v2_distribution_rows"(from_time timestamptz, to_time timestamptz)
returns setof "shop_sales_daily_v2_distribution"
language sql stable
begin atomic
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
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
where "timestamp" >= from_time
    and "timestamp" < to_time
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('order_placed')
    and (case when jsonb_typeof(data -> 'total') = 'number' then
        case when abs((data -> 'total')::numeric) between 1e-307 and 1e307 or (data -> 'total')::numeric = 0 then (data -> 'total')::double precision end
    end) is not null
group by 1, 2, 3, 4;
end;

-- view shop_sales_daily_v2_distribution_live
create or replace view "shop_sales_daily_v2_distribution_live" as
select
    "day",
    "country",
    "sign",
    "magnitude",
    "row_count"
from "shop_sales_daily_v2_distribution"
where "day" < coalesce((select watermark from analytics_meta.rollups where rollup = 'shop_sales_daily_v2'), '-infinity')
union all
select
    date_bin(interval '1 day', "timestamp", timestamptz '2000-01-03 00:00:00+00') as "day",
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
where "timestamp" >= coalesce((select watermark from analytics_meta.rollups where rollup = 'shop_sales_daily_v2'), '-infinity')
    and "timestamp" >= timestamptz '1970-01-01 00:00:00+00'
    and "timestamp" < timestamptz '9999-01-01 00:00:00+00'
    and event_type in ('order_placed')
    and (case when jsonb_typeof(data -> 'total') = 'number' then
        case when abs((data -> 'total')::numeric) between 1e-307 and 1e307 or (data -> 'total')::numeric = 0 then (data -> 'total')::double precision end
    end) is not null
group by 1, 2, 3, 4;

-- watermark of shop_sales_daily_v2
insert into analytics_meta.rollups (rollup) values ('shop_sales_daily_v2') on conflict do nothing;

-- register shop_sales_daily_v2
insert into analytics_meta.aggregates (rollup, aggregate, version, relations, bucket_column, width,
    refresh_every, refresh_window, refresh_lag)
values ('shop_sales_daily_v2', 'shop_sales_daily', 2,
    '[{"name": "shop_sales_daily_v2", "rows": "shop_sales_daily_v2_rows"}, {"name": "shop_sales_daily_v2_distribution", "rows": "shop_sales_daily_v2_distribution_rows"}]',
    'day', interval '1 days',
    interval '1 hours', interval '3 days', interval '1 hours');

-- backfill of shop_sales_daily_v2
insert into analytics_meta.backfills (relation) values ('shop_sales_daily_v2');
