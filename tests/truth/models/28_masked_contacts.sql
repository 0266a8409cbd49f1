-- key masked_contacts: customer_id
create table masked_contacts as
select
    customer_id,
    list_transform(string_split(full_name, ' '), lambda x: x[1] || '***') as masked_name,
    [t || '!' for t in tags if len(t) > 3] as loud_tags,
    list_reduce(list_prepend(0, list_transform(tags, lambda t: len(t))), lambda a, b: a + b) as letters,
    {'domain': split_part(email, '@', 2), 'vip': tier = 'gold'} as facts
from customers;
