create table generated (line_id integer, gross decimal(12, 2), tax decimal(12, 2) generated always as (gross * 0.19));
insert into generated (line_id, gross) select line_id, quantity * unit_price from order_lines;

create table generated_sum as select sum(tax) as tax, count(*) as n from generated;
