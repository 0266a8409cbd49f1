-- key referral_chain: customer_id
create table referral_chain as
with recursive chain(customer_id, origin_id, hops) as (
    select customer_id, customer_id, 0 from customers where referrer_id is null and customer_id is not null
    union
    select c.customer_id, chain.origin_id, chain.hops + 1
    from customers c, chain
    where c.referrer_id = chain.customer_id and chain.hops < 5 and c.customer_id is not null
)
select customer_id, min(origin_id) as origin_id, max(hops) as hops
from chain
group by customer_id;
