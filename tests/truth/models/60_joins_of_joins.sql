-- key joins_of_joins: order_id, payment_id
create table joins_of_joins as
select x.order_id, x.payment_id, x.amount, c.full_name, x.channel
from (orders join payments using (order_id)) as x
natural left join (select customer_id, full_name from customers) as c;

-- key right_side: payment_id
create table right_side as
select order_id, payment_id, status
from (select order_id, status from orders where status = 'paid')
right join payments using (order_id);

create table three_way as
select order_id, count(*) as n, max(amount) as most, min(line_id) as first_line
from orders join payments using (order_id) join order_lines using (order_id)
group by order_id;
