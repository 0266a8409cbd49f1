-- Never built: a test of what it reads fails.
select * from {{ ref('orders') }}
