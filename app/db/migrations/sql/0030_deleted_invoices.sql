-- Whose the invoices were that the present transaction has deleted: see functions/remember_deleted_invoice.sql. Unlogged,
-- since no row of it outlives its transaction.
create unlogged table deleted_invoices (
  id bigint primary key,
  seller_id bigint not null
);
