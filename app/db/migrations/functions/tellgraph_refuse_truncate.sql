-- Not dropped before: the captured tables' triggers call it.
create or replace function tellgraph_refuse_truncate() returns trigger language plpgsql as $$
begin
  raise exception 'TRUNCATE of % would go unrecorded: webhooks would never hear of it. Use DELETE.', tg_table_name
    using errcode = 'feature_not_supported';
end $$;
