-- key shadowed: id
create table shadowed as
with orders as (
    select customer_id as id, count(*) as n from orders group by customer_id
),
customers as (
    select id, n from orders where n > 1
)
select id, n, (with orders as (select max(amount) as n from payments) select n from orders) as best
from customers;
