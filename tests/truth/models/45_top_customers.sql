-- key top_customers: customer_id
create table top_customers as
select v.customer_id, v.customer_name, v.spent, d.country, rank() over (order by v.spent desc nulls last, v.customer_id) as place
from customer_value v
natural join (select customer_id, country from dim_customers) d
where v.class in ('A', 'B')
order by v.spent desc nulls last, v.customer_id
limit 25;
