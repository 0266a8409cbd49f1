create table alias_games as
select
    product_id as item,
    quantity * unit_price as total,
    sum(quantity * unit_price) as turnover,
    case when count(*) > 2 then 'many' else 'few' end as bucket
from order_lines
where total > 50
group by item, total
having turnover > 60
order by item, total;
