-- key channels: code
create table channels as
select v.code, v.label, n.orders_count
from (values ('web', 'Website'), ('app', 'Mobile app'), ('store', 'Shop')) as v(code, label)
left join (select channel, count(*) from orders where not is_gift group by channel) as n(channel, orders_count)
    on n.channel = v.code;
