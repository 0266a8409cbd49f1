-- key fct_order_lines: line_id
create table fct_order_lines as
select
    l.line_id,
    o.order_id,
    o.customer_id,
    o.order_date,
    p.product_id,
    p.root_label as department,
    l.kept_quantity,
    l.net_amount,
    round(l.net_amount * (1 - o.discount_pct / 100), 2) as discounted_amount,
    l.unit_price < p.list_price as is_below_list
from stg_order_lines l
inner join stg_orders o on o.order_id = l.order_id
left join dim_products p on p.product_id = l.product_id;
