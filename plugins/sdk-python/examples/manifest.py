"""The models of a dbt manifest, their columns and what they depend on: how fast Python is (docs/benchmarks.md)."""

from headwater_extractor import Coverage, Description, Extraction, Extractor, Field, InputPattern, Malformed, export


class Manifest(Extractor):
    def describe(self):
        return Description(
            name="manifest-python",
            version="0.1.0",
            summary="Reads a dbt manifest: models, columns and dependencies",
            inputs=[InputPattern("**/manifest.json", "application/json", required=True)],
        )

    def extract(self, config, inputs, out):
        for artifact in inputs:
            nodes = artifact.json().get("nodes")
            if not isinstance(nodes, dict):
                raise Malformed("manifest/nodes", "there is no object nodes", artifact.place("nodes"))
            stated = {key: model(key, node, artifact, out) for key, node in nodes.items()}
            for key, node in nodes.items():
                at = artifact.place("nodes", key, "depends_on")
                for origin in node["depends_on"]["nodes"]:
                    if origin in stated:
                        out.derives(stated[key], stated[origin], at)
        return Extraction(Coverage.DATASETS | Coverage.FIELDS | Coverage.EDGES)


def model(key, node, artifact, out):
    columns = node.get("columns", {}).values()
    fields = [Field(column["name"], column.get("data_type"), column.get("description")) for column in columns]
    return out.dataset(
        "dbt",
        f"{node['database']}.{node['schema']}.{node['name']}",
        "TABLE",
        description=node.get("description"),
        fields=fields,
        evidence=artifact.place("nodes", key),
    )


Plugin = export(Manifest)
