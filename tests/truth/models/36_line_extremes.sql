create table line_extremes as
select max(columns(* exclude (line_id, returned_quantity))), count(*) as n, 'all' as scope
from order_lines;
