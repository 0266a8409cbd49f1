-- key stg_customers: customer_id
create view stg_customers as
select
    customer_id,
    trim(full_name) as customer_name,
    lower(email) as email,
    split_part(email, '@', 2) as email_domain,
    coalesce(country, 'ZZ') as country,
    tier,
    birth_date,
    is_active,
    referrer_id,
    credit_limit::decimal(14, 2) as credit_limit,
    tags
from customers
where customer_id is not null;
