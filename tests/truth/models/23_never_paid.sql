-- key never_paid: order_id
create table never_paid as
select order_id, channel from orders
except
select p.order_id, o.channel from payments p, orders o where p.order_id = o.order_id and not p.is_refund;
