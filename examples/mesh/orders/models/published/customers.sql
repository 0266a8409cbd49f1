select
    customers.customer_id,
    customers.full_name,
    customers.email,
    customers.country,
    customers.marketing_consent,
    min(orders.ordered_at) as first_ordered_at
from {{ ref('stg_customers') }} as customers
left join {{ ref('orders') }} as orders
    on customers.customer_id = orders.customer_id
group by all
