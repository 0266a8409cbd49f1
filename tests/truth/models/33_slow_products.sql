-- key slow_products: product_id
create table slow_products as
select product_id, title
from products
where product_id not in (select product_id from fct_order_lines where kept_quantity > 1 and product_id is not null)
   or list_price > all (select unit_price * 3 from order_lines where unit_price is not null);
