-- key product_stats: product_id
create table product_stats as
select
    p.product_id,
    p.title,
    s.sold,
    s.revenue,
    s.revenue / nullif(sum(s.revenue) over (partition by p.root_label), 0) > 0.2 as is_leader,
    percent_rank() over (order by p.list_price) as price_rank,
    ntile(4) over (partition by p.price_band order by s.revenue nulls last, p.product_id) as quartile,
    (select avg(q.list_price)::decimal(12, 4) from products q where q.category_id = p.category_id) as category_price
from dim_products p
left join lateral (
    select sum(kept_quantity) as sold, sum(net_amount) as revenue
    from fct_order_lines l
    where l.product_id = p.product_id
) s on true;
