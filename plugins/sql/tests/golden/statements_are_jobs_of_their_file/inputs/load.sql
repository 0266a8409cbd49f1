create table totals as
select o.customer, sum(o.amount) as amount
from orders o join customers c on o.customer = c.id
where c.active
group by o.customer;

update totals set amount = amount * 2;
