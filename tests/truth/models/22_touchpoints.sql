create table touchpoints as
select customer_id, happened_at as moment, kind from events
union all by name
select kind: 'order', moment: ordered_at, customer_id, channel from orders
union all by name
select payment_id, paid_at as moment, method as kind from payments;
