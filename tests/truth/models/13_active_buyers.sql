-- key active_buyers: customer_id
create table active_buyers as
select customer_id, full_name, credit_limit
from customers
semi join orders using (customer_id)
where is_active;
