-- key lapsed_customers: customer_id
create table lapsed_customers as
select c.customer_id, c.full_name, c.tier
from customers c
anti join stg_orders o on o.customer_id = c.customer_id and o.order_date >= date '2025-07-01';
