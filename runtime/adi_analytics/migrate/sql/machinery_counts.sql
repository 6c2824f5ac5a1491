-- step: table counts
create table if not exists analytics_meta.counts (
    members text not null
        constraint counts_pkey primary key,
    rollup text not null,
    keys text[] not null,
    span interval not null,
    counts text not null,
    counted text not null,
    recent text not null,
    recent_rows text not null,
    recency text not null,
    until timestamptz not null default '-infinity',
    counted_at timestamptz
);

-- step: table counted_buckets
create table if not exists analytics_meta.counted_buckets (
    members text not null,
    bucket timestamptz not null,
    digest text not null,
    constraint counted_buckets_pkey primary key (members, bucket)
);

-- step: table recounts
create table if not exists analytics_meta.recounts (
    id bigint generated always as identity
        constraint recounts_pkey primary key,
    rollup text not null,
    from_time timestamptz not null
);

-- step: function digests_of_counts
create or replace function analytics_meta.digests_of_counts(
    members_name text, from_time timestamptz, to_time timestamptz, out bucket timestamptz, out digest text
) returns setof record
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $function$
-- What the trailing counts of a bucket depend on, in short: its members, and the rows that it has. Another member or row
-- gives another digest. A refresh that TimescaleDB does by itself is noticed by them.
declare
    target analytics_meta.counts;
    bucket_column text;
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name;
    select a.bucket_column into strict bucket_column from analytics_meta.aggregates a where a.rollup = target.rollup;
    return query execute format(
        'select bucket, concat_ws('' '', sum(members), bit_xor(of_members), sum(found), bit_xor(of_rows))
         from (
             select %4$I as bucket, count(*) as members, bit_xor(hash_record_extended(row(%5$s), 0)) as of_members,
                    0::bigint as found, 0::bigint as of_rows
             from %1$I.%2$I where %4$I >= $1 and %4$I < $2 group by 1
             union all
             select %4$I, 0, 0, count(*), bit_xor(hash_record_extended(row(%6$s), 1))
             from %1$I.%3$I where %4$I >= $1 and %4$I < $2 group by 1
         ) found group by 1',
        (select i.events_schema from analytics_meta.installation i), target.members, target.rollup, bucket_column,
        (select string_agg(quote_ident(k), ', ') from unnest(target.keys) k),
        (select string_agg(quote_ident(k), ', ' order by place)
         from unnest(bucket_column || target.keys[:cardinality(target.keys) - 1]) with ordinality t (k, place))
    ) using from_time, to_time;
end
$function$;

-- step: function count_again
create or replace function analytics_meta.count_again(
    members_name text, changed tstzmultirange, until_time timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_nestloop = off
as $function$
-- Counts again what depends on changed buckets, as far as it is kept: a bucket counts in the span that begins there.
declare
    target analytics_meta.counts;
    bucket_column text;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
    run tstzrange;
    affected tstzmultirange;
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name;
    select a.bucket_column into strict bucket_column from analytics_meta.aggregates a where a.rollup = target.rollup;
    select range_agg(tstzrange(lower(c), upper(c) + target.span)) * tstzmultirange(tstzrange('-infinity', until_time))
    into affected from unnest(changed) c;
    for run in select unnest(affected) loop
        execute format('delete from %I.%I where %I >= $1 and %3$I < $2', schema_name, target.counts, bucket_column)
        using lower(run), upper(run);
        execute format(
            'insert into %1$I.%2$I select * from %1$I.%3$I($1, $2, false)', schema_name, target.counts, target.counted
        ) using lower(run), upper(run);
    end loop;
    if upper(changed) + target.span > until_time then
        execute format('delete from %I.%I', schema_name, target.recent);
        perform analytics_meta.store_recent(members_name, '-infinity', until_time);
    end if;
end
$function$;

-- step: function count_on
create or replace function analytics_meta.count_on(
    members_name text, from_time timestamptz, to_time timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_nestloop = off
as $function$
-- Counts the buckets that come after those that are kept: from their members and from who was active before.
declare
    target analytics_meta.counts;
    bucket_column text;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name;
    select a.bucket_column into strict bucket_column from analytics_meta.aggregates a where a.rollup = target.rollup;
    execute format('delete from %I.%I where %I >= $1', schema_name, target.counts, bucket_column) using from_time;
    execute format(
        'insert into %1$I.%2$I select * from %1$I.%3$I($1, $2, true)', schema_name, target.counts, target.counted
    ) using from_time, to_time;
    perform analytics_meta.store_recent(members_name, from_time, to_time);
end
$function$;

-- step: function store_recent
create or replace function analytics_meta.store_recent(
    members_name text, from_time timestamptz, until_time timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_nestloop = off
as $function$
-- Stores which members were active in the longest span before the buckets that are not over, and when for the last time:
-- adds those between two bucket starts, and drops those of before the span.
declare
    target analytics_meta.counts;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
    columns text[];
    groups text;
    same text;
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name;
    select a.bucket_column || target.keys into strict columns
    from analytics_meta.aggregates a where a.rollup = target.rollup;
    select string_agg(quote_ident(k), ', ' order by place) into groups
    from unnest(columns[:cardinality(columns) - 1]) with ordinality t (k, place);
    select string_agg(format('r.%1$I is not distinct from f.%1$I', k), ' and ') into same
    from unnest(target.keys[:cardinality(target.keys) - 1]) k;
    execute format('delete from %I.%I where %I <= $1', schema_name, target.recent, columns[1])
    using until_time - target.span;
    execute format(
        'with fresh as materialized (select * from %1$I.%2$I($1, $2)), gone as (
             delete from %1$I.%3$I r using fresh f where r.%4$I = f.%4$I %5$s
         )
         insert into %1$I.%3$I select * from fresh',
        schema_name, target.recent_rows, target.recent, columns[cardinality(columns)], 'and ' || same
    ) using from_time, until_time;
    execute format('delete from %I.%I', schema_name, target.recency);
    execute format(
        'insert into %1$I.%2$I select %3$s, count(*) from %1$I.%4$I group by %3$s',
        schema_name, target.recency, groups, target.recent
    );
end
$function$;
