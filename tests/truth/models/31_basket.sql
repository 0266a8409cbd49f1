-- key basket: order_id
create table basket as
with numbered as (
    select *, dense_rank() over (partition by order_id order by net_amount desc, line_id) as place
    from fct_order_lines
)
select
    order_id,
    any_value(case when place = 1 then product_id end) as top_product_id,
    max(discounted_amount) filter (where place = 1) as top_amount,
    list(department order by place) as departments,
    min_by(line_id, place) as top_line_id,
    max(net_amount order by place) as biggest_amount
from numbered
group by order_id;
