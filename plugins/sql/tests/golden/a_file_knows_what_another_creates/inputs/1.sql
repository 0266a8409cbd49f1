create table a (id int, name text);
