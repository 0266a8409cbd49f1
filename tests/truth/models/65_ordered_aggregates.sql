-- key ordered_aggregates: customer_id
create table ordered_aggregates as
select
    customer_id,
    first(channel order by ordered_at, order_id) as first_channel,
    array_agg(status order by ordered_at desc, order_id)[1] as last_status,
    max(shipping_fee, 2) as top_fees,
    arg_min(order_id, shipping_fee) filter (where shipping_fee > 1) as cheapest,
    count_if(is_gift) as gifts,
    quantile_cont(discount_pct, 0.5)::decimal(10, 4) as median_discount,
    mode(currency order by currency) as usual_currency,
    percentile_disc(0.9) within group (order by shipping_fee) as high_fee
from orders
where customer_id is not null
group by customer_id;
