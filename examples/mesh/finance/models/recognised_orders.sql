{{ config(materialized='view') }}

-- This filter decides what revenue is: cancelled orders earn nothing.
select
    order_id,
    customer_id,
    amount,
    cast(ordered_at as date) as order_date
from {{ source('orders', 'orders') }}
where status <> 'cancelled'
