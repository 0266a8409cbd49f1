-- key customer_tags: customer_id, tag
create table customer_tags as
select customer_id, unnest(tags) as tag, len(tags) as tags_count
from customers
where is_active is not false;
