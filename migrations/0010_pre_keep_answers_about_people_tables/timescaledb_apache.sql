-- 0010_pre_keep_answers_about_people_tables: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied
-- phase: pre
-- transaction: on
-- lock-timeout: 5s
-- destructive: no
-- catalog: 581af3e1e47925866492f789945b64bdbd5913714abe025471d772a98f19ae82
-- why: add columns to the tables of analytics_meta
-- locks: ACCESS EXCLUSIVE on tables of analytics_meta, for milliseconds

-- column aggregates
alter table analytics_meta.aggregates add column if not exists time_zone text;
