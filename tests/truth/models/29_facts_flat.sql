-- key facts_flat: customer_id
create view facts_flat as
select m.customer_id, m.facts.domain, m.facts.vip as is_vip, m.loud_tags[1] as first_loud_tag
from masked_contacts m;
