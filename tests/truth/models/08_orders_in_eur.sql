-- key orders_in_eur: order_id
create table orders_in_eur as
select o.order_id, o.order_date, o.currency, r.rate, o.shipping_fee * r.rate as shipping_fee_eur
from stg_orders o
asof left join exchange_rates r
    on o.currency = r.currency and o.order_date >= r.valid_from;
