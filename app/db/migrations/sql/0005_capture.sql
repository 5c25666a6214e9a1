-- What the triggers that capture changes keep. The triggers are in functions/ and in app/capture/triggers.py.

-- When the workers were last rung, in ms: see functions/tellgraph_ring.sql. Unlogged, since it need not last.
create unlogged sequence doorbell minvalue 0 start 0;

-- Until when somebody watches webhook events change, in seconds: see functions/note_webhook_activity.sql.
create unlogged sequence webhook_activity_watched minvalue 0 start 0;

-- Whose the invoices were that the present transaction has deleted: see functions/remember_deleted_invoice.sql.
-- Unlogged, since no row of it outlives its transaction.
create unlogged table deleted_invoices (
  id bigint primary key,
  seller_id bigint not null
);
