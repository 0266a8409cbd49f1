select
    id as customer_id,
    full_name,
    lower(email) as email,
    country,
    marketing_consent
from {{ source('shop', 'customers') }}
