-- key revenue_by_month: order_month, channel
create table revenue_by_month as
select
    order_month,
    channel,
    count(*) as orders_count,
    sum(gross_amount) as gross_amount,
    median(gross_amount) as median_amount,
    bool_or(settlement = 'open') as has_open,
from fct_orders
where status in ('paid', 'shipped')
group by all
having count(*) > 1
order by all;
