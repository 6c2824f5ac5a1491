-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
-- Reviews and returns by week.

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
