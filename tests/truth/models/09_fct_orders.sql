-- key fct_orders: order_id
create table fct_orders as
with lines as (
    select
        order_id,
        count(*) as lines_count,
        count(distinct product_id) as products_count,
        sum(net_amount) as gross_amount,
        sum(discounted_amount) filter (where not is_below_list) as full_price_amount,
        arg_max(department, net_amount) as main_department
    from fct_order_lines
    group by 1
),
paid as (
    select order_id, sum(signed_amount) as paid_amount, max(paid_at) as last_paid_at,
        string_agg(distinct method, ',' order by method) as methods
    from fct_payments
    group by order_id
)
select
    o.order_id,
    o.customer_id,
    o.order_month,
    o.channel,
    o.status,
    lines.* exclude (order_id),
    coalesce(paid.paid_amount, 0) as paid_amount,
    paid.last_paid_at,
    paid.methods,
    case when coalesce(paid.paid_amount, 0) >= lines.gross_amount then 'settled' else 'open' end as settlement,
    e.shipping_fee_eur
from stg_orders o
left join lines on lines.order_id = o.order_id
left join paid on paid.order_id = o.order_id
left join orders_in_eur e on e.order_id = o.order_id;
