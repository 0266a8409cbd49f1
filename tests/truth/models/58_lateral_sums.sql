-- key lateral_sums: order_id
create table lateral_sums as
select o.order_id, s.paid, s.payments_count, x.doubled
from orders o, (select sum(amount) as paid, count(*) as payments_count from payments p where p.order_id = o.order_id) s,
    lateral (select s.paid * 2 as doubled) x;

create table copies as
select o.order_id, g.n, upper(o.channel) as channel
from orders o, generate_series(1, case when o.is_gift then 3 else 1 end) as g(n)
where o.order_id % 10 = 0;
