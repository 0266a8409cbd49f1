create table contact_list as
select customer_id, email as contact, 'customer' as origin from stg_customers where tier = 'gold'
union all
select customer_id, full_name, 'lapsed' from lapsed_customers
union
select referrer_id, upper(email), 'referrer' from customers where referrer_id is not null;
