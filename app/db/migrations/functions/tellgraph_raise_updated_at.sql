-- Sets updated_at of a row that somebody changes without setting it: app/capture/triggers.py makes the triggers.
create or replace function tellgraph_raise_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end $$;
