"""Makes the board's dashboard in a Superset of its own, and exports it.

Usage: WAREHOUSE_FILE=warehouse.duckdb SUPERSET_HOME=… python dashboard.py FOLDER

It needs the warehouse as orders, finance and growth leave it: Superset reads the
columns of tables and queries from there. The database is then said to be where it is
for Superset in production, beside the warehouse. What is exported is what
`superset export-dashboards` writes, unpacked into FOLDER; all UUIDs depend on nothing
but names.
"""

import io
import json
import os
import pathlib
import sys
import uuid
import zipfile

from superset.app import create_app

URI = "duckdb:///warehouse.duckdb"
METRIC_SUM = {"expressionType": "SIMPLE", "aggregate": "SUM"}

AT_RISK = """\
select
    customers.country,
    scores.churn_score,
    scores.revenue_at_risk
from growth.churn_scores as scores
inner join orders.customers as customers
    on scores.customer_id = customers.customer_id
"""

# Name, schema, SQL where it is a query.
DATASETS = [
    ("revenue_daily", "finance", None),
    ("revenue_at_risk", "board", AT_RISK),
]


def metric(column, label):
    return {**METRIC_SUM, "column": {"column_name": column}, "label": label, "hasCustomLabel": True}


# Name, type, dataset, form data.
CHARTS = [
    (
        "Net revenue",
        "echarts_timeseries_line",
        "revenue_daily",
        {
            "x_axis": "revenue_date",
            "time_grain_sqla": "P1M",
            "metrics": [metric("net_amount", "net revenue")],
            "groupby": [],
            "adhoc_filters": [],
        },
    ),
    (
        "Revenue at risk by country",
        "pie",
        "revenue_at_risk",
        {
            "metric": metric("revenue_at_risk", "revenue at risk"),
            "groupby": ["country"],
            "adhoc_filters": [
                {
                    "expressionType": "SIMPLE",
                    "clause": "WHERE",
                    "subject": "churn_score",
                    "operator": ">",
                    "comparator": "0.5",
                }
            ],
        },
    ),
]


def id_of(kind, name):
    return uuid.uuid5(uuid.NAMESPACE_URL, f"https://shop.example/board/{kind}/{name}")


def layout(charts):
    """One row with all charts in it."""
    row = {"id": "ROW-1", "type": "ROW", "parents": ["ROOT_ID", "GRID_ID"], "meta": {"background": "BACKGROUND_TRANSPARENT"}}
    row["children"] = [f"CHART-{chart.id}" for chart in charts]
    position = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "children": ["ROW-1"], "parents": ["ROOT_ID"]},
        "ROW-1": row,
    }
    for chart in charts:
        position[f"CHART-{chart.id}"] = {
            "id": f"CHART-{chart.id}",
            "type": "CHART",
            "children": [],
            "parents": ["ROOT_ID", "GRID_ID", "ROW-1"],
            "meta": {"chartId": chart.id, "uuid": str(chart.uuid), "sliceName": chart.slice_name, "width": 6, "height": 50},
        }
    return position


def build(session, uri):
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.core import Database
    from superset.models.dashboard import Dashboard
    from superset.models.slice import Slice

    warehouse = Database(database_name="Warehouse", uuid=id_of("database", "warehouse"))
    warehouse.set_sqlalchemy_uri(uri)
    session.add(warehouse)
    session.flush()

    datasets = {}
    for name, schema, sql in DATASETS:
        dataset = SqlaTable(table_name=name, schema=schema, catalog="warehouse", sql=sql, database=warehouse)
        dataset.uuid = id_of("dataset", name)
        session.add(dataset)
        session.flush()
        dataset.fetch_metadata()
        for column in dataset.columns:
            column.uuid = id_of("column", f"{name}/{column.column_name}")
        for measure in dataset.metrics:
            measure.uuid = id_of("metric", f"{name}/{measure.metric_name}")
        datasets[name] = dataset
    session.flush()

    charts = []
    for name, kind, dataset, form in CHARTS:
        source = datasets[dataset]
        form = {"datasource": f"{source.id}__table", "viz_type": kind, **form}
        chart = Slice(
            slice_name=name,
            viz_type=kind,
            datasource_id=source.id,
            datasource_type="table",
            datasource_name=source.name,
            params=json.dumps(form),
        )
        chart.uuid = id_of("chart", name)
        session.add(chart)
        session.flush()
        charts.append(chart)

    dashboard = Dashboard(
        dashboard_title="Board report",
        description="What the board looks at before it meets.",
        slug="board-report",
        published=True,
        slices=charts,
        position_json=json.dumps(layout(charts)),
        json_metadata=json.dumps({}),
    )
    dashboard.uuid = id_of("dashboard", "board-report")
    session.add(dashboard)
    session.flush()
    warehouse.set_sqlalchemy_uri(URI)
    session.commit()
    return dashboard.id


def export(dashboard, folder):
    from superset.commands.dashboard.export import ExportDashboardsCommand
    from superset.utils.core import override_user
    from superset import security_manager

    with override_user(security_manager.find_user("admin")):
        for name, content in ExportDashboardsCommand([dashboard]).run():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content())


def main():
    app = create_app()
    with app.app_context():
        from superset.extensions import db

        dashboard = build(db.session, f"duckdb:///{os.environ['WAREHOUSE_FILE']}")
        export(dashboard, pathlib.Path(sys.argv[1]))


if __name__ == "__main__":
    main()
