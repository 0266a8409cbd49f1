-- key paging: order_id
create table paging as
select order_id, shipping_fee, row_number() over (order by shipping_fee desc nulls last, order_id) as place
from orders
where channel is not null
qualify place <= 40 and shipping_fee > avg(shipping_fee) over (partition by channel)
order by place
limit 20 offset 2;
