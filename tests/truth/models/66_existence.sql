-- key existence: customer_id
create table existence as
select customer_id, tier
from customers c
where exists (select 1 from orders o where o.customer_id = c.customer_id and o.status = 'paid')
  and not exists (from events e where e.customer_id = c.customer_id and e.kind = 'share')
  and c.credit_limit >= any (select amount from payments where method = 'cash');
