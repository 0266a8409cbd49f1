create table loyal_gold as
(select customer_id from customers where tier = 'gold')
intersect
(select customer_id from stg_orders group by customer_id having count(*) >= 3);
