"""The DAGs of this case, and how they become its inputs (Airflow 3.0.2, common-sql 2.4.0, standard 1.21.0).

    AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__MAX_TEMPLATED_FIELD_LENGTH=400 python dags.py
"""

import json
import pathlib
from datetime import datetime

from airflow.providers.common.sql.operators.sql import SQLColumnCheckOperator, SQLExecuteQueryOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.sensors.external_task import ExternalTaskSensor
from airflow.sdk import DAG, Asset, AssetAlias, TaskGroup
from airflow.serialization.serialized_objects import SerializedDAG

orders = Asset(name="orders", uri="postgres://db:5432/shop/public/orders")
report = Asset("s3://reports/orders.csv")

with DAG(
    "load",
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1),
    description="Loads orders",
    tags=["shop"],
    default_args={"owner": "ann"},
) as load:
    start = EmptyOperator(task_id="start")
    with TaskGroup("tables") as tables:
        stage = SQLExecuteQueryOperator(
            task_id="stage",
            conn_id="shop_db",
            sql=[
                "create temporary table fresh as select id, amount from raw.orders where day = '{{ ds }}'",
                "insert into public.orders (id, amount) select id, amount * 2 from fresh",
            ],
            outlets=[orders],
        )
        elsewhere = SQLExecuteQueryOperator(task_id="elsewhere", conn_id="nobody_knows", sql="select 1 from t")
        in_file = SQLExecuteQueryOperator(task_id="in_file", conn_id="shop_db", sql="queries/x.SQL")
        long = SQLExecuteQueryOperator(
            task_id="long", conn_id="shop_db", sql="insert into t select " + ", ".join(f"a{at}" for at in range(200)) + " from s"
        )
        mapped = SQLExecuteQueryOperator.partial(task_id="mapped", conn_id="shop_db", inlets=[report]).expand(
            sql=["insert into public.a select id from public.orders", "insert into public.b select id from public.orders"]
        )
    check = SQLColumnCheckOperator(
        task_id="check", conn_id="shop_db", table="public.orders", column_mapping={"id": {"null_check": {"equal_to": 0}}}
    )
    go = TriggerDagRunOperator(task_id="go", trigger_dag_id="publish")
    start >> tables >> check >> go

with DAG("publish", schedule=(orders | (report & Asset("plain"))), start_date=datetime(2026, 1, 1)) as publish:
    wait = ExternalTaskSensor(task_id="wait", external_dag_id="load", external_task_id="check")
    send = BashOperator(task_id="send", bash_command="echo", outlets=[AssetAlias("sent")], inlets=[Asset.ref(name="orders")])
    wait >> send

for dag in [load, publish]:
    path = pathlib.Path(__file__).parent / "inputs" / f"{dag.dag_id}.json"
    serialised = SerializedDAG.to_dict(dag)
    # Where this was run says nothing.
    serialised["dag"]["_processor_dags_folder"] = "/opt/airflow/dags"
    serialised["dag"]["fileloc"] = "/opt/airflow/dags/dags.py"
    path.write_text(json.dumps(serialised, indent=1, sort_keys=True) + "\n")
