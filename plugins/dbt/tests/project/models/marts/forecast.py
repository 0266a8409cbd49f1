def model(dbt, session):
    dbt.config(materialized="table")
    return dbt.ref("revenue").project("customer_id, revenue * 2 as forecast")
