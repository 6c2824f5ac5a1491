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

-- step: function digests
create or replace function analytics_meta.digests(
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
        (select i.events_schema from analytics_meta.installation i), target.members, target.rollup, bucket_column, (select string_agg(quote_ident(k), ', ') from unnest(target.keys) k),
        (select string_agg(quote_ident(k), ', ' order by place)
         from unnest(bucket_column || target.keys[:cardinality(target.keys) - 1]) with ordinality t (k, place))
    ) using from_time, to_time;
end
$function$;

-- step: function recount_members
create or replace function analytics_meta.recount_members(members_name text, everything boolean) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings the kept counts of a relation of members up to date. A bucket whose digest changed changes the counts of the
-- span that begins there. Digests are taken first: what changes while this runs is noticed the next time.
-- A refresh policy can have changed what is younger than its window before it began, and it may take as long again.
declare
    target analytics_meta.counts;
    owner analytics_meta.aggregates;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
    began timestamptz := clock_timestamp();
    since timestamptz;
    until_time timestamptz;
    buckets timestamptz[];
    digests text[];
    changed tstzmultirange;
    run tstzrange;
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name for update;
    select * into strict owner from analytics_meta.aggregates a where a.rollup = target.rollup;
    select min(r.from_time) into since from analytics_meta.recounts r where r.rollup = target.rollup;
    until_time := least(analytics_meta.stored_until(target.rollup), analytics_meta.bucket_start(owner.width, began, owner.time_zone));
    since := case when everything or target.counted_at is null then '-infinity' else least(
        analytics_meta.bucket_start(owner.width, since, owner.time_zone), target.until, until_time,
        analytics_meta.bucket_start(
            owner.width, target.counted_at - 2 * analytics_meta.span(owner.refresh_window), owner.time_zone
        )
    ) end;
    select coalesce(array_agg(d.bucket order by d.bucket), '{}'), coalesce(array_agg(d.digest order by d.bucket), '{}')
    into buckets, digests from analytics_meta.digests(members_name, since, until_time) d;
    select range_agg(tstzrange(coalesce(s.bucket, c.bucket), coalesce(s.bucket, c.bucket) + target.span)) into changed
    from unnest(buckets, digests) s (bucket, digest)
    full join (
        select k.bucket, k.digest from analytics_meta.counted_buckets k
        where k.members = members_name and k.bucket >= since
    ) c on c.bucket = s.bucket
    where c.digest is distinct from s.digest;
    if changed is not null or until_time <> target.until then
        execute format('delete from %I.%I where %I >= $1', schema_name, target.counts, owner.bucket_column)
        using least(until_time, target.until);
        for run in select unnest(changed * tstzmultirange(tstzrange('-infinity', until_time))) loop
            execute format(
                'delete from %I.%I where %I >= $1 and %3$I < $2', schema_name, target.counts, owner.bucket_column
            ) using lower(run), upper(run);
            execute format(
                'insert into %1$I.%2$I select * from %1$I.%3$I($1, $2)', schema_name, target.counts, target.counted
            ) using lower(run), upper(run);
        end loop;
        perform analytics_meta.keep_recent(members_name, until_time);
        delete from analytics_meta.counted_buckets k where k.members = members_name and k.bucket >= since;
        insert into analytics_meta.counted_buckets (members, bucket, digest)
        select members_name, s.bucket, s.digest from unnest(buckets, digests) s (bucket, digest);
    end if;
    update analytics_meta.counts c set until = until_time, counted_at = began where c.members = members_name;
end
$function$;

-- step: function keep_recent
create or replace function analytics_meta.keep_recent(members_name text, until_time timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Stores which members were active in the longest span before the buckets that are not over, and when for the last time.
declare
    target analytics_meta.counts;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
    columns text;
begin
    select * into strict target from analytics_meta.counts c where c.members = members_name;
    select string_agg(quote_ident(k), ', ' order by place) into strict columns
    from analytics_meta.aggregates a,
        unnest(a.bucket_column || target.keys[:cardinality(target.keys) - 1]) with ordinality t (k, place)
    where a.rollup = target.rollup;
    execute format('delete from %I.%I', schema_name, target.recent);
    execute format('delete from %I.%I', schema_name, target.recency);
    execute format(
        'insert into %1$I.%2$I select * from %1$I.%3$I($1)', schema_name, target.recent, target.recent_rows
    ) using until_time;
    execute format(
        'insert into %1$I.%2$I select %3$s, count(*) from %1$I.%4$I group by %3$s',
        schema_name, target.recency, columns, target.recent
    );
end
$function$;

-- step: function recount
create or replace function analytics_meta.recount(rollup_name text, everything boolean default false) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings the trailing counts of an aggregate up to date.
declare
    marks bigint[] := array(select r.id from analytics_meta.recounts r where r.rollup = rollup_name);
    each text;
begin
    for each in select c.members from analytics_meta.counts c where c.rollup = rollup_name order by 1 loop
        perform analytics_meta.recount_members(each, everything);
    end loop;
    delete from analytics_meta.recounts r where r.id = any (marks);
end
$function$;

-- step: function recount_due
create or replace function analytics_meta.recount_due(rollup_name text) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- The same when its time has come: buckets are over, something is marked, or a refresh policy may have run since.
begin
    if exists (
        select from analytics_meta.counts c
        join analytics_meta.aggregates a on a.rollup = c.rollup and a.active
        where c.rollup = rollup_name and (
            c.counted_at is null or c.counted_at + analytics_meta.span(a.refresh_every) <= clock_timestamp()
            or c.until < least(
                analytics_meta.stored_until(c.rollup),
                analytics_meta.bucket_start(a.width, clock_timestamp(), a.time_zone)
            )
            or exists (select from analytics_meta.recounts r where r.rollup = rollup_name)
        )
    ) then
        perform analytics_meta.recount(rollup_name);
        return true;
    end if;
    return false;
end
$function$;

-- step: function forget_counts
create or replace function analytics_meta.forget_counts(rollup_name text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Takes the kept counts away: until the next recount the view computes all.
declare
    target analytics_meta.counts;
    schema_name text := (select i.events_schema from analytics_meta.installation i);
begin
    for target in select * from analytics_meta.counts c where c.rollup = rollup_name for update loop
        execute format('delete from %I.%I', schema_name, target.counts);
        execute format('delete from %I.%I', schema_name, target.recent);
        execute format('delete from %I.%I', schema_name, target.recency);
        delete from analytics_meta.counted_buckets k where k.members = target.members;
        update analytics_meta.counts c set until = '-infinity', counted_at = null where c.members = target.members;
    end loop;
end
$function$;

-- step: function try_recount
create or replace function analytics_meta.try_recount(rollup_name text) returns void
language plpgsql
as $function$
begin
    perform analytics_meta.recount_due(rollup_name);
exception when others then
    raise warning 'the trailing counts of % wait: %', rollup_name, sqlerrm using errcode = 'AD001';
end
$function$;
