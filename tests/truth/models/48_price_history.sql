-- key price_history: product_id, order_month
create table price_history as
select distinct
    l.product_id,
    o.order_month,
    avg(l.unit_price) over (partition by l.product_id order by o.order_month range between interval 2 months preceding and current row)::decimal(12, 4) as avg_price,
    max(l.unit_price) over (partition by l.product_id, o.order_month) as max_price,
    nth_value(l.unit_price, 1) over (partition by l.product_id order by o.ordered_at, l.line_id
        rows between unbounded preceding and unbounded following) as first_price
from order_lines l
join stg_orders o using (order_id);
