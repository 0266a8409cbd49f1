-- key product_prices: product_id
create table product_prices (product_id integer primary key, price decimal(10, 2), source varchar, changed bool default false);

insert into product_prices (product_id, price, source)
select distinct on (product_id) product_id, list_price, sku from products where product_id is not null order by product_id, list_price;

insert into product_prices (product_id, price, source)
select product_id, max(unit_price), 'sales' from order_lines where product_id is not null group by product_id
on conflict (product_id) do update set price = greatest(product_prices.price, excluded.price), changed = true;
