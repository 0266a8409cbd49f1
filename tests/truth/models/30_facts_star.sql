-- key facts_star: customer_id
create view facts_star as
select customer_id, facts.*, unnest(facts)
from masked_contacts;
