"""Runs growth's two jobs on the warehouse and tells OpenLineage about them.

Usage: WAREHOUSE_FILE=warehouse.duckdb python emit.py events.ndjson

The statements in sql/ really run, and the schema facets are read back from the
warehouse. Column lineage is stated here, by hand, as an instrumented job would
state it. Events go through the openlineage-python client and its file transport,
one a line. Run ids and times depend on nothing but the constants below.
"""

import os
import pathlib
import sys
from datetime import datetime, timedelta, timezone

import duckdb
from openlineage.client import OpenLineageClient, set_producer
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    documentation_job,
    job_type_job,
    ownership_job,
    schema_dataset,
    sql_job,
)
from openlineage.client.transport.file import FileConfig, FileTransport
from openlineage.client.uuid import generate_static_uuid

NAMESPACE = "duckdb://warehouse.duckdb"
JOB_NAMESPACE = "growth"
SQL = pathlib.Path(__file__).parent / "sql"
FIRST_RUN = datetime(2026, 1, 5, 7, 0, tzinfo=timezone.utc)
RUN_DAYS = 2

IDENTITY = ("DIRECT", "IDENTITY", False)
TRANSFORMATION = ("DIRECT", "TRANSFORMATION", False)
MASKED = ("DIRECT", "TRANSFORMATION", True)
AGGREGATION = ("DIRECT", "AGGREGATION", False)
CONDITIONAL = ("INDIRECT", "CONDITIONAL", False)
JOIN = ("INDIRECT", "JOIN", False)
GROUP_BY = ("INDIRECT", "GROUP_BY", False)
FILTER = ("INDIRECT", "FILTER", False)

# Per job: what it reads, and per dataset that it writes, the statement and the
# column lineage. "*" holds what decides the rows of the whole dataset.
JOBS = {
    "build_churn_features": {
        "description": "Describes how each customer who may be contacted orders and spends.",
        "minute": 0,
        "inputs": ["orders.orders", "orders.customers", "finance.revenue"],
        "outputs": {
            "growth.churn_features": {
                "customer_id": {"orders.customers#customer_id": [IDENTITY]},
                "email_digest": {"orders.customers#email": [MASKED]},
                "orders_count": {"orders.orders#order_id": [AGGREGATION]},
                "cancelled_share": {"orders.orders#status": [CONDITIONAL]},
                "days_since_last_order": {"orders.orders#ordered_at": [AGGREGATION]},
                "net_revenue": {"finance.revenue#net_amount": [AGGREGATION]},
                "*": {
                    "orders.customers#customer_id": [JOIN],
                    "orders.customers#marketing_consent": [FILTER],
                    "orders.orders#customer_id": [JOIN, GROUP_BY],
                    "finance.revenue#customer_id": [JOIN, GROUP_BY],
                },
            },
            "growth.skipped_customers": {
                "customer_id": {"orders.customers#customer_id": [IDENTITY]},
                "country": {"orders.customers#country": [IDENTITY]},
                "*": {"orders.customers#marketing_consent": [FILTER]},
            },
        },
    },
    "score_churn": {
        "description": "Scores how likely each customer is to leave, and what that would cost.",
        "minute": 20,
        "inputs": ["growth.churn_features"],
        "outputs": {
            "growth.churn_scores": {
                "customer_id": {"growth.churn_features#customer_id": [IDENTITY]},
                "churn_score": {
                    "growth.churn_features#cancelled_share": [TRANSFORMATION],
                    "growth.churn_features#days_since_last_order": [TRANSFORMATION],
                },
                "revenue_at_risk": {"growth.churn_features#net_revenue": [TRANSFORMATION]},
            },
        },
    },
}


def schema_facet(warehouse, dataset):
    """Reads the columns of `dataset`, written `schema.table`, from the warehouse."""
    schema, table = dataset.split(".")
    columns = warehouse.execute(
        "select column_name, data_type from information_schema.columns"
        " where table_schema = ? and table_name = ? order by ordinal_position",
        [schema, table],
    ).fetchall()
    return schema_dataset.SchemaDatasetFacet(
        fields=[schema_dataset.SchemaDatasetFacetFields(name=name, type=type_) for name, type_ in columns]
    )


def input_fields(origins):
    """Turns `{"schema.table#column": [transformation]}` into OpenLineage input fields."""
    fields = []
    for origin, transformations in origins.items():
        dataset, column = origin.split("#")
        fields.append(
            column_lineage_dataset.InputField(
                namespace=NAMESPACE,
                name=f"warehouse.{dataset}",
                field=column,
                transformations=[
                    column_lineage_dataset.Transformation(type=type_, subtype=subtype, masking=masking)
                    for type_, subtype, masking in transformations
                ],
            )
        )
    return fields


def column_lineage_facet(lineage):
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            column: column_lineage_dataset.Fields(inputFields=input_fields(origins))
            for column, origins in lineage.items()
            if column != "*"
        },
        dataset=input_fields(lineage.get("*", {})),
    )


def statements(job):
    return [(SQL / f"{dataset.split('.')[1]}.sql").read_text() for dataset in job["outputs"]]


def job_of(name, job):
    return Job(
        namespace=JOB_NAMESPACE,
        name=name,
        facets={
            "documentation": documentation_job.DocumentationJobFacet(description=job["description"]),
            "jobType": job_type_job.JobTypeJobFacet(processingType="BATCH", integration="PYTHON", jobType="JOB"),
            "ownership": ownership_job.OwnershipJobFacet(
                owners=[ownership_job.Owner(name="team:growth-analytics", type="MAINTAINER")]
            ),
            "sql": sql_job.SQLJobFacet(query=";\n\n".join(text.strip() for text in statements(job)), dialect="duckdb"),
        },
    )


def run_job(client, warehouse, name, job, started_at):
    """Emits START, runs the job's statements, and emits COMPLETE three minutes later."""
    run = Run(runId=str(generate_static_uuid(started_at, f"{JOB_NAMESPACE}.{name}".encode())))
    inputs = [
        InputDataset(NAMESPACE, f"warehouse.{dataset}", facets={"schema": schema_facet(warehouse, dataset)})
        for dataset in job["inputs"]
    ]
    client.emit(
        RunEvent(
            eventType=RunState.START,
            eventTime=started_at.isoformat(),
            run=run,
            job=job_of(name, job),
            inputs=inputs,
            outputs=[],
        )
    )
    for text in statements(job):
        warehouse.execute(text)
    outputs = [
        OutputDataset(
            NAMESPACE,
            f"warehouse.{dataset}",
            facets={"schema": schema_facet(warehouse, dataset), "columnLineage": column_lineage_facet(lineage)},
        )
        for dataset, lineage in job["outputs"].items()
    ]
    client.emit(
        RunEvent(
            eventType=RunState.COMPLETE,
            eventTime=(started_at + timedelta(minutes=3)).isoformat(),
            run=run,
            job=job_of(name, job),
            inputs=inputs,
            outputs=outputs,
        )
    )


def main():
    set_producer("https://shop.example/growth/emit.py")
    client = OpenLineageClient(transport=FileTransport(FileConfig(log_file_path=sys.argv[1], append=True)))
    with duckdb.connect(os.environ["WAREHOUSE_FILE"]) as warehouse:
        warehouse.execute("create schema if not exists growth")
        for day in range(RUN_DAYS):
            for name, job in JOBS.items():
                run_job(client, warehouse, name, job, FIRST_RUN + timedelta(days=day, minutes=job["minute"]))


if __name__ == "__main__":
    main()
