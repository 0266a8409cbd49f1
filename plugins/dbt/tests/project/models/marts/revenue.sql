select customer_id, sum(amount) as revenue from {{ ref('paid_orders') }} group by customer_id
