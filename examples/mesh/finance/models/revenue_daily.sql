select
    revenue_date,
    count(*) as orders_count,
    sum(net_amount) as net_amount
from {{ ref('revenue') }}
group by revenue_date
