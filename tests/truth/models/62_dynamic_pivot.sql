-- key dynamic_pivot: customer_id
create table dynamic_pivot as
pivot (select customer_id, kind, event_id from events where customer_id is not null)
on kind in ('visit', 'cart', 'search')
using max(event_id) as latest, count(*) as n
order by customer_id;

create table pivot_in_cte as
with p as (
    pivot orders on channel in ('web', 'app') using sum(shipping_fee) group by currency
)
select currency, web, app, coalesce(web, 0) + coalesce(app, 0) as both_channels from p;
