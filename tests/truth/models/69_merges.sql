-- key balances: customer_id
create table balances (customer_id integer, amount decimal(14, 2), note varchar);
insert into balances select customer_id, credit_limit, 'limit' from customers where customer_id <= 60;

merge into balances
using (select o.customer_id, sum(p.amount) as amount, max(p.method) as note from payments p join orders o using (order_id) where o.customer_id is not null group by all) as paid
using (customer_id)
when matched and paid.amount > 400 then update set amount = balances.amount - paid.amount, note = paid.note
when matched then update set note = 'small'
when not matched by target then insert by name
when not matched by source then update set note = 'silent';
