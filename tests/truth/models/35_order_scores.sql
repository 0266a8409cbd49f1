-- key order_scores: order_id
create table order_scores as
select order_id, columns('(gross|paid)_amount'), gross_amount > 100 as is_big
from fct_orders;
