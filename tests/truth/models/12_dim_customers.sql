-- key dim_customers: customer_id
create table dim_customers as
select
    c.customer_id,
    c.customer_name,
    md5(c.email) as email_hash,
    c.email_domain,
    c.country,
    c.tier,
    r.customer_name as referrer_name,
    f.first_channel,
    f.first_ordered_at,
    e.kind as last_event_kind,
    (select count(*) from stg_orders o where o.customer_id = c.customer_id) as orders_count,
    (select max(t) from unnest(c.tags) as u(t)) as top_tag,
    exists (select 1 from payments p join orders o using (order_id)
            where o.customer_id = c.customer_id and p.is_refund) as has_refund
from stg_customers c
left join stg_customers r on c.referrer_id = r.customer_id
left join customer_first_order f on f.customer_id = c.customer_id
left join customer_latest_event e on e.customer_id = c.customer_id;
