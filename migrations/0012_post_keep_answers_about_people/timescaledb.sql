-- 0012_post_keep_answers_about_people: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: post
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: 581af3e1e47925866492f789945b64bdbd5913714abe025471d772a98f19ae82
-- why: drop function recount_members of analytics_meta, which nothing calls any more
-- why: drop function keep_recent of analytics_meta, which nothing calls any more
-- why: drop function try_recount of analytics_meta, which nothing calls any more
-- locks: none

-- drop function recount_members
drop function if exists analytics_meta."recount_members";

-- drop function keep_recent
drop function if exists analytics_meta."keep_recent";

-- drop function try_recount
drop function if exists analytics_meta."try_recount";
