create view raw_orders as select * from orders;
create view raw_lines as from order_lines;
create table order_items as select o.*, l.* exclude (order_id) from raw_orders as o join raw_lines as l using (order_id);
create table gift_items as select * rename (unit_price as price) from order_items where is_gift;
