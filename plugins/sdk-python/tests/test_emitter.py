"""What reaches the sink when an extractor states facts."""

import unittest

from headwater_extractor import (
    Coverage,
    Diagnostic,
    Emitter,
    Extraction,
    Extractor,
    FactError,
    Field,
    Location,
    RunState,
    Severity,
    Side,
    Transformation,
    golden,
)
from headwater_extractor.artifact import Artifact


def stated(state):
    facts = golden.Facts()
    out = Emitter(facts)
    state(out)
    out.finish()
    return facts


def at(pointer):
    return Location("a.json", pointer)


def state_everything(out):
    source = out.dataset("ns", "from", "TABLE", fields=[Field("id", "INT")], evidence=at("/from"))
    to = out.mention("ns", "to", "VIEW")
    job = out.job("jobs", "load", "TASK", sql="select 1")
    part = out.job("jobs", "load.1", "QUERY", parent=job)
    out.reads(job, source, at("/load"))
    out.writes(job, to, at("/load"))
    out.derives(to, source)
    out.follows(part, job)
    out.field_edge(source, "id", to, None, via=job, transformations=[Transformation(False, "FILTER")])
    out.selector(job, Side.WRITES, "ns", "to_*")
    out.alias(to, "ns", "TO", "folded")
    out.attribute(source, "tag", "pii", field="id")
    out.facet(job, "x", {"a": 1})
    out.run(job, "1", RunState.FAIL, started_ms=0, ended_ms=1500, message="boom")


class Facts(unittest.TestCase):
    maxDiff = None

    def test_every_kind_of_fact_arrives_as_it_was_stated(self):
        source = {"kind": "DATASET", "namespace": "ns", "name": "from"}
        to = {"kind": "DATASET", "namespace": "ns", "name": "to"}
        job = {"kind": "JOB", "namespace": "jobs", "name": "load"}
        part = {"kind": "JOB", "namespace": "jobs", "name": "load.1"}
        load = {"artifact": "a.json", "pointer": "/load"}
        expected = {
            "datasets": [
                {"namespace": "ns", "name": "from", "type": "TABLE", "declared": True,
                 "fields": [{"name": "id", "type": "INT"}],
                 "evidence": {"artifact": "a.json", "pointer": "/from"}},
                {"namespace": "ns", "name": "to", "type": "VIEW", "declared": False, "fields": []},
            ],
            "jobs": [
                {"namespace": "jobs", "name": "load", "type": "TASK", "sql": "select 1"},
                {"namespace": "jobs", "name": "load.1", "type": "QUERY",
                 "parent": {"namespace": "jobs", "name": "load"}},
            ],
            "edges": [
                {"kind": "READS", "from": source, "to": job, "evidence": load},
                {"kind": "WRITES", "from": job, "to": to, "evidence": load},
                {"kind": "DERIVES", "from": source, "to": to},
                {"kind": "FOLLOWS", "from": job, "to": part},
            ],
            "fieldEdges": [
                {"from": {"namespace": "ns", "name": "from", "field": "id"},
                 "to": {"namespace": "ns", "name": "to", "field": None},
                 "via": {"namespace": "jobs", "name": "load"},
                 "transformations": [{"type": "INDIRECT", "subtype": "FILTER", "masking": False}]},
            ],
            "selectors": [{"job": {"namespace": "jobs", "name": "load"}, "side": "WRITES",
                           "namespace": "ns", "pattern": "to_*"}],
            "aliases": [{"kind": "DATASET", "namespace": "ns", "name": "to",
                         "alias": {"namespace": "ns", "name": "TO"}, "reason": "folded"}],
            "attributes": [{"on": {**source, "field": "id"}, "key": "tag", "value": "pii"}],
            "facets": [{"on": job, "name": "x", "value": {"a": 1}}],
            "runs": [{"job": {"namespace": "jobs", "name": "load"}, "runId": "1", "state": "FAIL",
                      "startedAt": "1970-01-01T00:00:00Z", "endedAt": "1970-01-01T00:00:01.500Z",
                      "message": "boom"}],
            "diagnostics": [],
        }
        self.assertEqual(stated(state_everything).to_json(), expected)

    def test_a_dataset_that_was_stated_is_not_mentioned_again(self):
        def state(out):
            declared = out.dataset("ns", "a", "TABLE")
            self.assertIs(out.mention("ns", "a", "TABLE"), declared)
            self.assertIs(out.stated("ns", "a"), declared)
            self.assertIsNone(out.stated("ns", "b"))
            self.assertIs(out.mention("ns", "b"), out.mention("ns", "b"))

        self.assertEqual(len(stated(state).to_json()["datasets"]), 2)

    def test_a_batch_is_sent_when_it_is_full_of_records_or_of_text(self):
        def many(out):
            node = out.mention("ns", "a")
            for _ in range(Emitter.BATCH_RECORDS_MAX):
                out.attribute(node, "tag", "x")

        facts = stated(many)
        self.assertEqual(facts.batches_count, 2)
        self.assertEqual(len(facts.to_json()["attributes"]), Emitter.BATCH_RECORDS_MAX)

        def long(out):
            for name in "abc":
                out.dataset("ns", name, description="x" * Emitter.BATCH_CHARS_MAX)

        self.assertEqual(stated(long).batches_count, 3)

    def test_edges_and_places_survive_any_batching(self):
        edges = [(index * 7 % 40, index * 13 % 40) for index in range(6000)]

        def state(out):
            for source, to in edges:
                place = at(f"/{to}")
                source = out.mention("ns", str(source))
                out.derives(out.mention("ns", str(to), "", place), source, place)

        found = stated(state)
        self.assertGreater(found.batches_count, 2)
        facts = found.to_json()["edges"]
        self.assertEqual([(int(edge["from"]["name"]), int(edge["to"]["name"])) for edge in facts], edges)
        for edge in facts:
            self.assertEqual(edge["evidence"]["pointer"], "/" + edge["to"]["name"])

    def test_diagnostics_beyond_the_bound_are_counted_by_their_worst(self):
        def state(out):
            for index in range(Emitter.DIAGNOSTICS_MAX + 3):
                is_worst = index == Emitter.DIAGNOSTICS_MAX + 1
                out.diagnose(Diagnostic(Severity.ERROR if is_worst else Severity.INFO, "x", ""))

        found = stated(state).diagnostics
        self.assertEqual(len(found), Emitter.DIAGNOSTICS_MAX + 1)
        message = "3 more diagnostics after the first 10000 are left out"
        self.assertEqual(found[-1], Diagnostic(Severity.ERROR, "extractor/diagnostics-left-out", message))


class Rules(unittest.TestCase):
    def check(self, state, told):
        """What breaks a rule is named, and nothing of it is stated."""
        facts = golden.Facts()
        out = Emitter(facts)
        with self.assertRaises(FactError) as raised:
            state(out)
        self.assertIn(told, str(raised.exception))
        out.finish()
        self.assertEqual(facts.to_json(), stated(lambda _: None).to_json())

    def test_a_name_is_text_neither_empty_nor_too_long_nor_unprintable(self):
        self.check(lambda out: out.dataset("", "a"), "the namespace is empty")
        self.check(lambda out: out.dataset("ns", ""), "the name is empty")
        self.check(lambda out: out.dataset("ns", 3), "the name is int, not str")
        self.check(lambda out: out.dataset("ns", None), "the name is None, not str")
        self.check(lambda out: out.dataset("ns", "a\nb"), "the name 'a\\nb' holds the control character U+000A at 1")
        self.check(lambda out: out.dataset("ns", "\ud800"), "holds half a character at 0")
        self.check(lambda out: out.dataset("ü" * 600, "a"), "is 1200 bytes long, more than 1024")
        self.check(lambda out: out.dataset("ns", "a", "T" * 129), "the kind")
        self.check(lambda out: out.dataset("ns", "a", fields=[Field("")]), "the field's name is empty")
        self.check(lambda out: out.dataset("ns", "a", fields=["id"]), "a field of 'a' is str, not Field")
        self.check(lambda out: out.dataset("ns", "a", fields=[Field("id", ["INT"])]), "the field's type is list, not str")
        self.check(lambda out: out.dataset("ns", "a", fields=[Field("id", 3)]), "the field's type is int, not str")
        self.check(lambda out: out.dataset("ns", "a", description=b"x"), "the description is bytes, not str")
        self.check(lambda out: out.job("ns", "\x00"), "U+0000")

    def test_a_place_is_one_that_can_be_looked_up(self):
        def stating(at):
            return lambda out: out.dataset("ns", "a", evidence=at)

        self.check(stating(Location("a", line=0)), "the place's line is 0, but counts from 1")
        self.check(stating(Location("a", column=1 << 32)), "the place's column")
        self.check(stating(Location("a", "x")), "the place's pointer 'x' does not begin with '/'")
        self.check(stating(Location("a" * 5000)), "is longer than 4096 bytes")
        self.check(stating("a.csv:3"), "the evidence is str, not Location")

    def test_a_reference_is_to_what_this_emitter_has_stated(self):
        other = Emitter(golden.Facts())
        foreign, job = other.dataset("ns", "a"), other.job("ns", "j")
        self.check(lambda out: out.attribute(foreign, "k", "v"), "the node was stated to another emitter")
        self.check(lambda out: out.job("ns", "j", parent=job), "the parent was stated to another emitter")
        self.check(lambda out: out.reads("j", "a"), "the dataset is str, not a dataset that was stated")
        with self.assertRaisesRegex(FactError, "the job is a dataset, not a job"):
            other.reads(foreign, foreign)
        with self.assertRaisesRegex(FactError, "is of a job, which has no fields"):
            other.attribute(job, "k", "v", field="f")

    def test_facets_are_json_and_times_are_times(self):
        out = Emitter(golden.Facts())
        job = out.job("ns", "j")
        deep = []
        for _ in range(100):
            deep = [deep]
        for value, told in [
            (float("nan"), "is not JSON"),
            ({"a": object()}, "is not JSON"),
            (deep, "nests deeper than 100"),
        ]:
            with self.assertRaisesRegex(FactError, told):
                out.facet(job, "f", value)
        out.facet(job, "f", deep[0])
        with self.assertRaisesRegex(FactError, "the start 1.5|the start is float, not int"):
            out.run(job, "1", RunState.START, started_ms=1.5)
        with self.assertRaisesRegex(FactError, "outside the years 0001 to 9999"):
            out.run(job, "1", RunState.START, ended_ms=1 << 62)
        with self.assertRaisesRegex(FactError, "the state is str, not RunState"):
            out.run(job, "1", "FAIL")

    def test_the_longest_names_are_taken(self):
        facts = stated(lambda out: out.dataset("n" * 1024, "ü" * 1024, "T" * 128, fields=[Field("f" * 1024)]))
        self.assertEqual(len(facts.to_json()["datasets"]), 1)


class Wrong(Extractor):
    def extract(self, config, inputs, out):
        return {"covers": []}


class Returned(unittest.TestCase):
    def test_what_extract_returns_is_an_extraction(self):
        with self.assertRaisesRegex(FactError, "extract returned dict, not Extraction"):
            golden.run(Wrong, {})

    def test_a_call_ends_with_all_facts_in_the_sink(self):
        class One(Extractor):
            def extract(self, config, inputs, out):
                out.dataset("file", inputs[0].name, "FILE")
                return Extraction(Coverage.DATASETS | Coverage.FIELDS, 1500)

        facts = golden.run(One, {"a": b""}).to_json()
        self.assertEqual(facts["datasets"][0]["name"], "a")
        self.assertEqual(facts["covers"], ["DATASETS", "FIELDS"])
        self.assertEqual(facts["generatedAt"], "1970-01-01T00:00:01.500Z")
        self.assertIsInstance(Artifact(golden.MemoryArtifact("a", b"")).read(), bytes)


if __name__ == "__main__":
    unittest.main()
