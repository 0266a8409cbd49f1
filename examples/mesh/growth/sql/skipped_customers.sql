create or replace table growth.skipped_customers as
select customer_id, country
from orders.customers
where not marketing_consent
