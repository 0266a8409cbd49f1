select
    latest.order_id,
    latest.customer_id,
    statuses.status,
    latest.amount,
    latest.ordered_at
from {{ ref('latest_orders') }} as latest
inner join {{ ref('order_statuses') }} as statuses
    on latest.status_code = statuses.status_code
