-- key customer_latest_event: customer_id
create view customer_latest_event as
select customer_id, event_id, kind, happened_at, properties ->> 'page' as page
from events
where customer_id is not null
qualify row_number() over (partition by customer_id order by happened_at desc, event_id desc) = 1;
