-- key department_share: department
create table department_share as
select
    coalesce(department, 'none') as department,
    sum(net_amount) as net_amount,
    round(100 * sum(net_amount) / sum(sum(net_amount)) over (), 4) as share,
    rank() over (order by sum(net_amount) desc) as place,
    sum(count(*)) over (order by coalesce(department, 'none') rows between unbounded preceding and 1 preceding) as lines_before
from fct_order_lines
group by 1
order by place;
