select
    id as event_id,
    order_id,
    kind,
    cast(amount_cents / 100.0 as decimal(12, 2)) as amount,
    happened_at
from {{ source('shop', 'order_events') }}
