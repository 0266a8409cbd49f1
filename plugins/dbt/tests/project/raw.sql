create schema raw;
create table raw.orders (order_id bigint, customer_id bigint, amount decimal(10, 2), "STATUS" varchar, loaded_at timestamp);
insert into raw.orders values
  (1, 1, 10.00, 'paid', timestamp '2026-01-05 04:00:00'),
  (2, 1, 20.00, 'open', timestamp '2026-01-05 04:00:00'),
  (3, null, 5.00, 'lost', timestamp '2026-01-05 04:00:00');
comment on table raw.orders is 'Orders as the web shop writes them';
comment on column raw.orders.amount is 'In euros';
