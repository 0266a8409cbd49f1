select
    order_id,
    sum(amount) as refunded_amount
from {{ source('orders', 'order_events') }}
where kind = 'refunded'
group by order_id
