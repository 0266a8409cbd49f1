-- key channel_pivot: order_month
create table channel_pivot as
select * from (
    select order_month, channel, gross_amount from fct_orders
)
pivot (
    sum(gross_amount) as amount, count(*) as orders
    for channel in ('web', 'app', 'store')
);
