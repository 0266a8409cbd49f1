-- key columns_expressions: order_id
create table columns_expressions as
select
    order_id,
    columns(lambda c: c like '%amount')::varchar,
    coalesce(*columns('(full_price|paid)_amount')) as any_amount,
    columns(['lines_count', 'products_count']) + 1
from fct_orders;

create table amounts_like as select * like '%_amount' from fct_orders;
