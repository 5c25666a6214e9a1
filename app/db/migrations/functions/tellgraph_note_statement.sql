-- Notes for the rest of the transaction that it runs SQL statements on captured tables, in the role `replica`: then their
-- statement triggers record what changes, and the row triggers leave it to them. Where logical replication applies
-- rows, no statement trigger fires and nothing is noted. Not of statements that a trigger runs: within a trigger, all are.
create or replace function tellgraph_note_statement() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if pg_trigger_depth() = 1 then perform set_config('tellgraph.runs_statements', 'yes', true); end if;
  return null;
end $$;
