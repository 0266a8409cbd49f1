select order_id, customer_id, amount, status, loaded_at as ordered_at
from {{ source('raw', 'orders') }}
