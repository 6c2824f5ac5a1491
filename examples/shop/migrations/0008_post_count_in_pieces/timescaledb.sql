-- 0008_post_count_in_pieces: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: post
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: 616c13ab50a81a56ee262c7423ec2bdf685ef6fd6257cef59a5a3d55db61b6f4
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
