create table tag_pairs as
select a.tag as left_tag, b.tag as right_tag, count(*) as together
from customer_tags a, customer_tags b
where a.customer_id = b.customer_id and a.tag < b.tag
group by a.tag, b.tag;
