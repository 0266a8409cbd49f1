-- key method_chains: customer_id
create table method_chains as
select
    customer_id,
    full_name.trim().upper() as shouted,
    c.email.string_split('@').list_transform(lambda part: part || tier)[2] as domain_of_tier,
    product(credit_limit) filter (credit_limit < 100) over (partition by country) as odd_product
from customers c
where full_name glob '*a*';

create table fees_by_channel as
select * from (select channel, currency, shipping_fee, order_id from orders)
pivot (sum(shipping_fee) for channel in ('web', 'store') group by currency);
