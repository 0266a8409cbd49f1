-- key revenue_growth: order_month, channel
create table revenue_growth as
select
    *,
    gross_amount - lag(gross_amount, 1, 0) over by_channel as growth,
    first_value(gross_amount) over by_channel as first_amount,
    sum(gross_amount) over (by_channel rows between 2 preceding and current row) as quarter_amount
from revenue_by_month
window by_channel as (partition by channel order by order_month);
