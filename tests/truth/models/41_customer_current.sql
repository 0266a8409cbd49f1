-- key customer_current: customer_id
create table customer_current (customer_id integer, name varchar, country varchar, orders_count integer);

insert into customer_current select customer_id, full_name, 'unknown', 0 from customers where customer_id % 2 = 0;

merge into customer_current as t
using (
    select customer_id, any_value(customer_name) as name, any_value(country) as country, sum(orders_count)::integer as orders_count
    from dim_customers
    group by customer_id
) as s
on t.customer_id = s.customer_id
when matched and s.country = 'ZZ' then delete
when matched then update set country = s.country, orders_count = t.orders_count + s.orders_count
when not matched then insert (customer_id, name, country) values (s.customer_id, s.name, s.country);
