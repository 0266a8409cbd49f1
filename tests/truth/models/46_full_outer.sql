-- key payment_check: order_id
create table payment_check as
select
    order_id,
    o.status,
    p.total,
    coalesce(o.status, 'missing') || ':' || coalesce(p.total::varchar, 'none') as verdict
from (select order_id, status from orders) o
full join (select order_id, sum(amount) as total from payments where not is_refund group by order_id) p using (order_id);
