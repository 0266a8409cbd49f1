-- key customer_value: customer_id
create temp table spend as
select customer_id, sum(gross_amount) as spent, max(order_month) as last_month
from fct_orders
group by customer_id;

create temp table tiers as
select customer_id, spent, last_month, case when spent > 500 then 'A' when spent > 200 then 'B' else 'C' end as class
from spend;

create table customer_value as
select c.customer_id, c.customer_name, t.spent, t.class, c.credit_limit - coalesce(t.spent, 0) as headroom
from stg_customers c
left join tiers t using (customer_id);

drop table spend;
drop table tiers;
