-- key channel_long: order_month, measure
create table channel_long as
unpivot channel_pivot
on web_amount, app_amount, store_amount
into name measure value amount;
