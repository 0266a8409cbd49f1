-- key gift_orders: order_id
create table gift_orders as
with gifts as materialized (
    select o.order_id, struct_pack(code := o.payload ->> '$.coupon', fee := o.shipping_fee) as gift
    from orders o
    where is_gift
),
enriched as (
    from gifts g
    left join (from order_lines select order_id, sum(quantity) as items group by order_id) i on i.order_id = g.order_id
    select g.*, i.items
)
select e.order_id, e.gift.code as code, e.gift['fee'] as fee, e.items,
    e.items > (select avg(items) from enriched) as is_large
from enriched e
where e.order_id in (select order_id from payments where amount > 10);
