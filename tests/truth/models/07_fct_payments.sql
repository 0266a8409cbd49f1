-- key fct_payments: payment_id
create table fct_payments as
select
    payment_id,
    order_id,
    paid_at,
    method,
    if(is_refund, -amount, amount) as signed_amount,
    sum(if(is_refund, -amount, amount)) over (
        partition by order_id order by paid_at, payment_id
        rows between unbounded preceding and current row
    ) as running_paid,
    lag(paid_at) over w as previous_paid_at,
    row_number() over w as payment_number
from payments
window w as (partition by order_id order by paid_at, payment_id);
