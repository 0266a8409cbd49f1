-- key stock_ledger: entry_id
create table stock_ledger (entry_id integer, product_id integer, delta integer, reason varchar);

insert into stock_ledger
select line_id * 2, product_id, -quantity, 'sale' from order_lines where line_id is not null and quantity is not null;

insert into stock_ledger (reason, delta, product_id, entry_id)
select 'return', returned_quantity, product_id, line_id * 2 + 1
from order_lines
where returned_quantity > 0 and line_id is not null;

insert into stock_ledger by name
select -product_id as entry_id, max(area) as delta, product_id
from dim_products
where product_id is not null
group by all;
