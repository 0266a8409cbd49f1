create view b as select *, k + 1 as n from c;
