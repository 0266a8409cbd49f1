-- key order_lookups: order_id
create table order_lookups as
select
    o.order_id,
    (select p.method from payments p where p.order_id = o.order_id order by p.paid_at desc nulls last, p.payment_id limit 1) as last_method,
    array(select l.product_id from order_lines l where l.order_id = o.order_id order by l.line_id) as product_ids,
    (o.customer_id, o.channel) in (select (customer_id, first_channel) from customer_first_order) as is_home_channel,
    o.shipping_fee = any (select amount from payments) as fee_was_paid
from orders o;
