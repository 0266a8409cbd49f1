"""What is read of artifacts, configurations and times, and what is told of those that are wrong."""

import json
import unittest

from headwater_extractor import (
    Artifact,
    CatalogDataset,
    Config,
    ConfigKey,
    Coverage,
    ExtractError,
    Extraction,
    Extractor,
    FieldCatalog,
    Malformed,
    Unsupported,
    golden,
    pointer,
)
from headwater_extractor.times import format_rfc3339, parse_rfc3339


def artifact(data, name="a.txt"):
    return Artifact(golden.MemoryArtifact(name, data))


class Reading(unittest.TestCase):
    def refused(self, read, data):
        with self.assertRaises(Malformed) as raised:
            read(artifact(data))
        found = raised.exception.diagnostic
        return found.code, found.at.line, found.at.column

    def test_an_artifact_larger_than_a_chunk_is_read_whole_and_by_lines(self):
        chunk = Artifact.CHUNK_BYTES
        for size in [0, 1, chunk, 2 * chunk + 7]:
            data = bytes(ord("\n") if at % 97 == 0 else 65 + at % 20 for at in range(size))
            self.assertEqual(artifact(data).read(), data)
            lines = list(artifact(data).lines())
            self.assertEqual([number for number, _ in lines], list(range(1, len(lines) + 1)))
            self.assertEqual([line for _, line in lines], data.decode().splitlines())

    def test_lines_end_as_tools_write_them(self):
        for data, lines in [
            (b"", []),
            (b"\n", [(1, "")]),
            (b"a\r\nb", [(1, "a"), (2, "b")]),
            (b"\xef\xbb\xbfa\n\xc3\xa4\n", [(1, "a"), (2, "ä")]),
        ]:
            self.assertEqual(list(artifact(data).lines()), lines)

    def test_a_line_has_a_bound(self):
        long = artifact(b"x\n" + b"y" * (2 << 20))
        long.LINE_BYTES_MAX = 1 << 20
        with self.assertRaises(Malformed) as raised:
            list(long.lines())
        self.assertEqual(raised.exception.diagnostic.at.line, 2)

    def test_json_that_is_wrong_is_told_with_its_place(self):
        self.assertEqual(artifact(b'\xef\xbb\xbf{"a": [1]}').json(), {"a": [1]})
        for data, place in [
            (b'{\n  "a": }', ("artifact/json", 2, 8)),
            (b"", ("artifact/json", 1, 1)),
            (b"NaN", ("artifact/json", None, None)),
            (b"{}\n\xff", ("artifact/utf-8", 2, 1)),
            (b"[" * 1_000_000, ("artifact/json", None, None)),
        ]:
            self.assertEqual(self.refused(Artifact.json, data), place, data[:20])

    def test_text_that_is_not_utf_8_is_told_with_its_place(self):
        for data, place in [(b"a\n\xc3\xa4\xff", (2, 2)), (b"\xff", (1, 1)), (b"x\ny\n\xc3", (3, 1))]:
            for read in [Artifact.text, lambda artifact: list(artifact.lines())]:
                self.assertEqual(self.refused(read, data), ("artifact/utf-8", *place))

    def test_a_host_that_gives_less_than_it_promised_is_an_error(self):
        short = artifact(b"0123456789", "a")
        short.size = 11
        with self.assertRaisesRegex(ExtractError, "a: ended after 10 of 11 bytes"):
            short.read()

    def test_a_path_is_a_pointer(self):
        self.assertEqual(pointer("nodes", "a/b~c", 0), "/nodes/a~1b~0c/0")
        self.assertEqual(artifact(b"").place("x", line=3), ("a.txt", "/x", None, 3, None))
        self.assertIsNone(artifact(b"").place().pointer)


KEYS = [ConfigKey("namespace", "one"), ConfigKey("namespace.", "many")]


class Configuration(unittest.TestCase):
    def test_flat_keys_and_prefixes_are_found(self):
        config = Config.parse('{"namespace": "a", "namespace.x.y": "b"}', KEYS)
        self.assertEqual(config.get("namespace"), "a")
        self.assertEqual(list(config.with_prefix("namespace.")), [("x.y", "b")])
        self.assertIsNone(Config.parse(" ", KEYS).get("namespace"))
        self.assertEqual(Config.parse("{}", KEYS).get("namespace", "file"), "file")

    def test_what_is_not_known_is_refused_by_name(self):
        for config, told in [
            ('{"name": "x"}', "unknown configuration key `name`; known keys: namespace, namespace.…"),
            ('{"namespace": ""}', "the value of configuration key `namespace` is empty"),
            ('{"namespace": true}', "the value of configuration key `namespace` is a boolean; expected a string"),
            ('{"namespace": 1}', "is a number"),
            ('{"namespace": null}', "is null"),
            ("[]", "the configuration is not a JSON object"),
            ("{", "the configuration is not JSON"),
        ]:
            with self.assertRaises(Malformed) as raised:
                Config.parse(config, KEYS)
            self.assertEqual(raised.exception.diagnostic.code, "config/invalid")
            self.assertIn(told, raised.exception.diagnostic.message)

    def test_the_schema_accepts_what_is_parsed(self):
        schema = json.loads(Config.schema(KEYS))
        self.assertEqual(schema["propertyNames"]["pattern"], "^(namespace|namespace\\..+)$")
        self.assertFalse(json.loads(Config.schema(KEYS[:1]))["additionalProperties"])


class Catalog(unittest.TestCase):
    def test_a_catalog_is_read_or_refused_with_its_place(self):
        text = b'{"version": 1, "more": 2, "datasets": [{"namespace": "n", "name": "t", "fields": ["a"]}]}'
        found = FieldCatalog.read(artifact(text, "x/headwater-catalog.json"), "x/catalog")
        self.assertEqual(found.datasets, [CatalogDataset("n", "t", ["a"])])
        self.assertTrue(FieldCatalog.is_catalog(artifact(b"", "x/headwater-catalog.json")))
        self.assertFalse(FieldCatalog.is_catalog(artifact(b"", "headwater-catalog.json/x")))
        for text, place in [
            (b"[]", None),
            (b'{"version": 2}', "/version"),
            (b'{"version": 1}', "/datasets"),
            (b'{"version": 1, "datasets": [{"namespace": "n", "name": "t", "fields": [1]}]}', "/datasets/0/fields/0"),
        ]:
            with self.assertRaises(Malformed) as raised:
                FieldCatalog.read(artifact(text), "x/catalog")
            self.assertEqual(raised.exception.diagnostic.at.pointer, place)


class Times(unittest.TestCase):
    def test_times_are_read_as_tools_write_them(self):
        for text, expected in [
            ("1970-01-01T00:00:00Z", (0, True)),
            ("1970-01-01 00:00:01.5", (1500, False)),
            ("2021-10-12T02:03:51.251037+00:00", (1_634_004_231_251, True)),
            ("2026-01-01T01:30:00+0130", (1_767_225_600_000, True)),
            ("2026-01-01T00:00:00-01:00", (1_767_229_200_000, True)),
            ("2024-02-29T00:00:00Z", (1_709_164_800_000, True)),
            ("2023-02-29T00:00:00Z", None),
            ("2023-01-01T24:00:00Z", None),
            ("2023-01-01T00:00:00.Z", None),
            ("2023-01-01T00:00:00+1", None),
            ("2023-01-01", None),
            ("0000-01-01T00:00:00Z", None),
            ("", None),
        ]:
            self.assertEqual(parse_rfc3339(text), expected, text)

    def test_what_is_written_is_read_again(self):
        for millis in [0, 1, -1, 1_634_004_231_251, -62_135_596_800_000, 253_402_300_799_999]:
            self.assertEqual(parse_rfc3339(format_rfc3339(millis)), (millis, True))


class Failing(Extractor):
    def extract(self, config, inputs, out):
        text = inputs[0].text()
        if text == "unsupported":
            raise Unsupported("expected a manifest")
        if text == "malformed":
            raise Malformed("x/y", "is odd", inputs[0].place(line=3))
        if text == "config":
            Config.parse('{"x": "y"}', KEYS)
        if text == "fault":
            json.loads("{")
        return Extraction(Coverage(0))


class Errors(unittest.TestCase):
    def error(self, text):
        try:
            golden.run(Failing, {"a.txt": text})
        except Exception as error:
            return golden.error_json(error, Failing.__module__)
        self.fail(f"{text} raised nothing")

    def test_an_error_is_what_the_sandbox_tells(self):
        self.assertEqual(self.error("unsupported"), {"kind": "UNSUPPORTED", "message": "expected a manifest"})
        diagnostic = {"artifact": "a.txt", "line": 3, "severity": "ERROR", "code": "x/y", "message": "is odd"}
        self.assertEqual(self.error("malformed"), {"kind": "MALFORMED", "diagnostic": diagnostic})
        self.assertEqual(self.error("config")["kind"], "CONFIG")

    def test_an_exception_is_told_with_its_place_in_source_and_artifact(self):
        told = self.error("fault")
        self.assertEqual(told["kind"], "INTERNAL")
        module = Failing.__module__.replace(".", "/")
        self.assertRegex(
            told["message"],
            r"^JSONDecodeError: Expecting property name .*, "
            rf"at {module}\.py:\d+ \(extract\) < {module}\.py:\d+ \(error\), while reading a\.txt$",
        )

    def told(self, stating, text):
        class Stating(Extractor):
            def extract(self, config, inputs, out):
                stating(inputs[0], out)

        with self.assertRaises(Exception) as raised:
            golden.run(Stating, {"a.txt": text})
        return golden.error_json(raised.exception, Stating.__module__)["message"].rpartition(", while ")[2]

    def test_an_exception_is_told_with_how_far_the_artifact_was_read(self):
        def second(artifact, out):
            places = [artifact.place(line=number) for number, _ in artifact.lines()]
            job = out.job("jobs", "load", evidence=places[0])
            out.reads(job, out.mention("ns", "", "TABLE", places[1]), places[1])

        def numbers(artifact, out):
            for _, line in artifact.lines():
                int(line)

        def keys(artifact, out):
            for key, value in artifact.json().items():
                out.dataset("ns", key, evidence=artifact.place("all", key))
                int(value)

        self.assertEqual(self.told(second, "1\n2\n3\n"), "reading a.txt, line 2")
        self.assertEqual(self.told(numbers, "1\n2\nx\n4\n"), "reading a.txt, line 3")
        self.assertEqual(self.told(keys, '{"x": 1, "y/z": "?"}'), "reading a.txt, /all/y~1z")
        self.assertEqual(self.told(lambda artifact, out: artifact.read()[9], "1"), "reading a.txt")

    def test_the_first_difference_is_told_with_its_place(self):
        for expected, found, told in [
            ({"a": [1, 2]}, {"a": [1, 2]}, None),
            ({"a": [1, {"b/c": 2}]}, {"a": [1, {"b/c": 3}]}, "/a/1/b~1c is 3, not 2"),
            ([1, 2], [1], "/1 is missing: 2"),
            ({}, {"x": None}, "/x is not expected: null"),
            (True, 1, "all is 1, not true"),
        ]:
            self.assertEqual(golden.difference(expected, found), told)


if __name__ == "__main__":
    unittest.main()
