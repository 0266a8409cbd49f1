select
    id as order_id,
    customer_id,
    status_code,
    cast(amount_cents / 100.0 as decimal(12, 2)) as amount,
    ordered_at,
    loaded_at
from {{ source('shop', 'orders') }}
