-- key status_pivot: country
create table status_pivot as
pivot (
    select c.country, o.status, o.order_id
    from stg_orders o join stg_customers c using (customer_id)
)
on status in ('paid', 'shipped', 'cancelled')
using count(order_id)
group by country;
