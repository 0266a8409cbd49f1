"""Writes the event logs of the golden cases: runs a small application on Spark, and keeps the events that are read.

    SPARK_LOCAL_IP=127.0.0.1 python3 make_logs.py   # needs Java and pyspark 3.5
"""

import json
import os
import re
import shutil
import sys
import tempfile

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

HERE = os.path.dirname(os.path.abspath(__file__))
CODECS = {"lz4": "lz4", "snappy": "snappy", "zstd": "zstd"}
KEPT = re.compile(r'"Event":"[a-zA-Z.]*(LogStart|ApplicationStart|ApplicationEnd|EnvironmentUpdate|JobStart|JobEnd'
                  r'|SQLExecutionStart|SQLExecutionEnd|SQLAdaptiveExecutionUpdate)"')


def run(lake, logs):
    spark = (SparkSession.builder.appName("shop_nightly").master("local[1]")
             .config("spark.eventLog.enabled", "true").config("spark.eventLog.dir", "file:" + logs)
             .config("spark.sql.warehouse.dir", "file:" + lake + "/warehouse")
             .config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "1")
             .getOrCreate())
    rows = [(1, "ann", 10.0, "de"), (2, "bob", 20.0, "fr")]
    spark.createDataFrame(rows, "id int, customer string, amount double, country string") \
        .write.partitionBy("country").parquet(lake + "/orders")
    spark.createDataFrame([(3, "cleo", 5.0, "at")], "id int, customer string, amount double, country string") \
        .write.option("header", True).csv(lake + "/returns")
    spark.createDataFrame([("ann", "gold")], "customer string, level string").write.saveAsTable("customers")
    spark.read.parquet(lake + "/orders").createOrReplaceTempView("orders")
    spark.read.option("header", True).option("inferSchema", True).csv(lake + "/returns").createOrReplaceTempView("returns")
    # Joins, groups, a window, a view of the session.
    spark.sql("""create table daily using parquet as
        select c.level, sum(o.amount) as total, row_number() over (order by c.level) as place, count(*) as orders
        from orders o join customers c on o.customer = c.customer where o.amount > 1 group by c.level""")
    # A union, an expression, a constant.
    spark.sql("""insert overwrite directory '%s/all' using json
        select id, upper(customer) as customer, amount, 'order' as kind from orders
        union all select id, customer, -amount, 'return' from returns""" % lake)
    # Into a table that is there, and of itself.
    spark.sql("insert into daily select level, total * 2, place, orders from daily where place = 1")
    # An array taken apart.
    spark.table("customers").select("customer", f.explode(f.split("level", ",")).alias("word")) \
        .write.mode("overwrite").orc(lake + "/words")
    spark.table("daily").collect()
    try:
        boom = f.udf(lambda value: 1 // 0, "int")
        spark.table("daily").select(boom("total").alias("x")).write.parquet(lake + "/broken")
    except Exception:
        pass
    return spark


def trimmed(path, lake):
    lines = []
    with open(path) as log:
        for line in log:
            if not KEPT.search(line):
                continue
            event = json.loads(line)
            for key in ("details", "description", "JVM Information", "Hadoop Properties", "System Properties", "Classpath Entries", "Metrics Properties", "Stage Infos"):
                event.pop(key, None)
            if "Spark Properties" in event:
                kept = ("spark.app.name", "spark.master", "spark.sql.warehouse.dir")
                event["Spark Properties"] = {key: value for key, value in event["Spark Properties"].items() if key in kept}
            if "Properties" in event:
                kept = ("spark.sql.execution.id",)
                event["Properties"] = {key: value for key, value in event["Properties"].items() if key in kept}
            if "Job Result" in event:
                event["Job Result"] = {"Result": event["Job Result"]["Result"]}
            if event.get("errorMessage"):
                event["errorMessage"] = event["errorMessage"].split("\n")[0][:200]
            if "User" in event:
                event["User"] = "etl"
            lines.append(json.dumps(event, separators=(",", ":")).replace(lake, "/lake"))
    return "\n".join(lines) + "\n"


def main():
    folder = tempfile.mkdtemp()
    lake, logs = folder + "/lake", folder + "/logs"
    os.makedirs(logs)
    spark = run(lake, logs)
    jvm, conf = spark._jvm, spark.sparkContext._jsc.sc().conf()
    log = os.path.join(logs, os.listdir(logs)[0])
    written = {}
    gateway = spark.sparkContext._gateway
    codecs = {codec: jvm.org.apache.spark.io.CompressionCodec.createCodec(conf, codec) for codec in CODECS}
    # The end of the application is written when it stops; what is compressed here ends before it.
    text = trimmed(log + ("" if os.path.exists(log) else ".inprogress"), lake).encode()
    for codec, made in codecs.items():
        out = jvm.java.io.ByteArrayOutputStream()
        stream = made.compressedOutputStream(out)
        half = len(text) // 2
        stream.write(text[:half])
        stream.flush()
        stream.write(text[half:])
        stream.close()
        written[codec] = bytes(out.toByteArray())
    spark.stop()
    log = os.path.join(logs, os.listdir(logs)[0])
    case = os.path.join(HERE, "golden", "a_nightly_application", "inputs")
    os.makedirs(case, exist_ok=True)
    with open(os.path.join(case, "shop_nightly.jsonl"), "w") as out:
        out.write(trimmed(log, lake))
    packed = os.path.join(HERE, "packed")
    os.makedirs(packed, exist_ok=True)
    with open(os.path.join(packed, "log.jsonl"), "wb") as out:
        out.write(text)
    for codec, data in written.items():
        with open(os.path.join(packed, "log." + codec), "wb") as out:
            out.write(data)
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
