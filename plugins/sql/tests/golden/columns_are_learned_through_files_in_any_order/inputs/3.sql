create table c (k int);
alter table c add column v int;
