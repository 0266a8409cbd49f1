select
    recognised.order_id,
    recognised.customer_id,
    recognised.order_date as revenue_date,
    recognised.amount as gross_amount,
    cast(recognised.amount - coalesce(refunds.refunded_amount, 0) as decimal(12, 2)) as net_amount
from {{ ref('recognised_orders') }} as recognised
left join {{ ref('refunds') }} as refunds
    on recognised.order_id = refunds.order_id
