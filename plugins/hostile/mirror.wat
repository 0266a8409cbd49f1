;; Well-behaved: the first artifact's bytes are the name of a dataset, which the job `load` writes into `mart`.
;; Tests run it to see that the host goes on after another guest misbehaved.
(module
  (import "headwater:extractor/host@0.1.0" "[method]sink.emit" (func $emit (param $arguments i32) (param $result i32)))
  (import "headwater:extractor/host@0.1.0" "[resource-drop]sink" (func $drop_sink (param i32)))
  (import "headwater:extractor/host@0.1.0" "[method]artifact.read" (func $read (param $artifact i32) (param $offset i64) (param $len i32) (param $result i32)))
  (import "headwater:extractor/host@0.1.0" "[method]artifact.name" (func $name (param $artifact i32) (param $result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "mirror")
  (data (i32.const 48) "0.1.0")
  (data (i32.const 64) "States what the first artifact names.")
  (data (i32.const 192) "**/*.txt")
  (data (i32.const 208) "text/plain")
  (data (i32.const 600) "filesTABLEloadTASKmart")

  ;; Gives out memory from the second page on, and never takes it back.
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $len)))
    (block $fits
      (loop $grow
        (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (drop (memory.grow (i32.const 1)))
        (br $grow)))
    (local.get $at))

  ;; The description is at 256, its one input pattern at 304.
  (func (export "headwater:extractor/plugin@0.1.0#describe") (result i32)
    (i32.store (i32.const 256) (i32.const 16))
    (i32.store (i32.const 260) (i32.const 6))
    (i32.store (i32.const 264) (i32.const 48))
    (i32.store (i32.const 268) (i32.const 5))
    (i32.store (i32.const 272) (i32.const 64))
    (i32.store (i32.const 276) (i32.const 37))
    (i32.store (i32.const 280) (i32.const 304))
    (i32.store (i32.const 284) (i32.const 1))
    (i32.store (i32.const 304) (i32.const 192))
    (i32.store (i32.const 308) (i32.const 8))
    (i32.store (i32.const 312) (i32.const 208))
    (i32.store (i32.const 316) (i32.const 10))
    (i32.store (i32.const 320) (i32.const 1))
    (i32.const 256))

  (func (export "headwater:extractor/plugin@0.1.0#extract")
    (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32)
    (result i32)
    (local $artifact i32)
    (local.set $artifact (i32.load (local.get $inputs)))
    ;; Content to 512, name to 520.
    (call $read (local.get $artifact) (i64.const 0) (i32.const 64) (i32.const 512))
    (call $name (local.get $artifact) (i32.const 520))

    ;; Strings at 1024: files, the content, TABLE, load, TASK, mart.
    (i32.store (i32.const 1024) (i32.const 600)) (i32.store (i32.const 1028) (i32.const 5))
    (i32.store (i32.const 1032) (i32.load (i32.const 512))) (i32.store (i32.const 1036) (i32.load (i32.const 516)))
    (i32.store (i32.const 1040) (i32.const 605)) (i32.store (i32.const 1044) (i32.const 5))
    (i32.store (i32.const 1048) (i32.const 610)) (i32.store (i32.const 1052) (i32.const 4))
    (i32.store (i32.const 1056) (i32.const 614)) (i32.store (i32.const 1060) (i32.const 4))
    (i32.store (i32.const 1064) (i32.const 618)) (i32.store (i32.const 1068) (i32.const 4))
    ;; One location at 1200: the artifact, line 1.
    (i32.store (i32.const 1200) (i32.load (i32.const 520))) (i32.store (i32.const 1204) (i32.load (i32.const 524)))
    (i32.store8 (i32.const 1240) (i32.const 1)) (i32.store (i32.const 1244) (i32.const 1))
    ;; Entities at 1400, 48 bytes each: the declared dataset of that name, the dataset mart, the job load.
    (i32.store (i32.const 1408) (i32.const 1)) (i32.store (i32.const 1412) (i32.const 2))
    (i32.store8 (i32.const 1416) (i32.const 1))
    (i32.store8 (i32.const 1436) (i32.const 1))
    (i32.store (i32.const 1456) (i32.const 5)) (i32.store (i32.const 1460) (i32.const 2))
    (i32.store8 (i32.const 1496) (i32.const 1))
    (i32.store (i32.const 1504) (i32.const 3)) (i32.store (i32.const 1508) (i32.const 4))
    ;; Edges at 1600: dataset 0 to job 2, job 2 to dataset 1.
    (i32.store (i32.const 1604) (i32.const 2))
    (i32.store (i32.const 1616) (i32.const 2)) (i32.store (i32.const 1620) (i32.const 1))
    ;; The push at 2048: the sink, then pointer and length of each list.
    (i32.store (i32.const 2048) (local.get $sink))
    (i32.store (i32.const 2052) (i32.const 1024)) (i32.store (i32.const 2056) (i32.const 6))
    (i32.store (i32.const 2060) (i32.const 1200)) (i32.store (i32.const 2064) (i32.const 1))
    (i32.store (i32.const 2068) (i32.const 1400)) (i32.store (i32.const 2072) (i32.const 3))
    (i32.store (i32.const 2076) (i32.const 1600)) (i32.store (i32.const 2080) (i32.const 2))
    (call $emit (i32.const 2048) (i32.const 2200))
    (call $drop_sink (local.get $sink))
    ;; The answer is at 2304: ok, covers DATASETS and EDGES, generated at 1,700,000,000,000 ms.
    (i32.store16 (i32.const 2312) (i32.const 9))
    (i32.store8 (i32.const 2320) (i32.const 1))
    (i64.store (i32.const 2328) (i64.const 1700000000000))
    (i32.const 2304))
)
