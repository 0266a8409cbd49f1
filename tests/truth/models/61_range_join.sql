-- key range_join: event_id
create table range_join as
select e.event_id, e.kind, count(o.order_id) as orders_near,
    min(date_diff('hour', e.happened_at, o.ordered_at)) as hours_to_next,
    strftime(min(o.ordered_at), '%Y-%m') as month_of_next
from events e
left join orders o
    on o.customer_id = e.customer_id
    and o.ordered_at between e.happened_at and e.happened_at + interval 30 day
group by e.event_id, e.kind;
