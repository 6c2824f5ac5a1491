-- 0006_pre_count_in_pieces_tables: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: 616c13ab50a81a56ee262c7423ec2bdf685ef6fd6257cef59a5a3d55db61b6f4
-- why: add columns to the tables of analytics_meta
-- locks: ACCESS EXCLUSIVE on tables of analytics_meta, for milliseconds

-- column aggregates
alter table analytics_meta.aggregates add column if not exists time_zone text;
