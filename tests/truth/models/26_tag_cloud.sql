-- key tag_cloud: tag
create view tag_cloud as
select tag, count(*) as n, list(customer_id order by customer_id) as members
from customer_tags, lateral (select len(tag) as size) s
where s.size > 2
group by tag;
