-- step: function kept
create or replace function analytics_meta.kept(
    out relation text, out rollup text, out until timestamptz, out compared_at timestamptz, out counted boolean
) returns setof record
language sql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The relations of members beside which something is kept: trailing counts, or answers to a question about people.
select c.members, c.rollup, c.until, c.counted_at, true from analytics_meta.counts c
union all
select a.rollup, a.rollup, a.until, a.compared_at, false from analytics_meta.answers a
$function$;

-- step: function digests
create or replace function analytics_meta.digests(
    members_name text, from_time timestamptz, to_time timestamptz, out bucket timestamptz, out digest text
) returns setof record
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if exists (select from analytics_meta.counts c where c.members = members_name) then
        return query select * from analytics_meta.digests_of_counts(members_name, from_time, to_time);
    else
        return query select * from analytics_meta.digests_of_answers(members_name, from_time, to_time);
    end if;
end
$function$;

-- step: function first_bucket
create or replace function analytics_meta.first_bucket(
    relation_name text, from_time timestamptz, to_time timestamptz
) returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $function$
-- The first bucket with a stored row between two bucket starts.
declare
    found_bucket timestamptz;
begin
    execute format(
        'select min(%3$I) from %1$I.%2$I where %3$I >= $1 and %3$I < $2',
        (select i.events_schema from analytics_meta.installation i), relation_name,
        (select a.bucket_column from analytics_meta.aggregates a join analytics_meta.kept() k on k.rollup = a.rollup
         where k.relation = relation_name)
    ) into found_bucket using from_time, to_time;
    return found_bucket;
end
$function$;

-- step: function recount_changed
create or replace function analytics_meta.recount_changed(relation_name text, since timestamptz) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings what is kept of buckets up to date whose digest changed since a time: those of one piece. Returns whether there
-- may be more. Digests are taken first: what changes while this runs is noticed the next time.
declare
    target record;
    bucket_width interval;
    zone text;
    buckets timestamptz[];
    digests text[];
    changed tstzmultirange;
    piece tstzmultirange;
begin
    select * into strict target from analytics_meta.kept() k where k.relation = relation_name;
    select a.width, a.time_zone into strict bucket_width, zone from analytics_meta.aggregates a where a.rollup = target.rollup;
    select array_agg(d.bucket), array_agg(d.digest) into buckets, digests
    from analytics_meta.digests(relation_name, since, target.until) d;
    select range_agg(tstzrange(
        coalesce(s.bucket, c.bucket), analytics_meta.next_bucket(bucket_width, coalesce(s.bucket, c.bucket), zone)
    )) into changed
    from unnest(buckets, digests) s (bucket, digest)
    full join (
        select k.bucket, k.digest from analytics_meta.counted_buckets k
        where k.members = relation_name and k.bucket >= since
    ) c on c.bucket = s.bucket
    where c.digest is distinct from s.digest;
    if changed is null then
        return false;
    end if;
    piece := changed * tstzmultirange(tstzrange(
        lower(changed), analytics_meta.piece_end(bucket_width, lower(changed), zone)
    ));
    if target.counted then
        perform analytics_meta.count_again(relation_name, piece, target.until);
    else
        perform analytics_meta.answer_again(relation_name, piece, target.until);
    end if;
    delete from analytics_meta.counted_buckets k where k.members = relation_name and k.bucket <@ piece;
    insert into analytics_meta.counted_buckets (members, bucket, digest)
    select relation_name, s.bucket, s.digest from unnest(buckets, digests) s (bucket, digest) where s.bucket <@ piece;
    update analytics_meta.recounts r set from_time = upper(piece)
    where r.rollup = relation_name and r.from_time < upper(piece) and piece <> changed;
    return piece <> changed;
end
$function$;

-- step: function piece_end
create or replace function analytics_meta.piece_end(width interval, first_bucket timestamptz, zone text) returns timestamptz
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
-- How much is counted in one transaction: the buckets of about a week, at least one.
select greatest(
    analytics_meta.next_bucket(width, first_bucket, zone),
    analytics_meta.bucket_start(width, first_bucket + interval '168 hours', zone)
)
$function$;

-- step: function recount_on
create or replace function analytics_meta.recount_on(
    relation_name text, until_time timestamptz
) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Keeps one piece more, of the buckets that are over. Returns whether there is more.
declare
    target record;
    bucket_width interval;
    zone text;
    first_bucket timestamptz;
    stop timestamptz;
    buckets timestamptz[];
    digests text[];
begin
    select * into strict target from analytics_meta.kept() k where k.relation = relation_name;
    if target.until >= until_time then
        return false;
    end if;
    select a.width, a.time_zone into strict bucket_width, zone from analytics_meta.aggregates a where a.rollup = target.rollup;
    first_bucket := target.until;
    for attempt in 1..2 loop
        stop := least(analytics_meta.piece_end(bucket_width, first_bucket, zone), until_time);
        select array_agg(d.bucket), array_agg(d.digest) into buckets, digests
        from analytics_meta.digests(relation_name, target.until, stop) d;
        exit when buckets is not null or stop = until_time;
        -- A gap, or the very first time: all up to the next bucket with rows costs nothing.
        first_bucket := coalesce(analytics_meta.first_bucket(relation_name, stop, until_time), until_time);
    end loop;
    if target.counted then
        perform analytics_meta.count_on(relation_name, target.until, stop);
        update analytics_meta.counts c set until = stop where c.members = relation_name;
    else
        perform analytics_meta.answer_on(relation_name, target.until, stop);
        update analytics_meta.answers a set until = stop where a.rollup = relation_name;
    end if;
    delete from analytics_meta.counted_buckets k where k.members = relation_name and k.bucket >= target.until;
    insert into analytics_meta.counted_buckets (members, bucket, digest)
    select relation_name, s.bucket, s.digest from unnest(buckets, digests) s (bucket, digest);
    return stop < until_time;
end
$function$;

-- step: function analyze_grown
create or replace function analytics_meta.analyze_grown(relation_name text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Takes statistics of what grew by more than a fifth since they were taken. After a large load, a plan that expects few rows works for an
-- hour on what takes seconds, and autovacuum comes a minute later.
declare
    grown regclass;
begin
    for grown in
        select c.oid from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        where pg_relation_size(c.oid) / current_setting('block_size')::integer > 20 + c.relpages::bigint * 6 / 5 and (
            c.oid = any (analytics_meta.tables_of(relation_name))
            or n.nspname = (select i.events_schema from analytics_meta.installation i) and c.relname in (
                select unnest(array[k.counts, k.recent, k.recency]) from analytics_meta.counts k where k.members = relation_name
                union all
                select a.known from analytics_meta.answers a where a.rollup = relation_name
                union all
                select p ->> 'table' from analytics_meta.answers a, jsonb_array_elements(a.parts) p where a.rollup = relation_name
            )
        )
    loop
        execute format('analyze (skip_locked) %s', grown);
    end loop;
end
$function$;

-- step: function recount_piece
create or replace function analytics_meta.recount_piece(relation_name text) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings what is kept beside a relation of members up to date, one piece of it. Returns whether there is more.
-- A refresh policy can have changed what is younger than its window before it began, and it may take as long again.
declare
    target record;
    owner analytics_meta.aggregates;
    began timestamptz := clock_timestamp();
    marks bigint[];
    since timestamptz;
    until_time timestamptz;
begin
    perform from analytics_meta.counts c where c.members = relation_name for update;
    perform from analytics_meta.answers a where a.rollup = relation_name for update;
    select * into strict target from analytics_meta.kept() k where k.relation = relation_name;
    select * into strict owner from analytics_meta.aggregates a where a.rollup = target.rollup;
    perform set_config('work_mem', '256MB', true)
    where pg_size_bytes(current_setting('work_mem')) < pg_size_bytes('256MB');
    until_time := least(analytics_meta.stored_until(target.rollup), analytics_meta.bucket_start(owner.width, began, owner.time_zone));
    if until_time < target.until or target.until = '-infinity' then  -- a watermark was ahead of the clock; a new start
        perform analytics_meta.forget_kept(relation_name);
        target.until := '-infinity';
    end if;
    perform analytics_meta.analyze_grown(relation_name);
    select array_agg(r.id), min(r.from_time) into marks, since
    from analytics_meta.recounts r where r.rollup = relation_name;
    since := case when target.compared_at is null then '-infinity' else least(
        analytics_meta.bucket_start(owner.width, since, owner.time_zone),
        analytics_meta.bucket_start(
            owner.width, target.compared_at - 2 * analytics_meta.span(owner.refresh_window), owner.time_zone
        )
    ) end;
    if since < target.until then
        if analytics_meta.recount_changed(relation_name, since) then
            return true;
        end if;
    end if;
    delete from analytics_meta.recounts r where r.id = any (marks);
    update analytics_meta.counts c set counted_at = began where c.members = relation_name;
    update analytics_meta.answers a set compared_at = began where a.rollup = relation_name;
    return analytics_meta.recount_on(relation_name, until_time);
end
$function$;

-- step: function recount_some
create or replace function analytics_meta.recount_some(rollup_name text) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings what is kept of an aggregate or a question up to date, one piece of it. Returns whether there is more.
declare
    each text;
    more boolean := false;
begin
    -- A mark on the aggregate, as earlier releases write, is one on each of its relations of members.
    with shared as (
        delete from analytics_meta.recounts r
        where r.rollup = rollup_name and exists (select from analytics_meta.counts c where c.rollup = rollup_name)
        returning r.from_time
    )
    insert into analytics_meta.recounts (rollup, from_time)
    select c.members, min(s.from_time) from shared s, analytics_meta.counts c where c.rollup = rollup_name group by 1;
    for each in select k.relation from analytics_meta.kept() k where k.rollup = rollup_name order by 1 loop
        more := analytics_meta.recount_piece(each) or more;
    end loop;
    return more;
end
$function$;

-- step: function mark_recount
create or replace function analytics_meta.mark_recount(rollup_name text, since timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $function$
-- Lets the next recount look at all buckets since a time.
insert into analytics_meta.recounts (rollup, from_time)
select k.relation, since from analytics_meta.kept() k where k.rollup = rollup_name
$function$;

-- step: function recount
create or replace function analytics_meta.recount(rollup_name text, everything boolean default false) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings all that is kept of an aggregate or a question up to date, in one transaction.
begin
    if everything then
        perform analytics_meta.mark_recount(rollup_name, '-infinity');
    end if;
    while analytics_meta.recount_some(rollup_name) loop
        null;
    end loop;
end
$function$;

-- step: function recount_due
create or replace function analytics_meta.recount_due(rollup_name text) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings one piece of it up to date when its time has come: buckets are over, something is marked, or a refresh policy
-- may have run since. Returns whether it did something: call it until it did nothing, a transaction each.
begin
    if exists (
        select from analytics_meta.kept() k
        join analytics_meta.aggregates a on a.rollup = k.rollup and a.active
        where k.rollup = rollup_name and (
            k.compared_at is null or k.compared_at + analytics_meta.span(a.refresh_every) <= clock_timestamp()
            or k.until <> least(
                analytics_meta.stored_until(k.rollup),
                analytics_meta.bucket_start(a.width, clock_timestamp(), a.time_zone)
            )
            or exists (select from analytics_meta.recounts r where r.rollup in (k.relation, k.rollup))
        )
    ) then
        perform analytics_meta.recount_some(rollup_name);
        return true;
    end if;
    return false;
end
$function$;

-- step: function forget_kept
create or replace function analytics_meta.forget_kept(relation_name text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Takes what is kept beside a relation of members away: until the next recount the views compute all.
declare
    schema_name text := (select i.events_schema from analytics_meta.installation i);
    each text;
begin
    for each in
        select unnest(array[c.counts, c.recent, c.recency]) from analytics_meta.counts c where c.members = relation_name
        union all
        select a.known from analytics_meta.answers a where a.rollup = relation_name and a.known is not null
        union all
        select p ->> 'table' from analytics_meta.answers a, jsonb_array_elements(a.parts) p where a.rollup = relation_name
    loop
        execute format('delete from %I.%I', schema_name, each);
    end loop;
    delete from analytics_meta.counted_buckets k where k.members = relation_name;
    update analytics_meta.counts c set until = '-infinity', counted_at = null where c.members = relation_name;
    update analytics_meta.answers a set until = '-infinity', compared_at = null where a.rollup = relation_name;
end
$function$;

-- step: function forget_counts
create or replace function analytics_meta.forget_counts(rollup_name text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Takes all that is kept of an aggregate or a question away: until the next recount the views compute all.
begin
    perform analytics_meta.forget_kept(k.relation) from analytics_meta.kept() k where k.rollup = rollup_name;
end
$function$;

-- step: function try_piece
create or replace function analytics_meta.try_piece(rollup_name text) returns boolean
language plpgsql
as $function$
-- The same as recount_due, but what goes wrong waits for the next time, with a warning.
begin
    return analytics_meta.recount_due(rollup_name);
exception when others then
    raise warning 'what is kept of % waits: %', rollup_name, sqlerrm using errcode = 'AD001';
    return false;
end
$function$;
