-- key stg_orders: order_id
create table stg_orders as
from orders
select
    order_id,
    customer_id,
    ordered_at,
    ordered_at::date as order_date,
    date_trunc('month', ordered_at) as order_month,
    status,
    channel,
    currency,
    coalesce(discount_pct, 0) as discount_pct,
    coalesce(shipping_fee, 0) as shipping_fee,
    is_gift,
    payload ->> '$.coupon' as coupon,
    (payload -> 'utm' ->> 'source') as utm_source,
    json_extract_string(payload, '$.device') as device
where status <> 'draft' or status is null;
