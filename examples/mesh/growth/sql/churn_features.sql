create or replace table growth.churn_features as
with ordering as (
    select
        customer_id,
        count(order_id) as orders_count,
        avg(case when status = 'cancelled' then 1.0 else 0.0 end) as cancelled_share,
        max(ordered_at) as last_ordered_at
    from orders.orders
    group by customer_id
),
spending as (
    select customer_id, sum(net_amount) as net_revenue
    from finance.revenue
    group by customer_id
)
select
    customers.customer_id,
    sha256(customers.email) as email_digest,
    ordering.orders_count,
    ordering.cancelled_share,
    date_diff('day', ordering.last_ordered_at, max(ordering.last_ordered_at) over ()) as days_since_last_order,
    spending.net_revenue
from orders.customers as customers
left join ordering on customers.customer_id = ordering.customer_id
left join spending on customers.customer_id = spending.customer_id
where customers.marketing_consent
