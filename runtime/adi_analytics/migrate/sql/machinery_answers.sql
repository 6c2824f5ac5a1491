-- step: table answers
create table if not exists analytics_meta.answers (
    rollup text not null
        constraint answers_pkey primary key,
    known text,
    known_rows text,
    columns text[] not null,
    merges text[] not null,
    parts jsonb not null,
    until timestamptz not null default '-infinity',
    compared_at timestamptz
);

-- step: function digests_of_answers
create or replace function analytics_meta.digests_of_answers(
    rollup_name text, from_time timestamptz, to_time timestamptz, out bucket timestamptz, out digest text
) returns setof record
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $function$
-- What answers about people depend on, in short: how many rows a bucket has, and which.
declare
    bucket_column text;
begin
    select a.bucket_column into strict bucket_column from analytics_meta.aggregates a where a.rollup = rollup_name;
    return query execute format(
        'select %3$I, concat_ws('' '', count(*), bit_xor(hash_record_extended(t, 0)))
         from %1$I.%2$I t where %3$I >= $1 and %3$I < $2 group by 1',
        (select i.events_schema from analytics_meta.installation i), rollup_name, bucket_column
    ) using from_time, to_time;
end
$function$;

-- step: function remember
create or replace function analytics_meta.remember(
    rollup_name text, changed tstzmultirange, until_time timestamptz
) returns tstzmultirange
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Brings what is known of members up to date, when these buckets changed: by min and max where that is enough. Where a
-- member's first or last time lay in a changed bucket and is not there any more, all its buckets are looked at.
-- Returns the buckets of first times that came or went.
declare
    target analytics_meta.answers;
    bucket_width interval;
    zone text;
    place text;
    rows_of text;
    in_changed text;
    unsettled text;
    merged text;
    moves text;
    all_null text;
    moved tstzmultirange;
    more tstzmultirange;
    open_ends bigint;
    nested_loops text := current_setting('enable_nestloop');
begin
    select * into strict target from analytics_meta.answers t where t.rollup = rollup_name;
    if target.known is null then
        return '{}';
    end if;
    select a.width, a.time_zone into strict bucket_width, zone from analytics_meta.aggregates a where a.rollup = rollup_name;
    select format('%I.%I', i.events_schema, target.known), format('%I.%I', i.events_schema, target.known_rows)
    into strict place, rows_of from analytics_meta.installation i;
    select
        string_agg(format('k.%1$s >= lower($1) and k.%1$s < upper($1) and k.%1$s <@ $1', c), ' or '),
        string_agg(format(
            'coalesce(k.%1$s <@ $1 and (n.%1$s is null or n.%1$s %2$s k.%1$s), false)',
            c, case m when 'min' then '>' else '<' end
        ), ' or '),
        string_agg(format(
            'case when k.%1$s <@ $1 then n.%1$s else %2$s(k.%1$s, n.%1$s) end as %1$s', c,
            case m when 'min' then 'least' else 'greatest' end
        ), ', '),
        string_agg(format(
            'case when unsettled or old_%1$s is distinct from %1$s then old_%1$s end, '
            'case when old_%1$s is distinct from %1$s then %1$s end', c
        ), ', ') filter (where m = 'min'),
        string_agg(format('k.%s is null', c), ' and ')
    into in_changed, unsettled, merged, moves, all_null
    from unnest(target.columns, target.merges) t (c, m);
    -- The planner takes members for few, and would look each up in the index.
    perform set_config('enable_nestloop', 'off', true);
    execute format(
        'with now as materialized (
             select n.member, %3$s
             from unnest($1) r cross join lateral %2$s(lower(r), upper(r)) n group by n.member
         ), touched as (
             select n.member from now n union select k.member from %1$s k where %4$s
         ), judged as materialized (
             select t.member, k.ctid as place, %5$s as unsettled, %6$s, %7$s
             from touched t left join now n on n.member = t.member left join %1$s k on k.member = t.member
         ), changes as (
             select * from judged j where unsettled or (%8$s)
         ), moved as (
             update %1$s k set %9$s from changes c where k.ctid = c.place
         ), made as (
             insert into %1$s select member, %11$s from changes c where c.place is null
         )
         select (select count(*) from changes c where c.unsettled),
                range_agg(tstzrange(b.at, analytics_meta.next_bucket($2, b.at, $3)))
         from (
             select distinct analytics_meta.bucket_start($2, u.at, $3)
             from changes c cross join lateral unnest(array[%10$s]) u (at) where u.at is not null
         ) b (at)',
        place, rows_of,
        (select string_agg(format('%2$s(n.%1$s) as %1$s', c, m), ', ') from unnest(target.columns, target.merges) t (c, m)),
        in_changed, unsettled,
        (select string_agg(format('k.%1$s as old_%1$s', c), ', ') from unnest(target.columns) c),
        merged,
        (select string_agg(format('old_%1$s is distinct from %1$s', c), ' or ') from unnest(target.columns) c),
        (select string_agg(format('%1$s = case when not c.unsettled then c.%1$s end', c), ', ') from unnest(target.columns) c),
        moves, array_to_string(target.columns, ', ')
    ) into open_ends, moved using changed, bucket_width, zone;
    perform set_config('enable_nestloop', nested_loops, true);
    if open_ends > 0 then
        execute format(
            'with again as materialized (
                 select n.* from %2$s(''-infinity'', $1) n
                 where exists (select from %1$s k where k.member = n.member and %3$s)
             ), settled as (
                 update %1$s k set %4$s from again n where n.member = k.member and %3$s
             )
             select range_agg(tstzrange(b.at, analytics_meta.next_bucket($2, b.at, $3)))
             from (
                 select distinct analytics_meta.bucket_start($2, u.at, $3)
                 from again n cross join lateral unnest(array[%5$s]) u (at) where u.at is not null
             ) b (at)',
            place, rows_of, all_null,
            (select string_agg(format('%1$s = n.%1$s', c), ', ') from unnest(target.columns) c),
            (select string_agg(format('n.%s', c), ', ') from unnest(target.columns, target.merges) t (c, m) where m = 'min')
        ) into more using until_time, bucket_width, zone;
        execute format('delete from %s k where %s', place, all_null);
    end if;
    return coalesce(moved, '{}') + coalesce(more, '{}');
end
$function$;

-- step: function answer
create or replace function analytics_meta.answer(rollup_name text, part jsonb, run tstzrange) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_nestloop = off
as $function$
-- Computes the kept answers of a run of buckets.
declare
    schema_name text := (select i.events_schema from analytics_meta.installation i);
begin
    execute format('delete from %I.%I where bucket >= $1 and bucket < $2', schema_name, part ->> 'table')
    using lower(run), upper(run);
    execute format(
        'insert into %1$I.%2$I select * from %1$I.%3$I($1, $2)', schema_name, part ->> 'table', part ->> 'function'
    ) using lower(run), upper(run);
end
$function$;

-- step: function answer_again
create or replace function analytics_meta.answer_again(
    rollup_name text, changed tstzmultirange, until_time timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Computes again what depends on changed buckets, as far as it is kept.
declare
    parts jsonb := (select t.parts from analytics_meta.answers t where t.rollup = rollup_name);
    part jsonb;
    run tstzrange;
begin
    changed := changed + analytics_meta.remember(rollup_name, changed, until_time);
    for part in select jsonb_array_elements(parts) loop
        for run in
            select unnest(range_agg(tstzrange(
                lower(c) - make_interval(secs => (part -> 'before')::double precision),
                upper(c) + make_interval(secs => (part -> 'after')::double precision)
            )) * tstzmultirange(tstzrange(
                '-infinity', until_time - make_interval(secs => (part -> 'before')::double precision)
            )))
            from unnest(changed) c
        loop
            perform analytics_meta.answer(rollup_name, part, run);
        end loop;
    end loop;
end
$function$;

-- step: function answer_on
create or replace function analytics_meta.answer_on(
    rollup_name text, from_time timestamptz, to_time timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
-- Computes the answers that can be kept when these buckets, which come after all that are kept, are over.
declare
    parts jsonb := (select t.parts from analytics_meta.answers t where t.rollup = rollup_name);
    part jsonb;
begin
    perform analytics_meta.remember(rollup_name, tstzmultirange(tstzrange(from_time, to_time)), to_time);
    for part in select jsonb_array_elements(parts) loop
        perform analytics_meta.answer(rollup_name, part, tstzrange(
            from_time - make_interval(secs => (part -> 'before')::double precision),
            to_time - make_interval(secs => (part -> 'before')::double precision)
        ));
    end loop;
end
$function$;
