create or replace table growth.churn_scores as
select
    customer_id,
    least(1.0, 0.5 * cancelled_share + days_since_last_order / 90.0) as churn_score,
    coalesce(net_revenue, 0) as revenue_at_risk
from growth.churn_features
