create table a as select * from b where n > 0;
