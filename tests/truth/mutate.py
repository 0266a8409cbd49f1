"""Alters each source column in turn, runs all models again, and says what changed.

    python mutate.py > changes.json

`sources.sql` declares the sources and `models/*.sql` are run in the order of their names, all with duckdb in
memory. Rows come from a fixed seed. A column of a model has changed if the multiset of its values has, or if its
values by the key of its table have. The key is what a model declares, as in `-- key orders: order_id`. It counts
only for a source column none of whose mutations touches the key, so that it names the same rows before and after.
"""

import json
import random
import re
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
SOURCES = (HERE / "sources.sql").read_text()
MODELS = {path.name: path.read_text() for path in sorted((HERE / "models").glob("*.sql"))}
SEED = 20250117

CHANNELS = ["web", "app", "store"]
CURRENCIES = ["EUR", "USD", "GBP"]


def rows_of_sources() -> dict[str, list[tuple]]:
    """About 200 rows a table; keys now and then lead nowhere, and most columns have a few nulls."""
    rng = random.Random(SEED)

    def maybe(value, chance=0.06):
        return None if rng.random() < chance else value

    def cents(low, high):
        return rng.randrange(low * 100, high * 100) / 100

    start = datetime(2025, 1, 1)
    first = ["Ada", "Bo", "Cyd", "Dee", "Eli", "Fay", "Gus", "Hal"]
    last = ["Moss", "Nash", "Orr", "Pike", "Quinn", "Rey", "Shaw", "Tate"]
    tags = ["new", "vip", "press", "staff", "beta", "churned", "b2b"]
    customers = []
    for number in range(1, 121):
        name = f"{rng.choice(first)} {rng.choice(last)}"
        email = f"{name.replace(' ', '.')}{number}@{rng.choice(['Mail.test', 'post.test', 'Corp.example'])}"
        customers.append((
            number, maybe(f" {name}" if number % 9 == 0 else name), maybe(email),
            maybe(rng.choice(["DE", "FR", "NL", "PL", "US"]), 0.1), maybe(rng.choice(["gold", "silver", "basic"])),
            maybe(date(1950, 1, 1) + timedelta(days=rng.randrange(18000))), maybe(rng.random() < 0.8),
            maybe(rng.randrange(1, 121), 0.4), maybe(cents(50, 2000)),
            maybe(rng.sample(tags, rng.randrange(0, 4))),
        ))
    categories = [(1, None, "Home"), (2, None, "Outdoor"), (3, None, "Office")]
    for number in range(4, 25):
        categories.append((number, rng.randrange(1, number), f"Category {number}"))
    products = []
    for number in range(1, 61):
        products.append((
            number, f"sku-{rng.randrange(10000)}-{number}", maybe(f"Product {number}"), maybe(rng.randrange(1, 25)),
            maybe(cents(5, 150)), maybe({"width": rng.randrange(1, 40), "height": rng.randrange(1, 40)}),
            maybe(date(2021, 1, 1) + timedelta(days=rng.randrange(1500))),
        ))
    orders = []
    for number in range(1, 241):
        payload = {"device": rng.choice(["phone", "laptop", "tablet"])}
        if rng.random() < 0.4:
            payload["coupon"] = rng.choice(["SPRING", "VIP10", "FRIEND"])
        if rng.random() < 0.6:
            payload["utm"] = {"source": rng.choice(["mail", "ads", "social"])}
        orders.append((
            number, maybe(rng.randrange(1, 125)), maybe(start + timedelta(minutes=rng.randrange(365 * 24 * 60))),
            maybe(rng.choice(["paid", "paid", "shipped", "cancelled", "draft", "open"])), maybe(rng.choice(CHANNELS)),
            maybe(rng.choice(CURRENCIES)), maybe(cents(0, 30)), maybe(cents(0, 20)), maybe(rng.random() < 0.4),
            maybe(json.dumps(payload)),
        ))
    order_lines = []
    for number in range(1, 501):
        quantity = rng.randrange(0, 6)
        order_lines.append((
            number, maybe(rng.randrange(1, 245)), maybe(rng.randrange(1, 63)), maybe(quantity), maybe(cents(5, 150)),
            maybe(rng.randrange(0, quantity + 1) if rng.random() < 0.3 else 0),
        ))
    payments = []
    for number in range(1, 301):
        payments.append((
            number, maybe(rng.randrange(1, 245)), maybe(start + timedelta(minutes=rng.randrange(370 * 24 * 60))),
            maybe(cents(5, 600)), maybe(rng.choice(["card", "cash", "transfer"])), maybe(rng.random() < 0.2),
        ))
    exchange_rates = []
    for currency in CURRENCIES:
        for week in range(52):
            exchange_rates.append((
                currency, date(2025, 1, 1) + timedelta(days=7 * week), maybe(rng.randrange(5000, 15000) / 10000),
            ))
    events = []
    for number in range(1, 401):
        page = json.dumps({"page": rng.choice(["/", "/cart", "/help", "/pay"]), "ms": rng.randrange(2000)})
        events.append((
            number, maybe(rng.randrange(1, 121)), maybe(start + timedelta(minutes=rng.randrange(365 * 24 * 60))),
            maybe(rng.choice(["visit", "cart", "search", "share"])), maybe(page),
        ))
    return {
        "customers": customers, "categories": categories, "products": products, "orders": orders,
        "order_lines": order_lines, "payments": payments, "exchange_rates": exchange_rates, "events": events,
    }


def altered(kind: str) -> str:
    """Another value for `v`: twice the number, another day, the opposite, the list the other way round."""
    if kind.endswith("[]"):
        return "list_append(list_reverse(v), 'extra')"
    if kind.startswith("STRUCT"):
        return "struct_pack(width := v.width * 2, height := v.height * 3)"
    if kind == "JSON":
        return "replace(v::varchar, '\": \"', '\": \"new-')::json"
    if kind == "BOOLEAN":
        return "not v"
    if kind in ("DATE", "TIMESTAMP"):
        return "v + interval 40 day"
    if kind == "VARCHAR":
        return "reverse(v) || 'x'"
    return "v * 2"


def mutations(kind: str) -> dict[str, str]:
    """Expressions over `v`, the value, `r`, its row, `shuffled`, the value of another row, and `following`, the next
    greater value of the column, which is the least for the greatest."""
    return {
        "shuffled, some nulled": "case when r % 5 = 1 then null else shuffled end",
        "altered": altered(kind),
        "quarter replaced": "case when r % 4 = 1 then following else v end",
    }


class Lab:
    """A database without alterations, and a place to run the models with one source column altered."""

    def __init__(self, file: Path):
        self.file = file
        with duckdb.connect(file, read_only=True) as db:
            tables = db.execute("select table_name from duckdb_tables() order by table_oid").fetchall()
            names = {name for (name,) in tables}
            views = db.execute("select view_name from duckdb_views() where not internal order by view_oid").fetchall()
            declared = re.findall(r"^create table (\w+)", SOURCES, re.MULTILINE)
            self.sources = {
                source: [(name, kind) for name, kind, *_ in db.execute(f"describe {source}").fetchall()]
                for source in declared
            }
            self.before = {
                name: Made(db, name) for name in sorted(names | {name for (name,) in views}) if name not in self.sources
            }

    @staticmethod
    def prepare(file: Path) -> None:
        with duckdb.connect(file, config={"threads": 1}) as db:
            db.execute(SOURCES)
            for table, rows in rows_of_sources().items():
                values = [list(column) for column in zip(*rows)]
                db.execute(f"insert into {table} select {', '.join(['unnest(?)'] * len(values))}", values)
            for text in MODELS.values():
                db.execute(text)

    def run(self, table: str, column: str, mutation: str) -> dict[str, "Made"]:
        """What the models make of an altered column, by table.

        A model that mentions, anywhere in its text, neither the altered table nor what was made anew has nothing to
        do with either: what it made before is taken for what it makes.
        """
        with duckdb.connect(":memory:", config={"threads": 1}) as db:
            db.execute(f"attach '{self.file}' as before (read_only)")
            kind = dict(self.sources[table])[column]
            db.execute(f"""
                create table {table} as
                with was as (select rowid as r, {column} as v from before.{table}),
                steps as (
                    select v, coalesce(lead(v) over (order by v), min(v) over ()) as following
                    from (select distinct v from was)
                ),
                now as (
                    select r, ({mutation})::{kind} as v
                    from was
                    left join steps using (v)
                    left join (select r as other, v as shuffled from was)
                        on other = (r * 7 + 3) % (select count(*) from was)
                )
                select s.* replace (now.v as {column})
                from before.{table} as s join now on now.r = s.rowid
                order by s.rowid""")
            db.execute("set search_path = 'memory,before'")
            made_anew = {table}
            for name, text in MODELS.items():
                if made_anew.isdisjoint(re.findall(r"\w+", text)):
                    continue
                try:
                    db.execute(text)
                except duckdb.Error as error:
                    raise RuntimeError(f"{name} with {table}.{column} {mutation}: {error}") from error
                made_anew.update(re.findall(r"^create (?:temp )?(?:table|view|macro) (\w+)", text, re.MULTILINE))
            return {name: Made(db, f"memory.{name}") for name in self.before if name in made_anew}


class Made:
    """A table or a view that a model made."""

    def __init__(self, db: duckdb.DuckDBPyConnection, name: str):
        cursor = db.execute(f"from {name}")
        self.columns = [column for column, *_ in cursor.description]
        self.rows = cursor.fetchall()
        self.key_places = [self.columns.index(column) for column in KEYS.get(name.removeprefix("memory."), [])]

    def sorted_rows(self) -> list[str]:
        return sorted(map(repr, self.rows))

    def alone(self, place: int) -> list[str]:
        return sorted(repr(row[place]) for row in self.rows)

    def keys(self) -> list[str]:
        return sorted(repr([row[at] for at in self.key_places]) for row in self.rows)

    def keyed(self, place: int) -> list[str]:
        return sorted(repr([row[at] for at in [*self.key_places, place]]) for row in self.rows)

    def is_keyed_by_its_key(self) -> bool:
        return not self.key_places or len(set(self.keys())) == len(self.rows)


KEYS = {
    table: columns.split(", ")
    for text in MODELS.values()
    for table, columns in re.findall(r"^-- key (\w+): (.+)$", text, re.MULTILINE)
}


def changes_of(task: tuple[Lab, str, str]) -> tuple[str, dict]:
    lab, table, column = task
    kind = dict(lab.sources[table])[column]
    after = {name: lab.run(table, column, expression) for name, expression in mutations(kind).items()}
    columns: dict[str, list[str]] = {}
    tables: dict[str, list[str]] = {}
    for made, was in lab.before.items():
        # Most mutations leave most tables as they are, row by row.
        others = {mutation: now[made] for mutation, now in after.items() if made in now and now[made].rows != was.rows}
        is_key_kept = bool(was.key_places) and all(now.keys() == was.keys() for now in others.values())
        for mutation, now in others.items():
            if now.sorted_rows() == was.sorted_rows():
                continue
            tables.setdefault(made, []).append(mutation)
            for place, name in enumerate(was.columns):
                is_changed = now.alone(place) != was.alone(place)
                if is_changed or is_key_kept and now.keyed(place) != was.keyed(place):
                    columns.setdefault(f"{made}.{name}", []).append(mutation)
    return f"{table}.{column}", {"columns": columns, "tables": tables}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "seed.duckdb"
        Lab.prepare(file)
        lab = Lab(file)
        for source, fields in lab.sources.items():
            for name, made in lab.run(source, fields[0][0], "v").items():
                if made.sorted_rows() != lab.before[name].sorted_rows():
                    sys.exit(f"{name} is not deterministic: two runs without a mutation differ")
        for table, made in lab.before.items():
            if not made.is_keyed_by_its_key():
                sys.exit(f"{table}: {KEYS[table]} is no key")
            if not made.rows:
                sys.exit(f"{table} is empty")
        tasks = [(lab, table, column) for table, fields in lab.sources.items() for column, _ in fields]
        with ProcessPoolExecutor() as pool:
            changes = dict(pool.map(changes_of, tasks))
        json.dump(
            {
                "models": len(MODELS),
                "mutations": sum(len(mutations(kind)) for fields in lab.sources.values() for _, kind in fields),
                "outputs": {table: made.columns for table, made in lab.before.items()},
                "changes": changes,
            },
            sys.stdout,
            indent=1,
        )


if __name__ == "__main__":
    main()
