create macro clamp(value, low, high) as least(greatest(value, low), high);
create macro orders_of(wanted) as table
    select order_id, customer_id, channel from orders where channel = wanted;

-- key web_orders: order_id
create table web_orders as
select w.order_id, w.customer_id, clamp(o.discount_pct, 0, 10) as discount_pct
from orders_of('web') as w
join orders o on o.order_id = w.order_id;
