insert into b select * from a;
