create table unions_of_stars as
with spring as (select * from orders where month(ordered_at) between 3 and 5),
autumn as (select * from orders where month(ordered_at) between 9 and 11)
select *, 'spring' as season from spring
union all
select *, 'autumn' from autumn;

create table season_fees as
select season, sum(shipping_fee) as fees, count(distinct customer_id) as buyers
from unions_of_stars
group by season;
