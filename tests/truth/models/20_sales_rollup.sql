create table sales_rollup as
select
    c.country,
    l.department,
    grouping(c.country, l.department) as level,
    sum(l.net_amount) as net_amount,
    count(distinct l.customer_id) as customers_count
from fct_order_lines l
left join dim_customers c on c.customer_id = l.customer_id
group by grouping sets ((c.country, l.department), (c.country), ());
