create table cubes as
select coalesce(country, '?') as country, tier, count(*) as n, sum(credit_limit) as credit
from customers
group by cube (1, tier)
having count(*) > 1;

-- key side_by_side: rank_no
create table side_by_side as
select a.rank_no, a.shipping_fee, b.amount
from (select row_number() over () as rank_no, shipping_fee from (select shipping_fee from orders order by all)) a
positional join (select amount from payments order by all limit 240) b;

create table distinct_channels as select distinct channel, currency from orders;

create table values_joined as
select t.label, count(c.customer_id) as n
from (values (0, 500, 'low'), (500, 3000, 'high')) t(low, high, label)
left join customers c on c.credit_limit >= t.low and c.credit_limit < t.high
group by t.label;
