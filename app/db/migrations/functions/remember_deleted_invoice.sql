-- Keeps until the end of the transaction whose a deleted invoice was. Shipments and refund requests find their seller
-- through it, and it may be deleted before them, or by the same statement: then their own triggers come too late.
create or replace function remember_deleted_invoice() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into deleted_invoices (id, seller_id) values (old.id, old.seller_id) on conflict do nothing;
  return old;
end $$;
create or replace trigger capture_seller before delete on invoices for each row
  execute function remember_deleted_invoice();
alter table invoices enable always trigger capture_seller;
-- No row of it is ever committed: what a transaction has kept, it clears away itself, last of all. It goes by
-- the index: a session that has deleted single invoices would otherwise read the whole table for each of thousands that
-- it deletes at once.
create or replace function forget_deleted_invoice() returns trigger
language plpgsql security definer set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  delete from deleted_invoices where id = new.id;
  return null;
end $$;
drop trigger if exists forget on deleted_invoices;
create constraint trigger forget after insert on deleted_invoices deferrable initially deferred for each row
  execute function forget_deleted_invoice();
alter table deleted_invoices enable always trigger forget;
