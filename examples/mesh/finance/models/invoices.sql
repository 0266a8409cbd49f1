select
    'INV-' || recognised.order_id as invoice_number,
    recognised.order_id,
    customers.full_name as billed_to,
    customers.country,
    recognised.amount,
    recognised.order_date as invoice_date
from {{ ref('recognised_orders') }} as recognised
inner join {{ source('orders', 'customers') }} as customers
    on recognised.customer_id = customers.customer_id
