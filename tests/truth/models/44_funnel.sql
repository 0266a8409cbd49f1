create table funnel as
select
    count(distinct customer_id) filter (where kind = 'visit') as visitors,
    count(distinct customer_id) filter (where kind = 'cart') as carts,
    (select count(*) from customer_first_order) as buyers,
    (select count(*) from active_buyers) as active_count
from events;
