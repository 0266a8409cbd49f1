select 1 from {{ ref('revenue') }} join {{ ref('countries') }} on false
