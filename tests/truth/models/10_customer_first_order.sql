-- key customer_first_order: customer_id
create table customer_first_order as
select distinct on (customer_id)
    customer_id, order_id as first_order_id, ordered_at as first_ordered_at, channel as first_channel
from stg_orders
order by customer_id, ordered_at, order_id;
