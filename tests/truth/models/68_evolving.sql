create table evolving as select product_id, title, list_price from products;
alter table evolving add column with_tax decimal(12, 2);
update evolving set with_tax = list_price * 1.19;
alter table evolving rename column title to name;
alter table evolving drop column list_price;
create table evolved as select * from evolving where name is not null;

create table swap_new as select category_id, count(*) as n from products group by category_id;
create table swap_old as select 0 as category_id, 0 as n;
drop table swap_old;
alter table swap_new rename to swap_old;
create table after_swap as select n, count(*) as categories from swap_old group by n;
