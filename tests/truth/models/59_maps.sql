-- key maps: customer_id
create table maps as
select
    customer_id,
    map(list(kind order by event_id), list(happened_at order by event_id))['cart'] as a_cart,
    map_from_entries(list((kind, event_id) order by event_id)) as kinds,
    list_sum(list(length(kind))) as letters,
    list_distinct(list_sort(array_agg(properties ->> 'page'))) as pages
from (select * from events where kind is not null and customer_id is not null and event_id is not null qualify row_number() over (partition by customer_id, kind order by event_id) = 1)
group by customer_id;
