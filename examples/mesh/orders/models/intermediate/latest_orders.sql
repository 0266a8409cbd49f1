select order_id, customer_id, status_code, amount, ordered_at
from {{ ref('stg_orders') }}
qualify row_number() over (partition by order_id order by loaded_at desc) = 1
