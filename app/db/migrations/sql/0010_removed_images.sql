-- An image that its advert no longer has, but that was sold with: it stays as the line item's own.

alter table images
  drop constraint images_owner_type_check,
  add constraint images_owner_type_check
    check (owner_type in ('Advert', 'Variant', 'Brand', 'Seller', 'RefundRequestNote', 'LineItem'));
-- Which lines show an image that is to be removed.
create index line_items_image on line_items (image_id) where image_id is not null;
