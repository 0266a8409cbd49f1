-- key stg_order_lines: line_id
create table stg_order_lines as
select
    l.*,
    l.quantity - coalesce(l.returned_quantity, 0) as kept_quantity,
    kept_quantity * l.unit_price as net_amount,
from order_lines as l
where l.quantity > 0;
