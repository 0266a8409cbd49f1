;; An extractor of contract 0.1 that states every kind of fact and calls everything that the host offers. What it is built
;; into is frozen: this text says what stands in it, see ../README.md.
(module
  (import "headwater:extractor/host@0.1.0" "log" (func $log (param i32 i32 i32)))
  (import "headwater:extractor/host@0.1.0" "[method]artifact.name" (func $name (param i32 i32)))
  (import "headwater:extractor/host@0.1.0" "[method]artifact.media-type" (func $media_type (param i32 i32)))
  (import "headwater:extractor/host@0.1.0" "[method]artifact.size" (func $size (param i32) (result i64)))
  (import "headwater:extractor/host@0.1.0" "[method]artifact.digest" (func $digest (param i32 i32)))
  (import "headwater:extractor/host@0.1.0" "[method]artifact.read" (func $read (param i32 i64 i32 i32)))
  (import "headwater:extractor/host@0.1.0" "[method]sink.emit" (func $emit (param i32 i32)))
  (import "headwater:extractor/host@0.1.0" "[method]sink.diagnose" (func $diagnose (param i32 i32 i32 i32)))
  (import "headwater:extractor/host@0.1.0" "[resource-drop]artifact" (func $drop_artifact (param i32)))
  (import "headwater:extractor/host@0.1.0" "[resource-drop]sink" (func $drop_sink (param i32)))
  (memory (export "memory") 2)

  ;; Texts.
  (data (i32.const 1024) "frozen")
  (data (i32.const 1030) "0.1.0")
  (data (i32.const 1035) "States every kind of fact that contract 0.1 has.")
  (data (i32.const 1083) "**/*.txt")
  (data (i32.const 1091) "text/plain")
  (data (i32.const 1101) "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {\"greeting\": {\"type\": \"string\", \"description\": \"logged\"}}}")
  (data (i32.const 1223) "/a/0")
  (data (i32.const 1227) "frozen/note")
  (data (i32.const 1238) "is noted")
  (data (i32.const 1246) "reads")
  (data (i32.const 1251) "files")
  (data (i32.const 1256) "TABLE")
  (data (i32.const 1261) "load")
  (data (i32.const 1265) "TASK")
  (data (i32.const 1269) "mart")
  (data (i32.const 1273) "id")
  (data (i32.const 1275) "bigint")
  (data (i32.const 1281) "What it means")
  (data (i32.const 1294) "select 1")
  (data (i32.const 1302) "IDENTITY")
  (data (i32.const 1310) "the same")
  (data (i32.const 1318) "owner")
  (data (i32.const 1323) "core")
  (data (i32.const 1327) "note")
  (data (i32.const 1331) "{\"size\": [1, 2]}")
  (data (i32.const 1347) "stage-*")
  (data (i32.const 1354) "other")
  (data (i32.const 1359) "MART")
  (data (i32.const 1363) "known as")
  (data (i32.const 1371) "3f5e83fa-3480-44ff-99c5-ff943904e5e8")
  (data (i32.const 1407) "took long")
  (data (i32.const 1416) "nightly")
  (data (i32.const 1423) "tag")
  (data (i32.const 1426) "key")
  (data (i32.const 1429) "AGGREGATION")

  ;; Strings: those that the host tells (1, 6 and 24) are put here before the push.
  (data (i32.const 4096) "\e3\04\00\00\05\00\00\00\00\00\00\00\00\00\00\00\e8\04\00\00\05\00\00\00\ed\04\00\00\04\00\00\00\f1\04\00\00\04\00\00\00\f5\04\00\00\04\00\00\00\00\00\00\00\00\00\00\00\f9\04\00\00\02\00\00\00\fb\04\00\00\06\00\00\00\01\05\00\00\0d\00\00\00\0e\05\00\00\08\00\00\00\16\05\00\00\08\00\00\00\1e\05\00\00\08\00\00\00\26\05\00\00\05\00\00\00\2b\05\00\00\04\00\00\00\2f\05\00\00\04\00\00\00\33\05\00\00\10\00\00\00\43\05\00\00\07\00\00\00\4a\05\00\00\05\00\00\00\4f\05\00\00\04\00\00\00\53\05\00\00\08\00\00\00\5b\05\00\00\24\00\00\00\7f\05\00\00\09\00\00\00\88\05\00\00\07\00\00\00\00\00\00\00\00\00\00\00\8f\05\00\00\03\00\00\00\92\05\00\00\03\00\00\00\95\05\00\00\0b\00\00\00")
  ;; Two fields.
  (data (i32.const 4608) "\07\00\00\00\01\00\00\00\08\00\00\00\01\00\00\00\09\00\00\00\1a\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
  ;; Two transformations.
  (data (i32.const 4736) "\01\00\00\00\01\00\00\00\0b\00\00\00\01\00\00\00\0c\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\1b\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00")
  ;; A place: the artifact's name is put here before the push.
  (data (i32.const 5120) "\00\00\00\00\00\00\00\00\01\00\00\00\c7\04\00\00\04\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\03\00\00\00\00\00\00\00\01\00\00\00\01\00\00\00\01\00\00\00\02\00\00\00")
  ;; Two datasets, and two jobs, the second inside the first.
  (data (i32.const 5248) "\00\00\00\00\00\00\00\00\01\00\00\00\02\00\00\00\01\00\00\00\01\00\00\00\06\00\00\00\00\12\00\00\02\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\05\00\00\00\02\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\12\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\17\00\00\00\04\00\00\00\01\00\00\00\18\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\03\00\00\00\04\00\00\00\01\00\00\00\09\00\00\00\01\00\00\00\0a\00\00\00\01\00\00\00\02\00\00\00\01\00\00\00\00\00\00\00")
  ;; Edges of the four kinds.
  (data (i32.const 5504) "\00\00\00\00\03\00\00\00\01\00\00\00\00\00\00\00\03\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00\02\00\00\00\03\00\00\00\00\00\00\00\00\00\00\00")
  ;; Two edges between fields, the second from the whole dataset.
  (data (i32.const 5632) "\00\00\00\00\01\00\00\00\07\00\00\00\01\00\00\00\01\00\00\00\07\00\00\00\01\00\00\00\03\00\00\00\80\12\00\00\01\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\01\00\00\00\07\00\00\00\00\00\00\00\00\00\00\00\98\12\00\00\01\00\00\00\00\00\00\00\00\00\00\00")
  ;; Two selectors.
  (data (i32.const 5760) "\03\00\00\00\00\00\00\00\00\00\00\00\11\00\00\00\01\00\00\00\00\00\00\00\03\00\00\00\01\00\00\00\12\00\00\00\11\00\00\00\00\00\00\00\00\00\00\00")
  ;; An alias.
  (data (i32.const 5824) "\01\00\00\00\12\00\00\00\13\00\00\00\14\00\00\00\01\00\00\00\00\00\00\00")
  ;; Two attributes, the second a field's.
  (data (i32.const 5888) "\01\00\00\00\00\00\00\00\00\00\00\00\0d\00\00\00\0e\00\00\00\00\00\00\00\01\00\00\00\07\00\00\00\19\00\00\00\0e\00\00\00")
  ;; A facet.
  (data (i32.const 5952) "\00\00\00\00\0f\00\00\00\10\00\00\00")
  ;; A run.
  (data (i32.const 6016) "\03\00\00\00\15\00\00\00\02\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\00\68\e5\cf\8b\01\00\00\01\00\00\00\00\00\00\00\60\52\e6\cf\8b\01\00\00\01\00\00\00\16\00\00\00")
  ;; A finding, with the same place.
  (data (i32.const 6144) "\01\00\00\00\cb\04\00\00\0b\00\00\00\d6\04\00\00\08\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\c7\04\00\00\04\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\03\00\00\00\00\00\00\00\01\00\00\00\01\00\00\00\01\00\00\00\02\00\00\00")
  ;; The push.
  (data (i32.const 6272) "\00\00\00\00\00\10\00\00\1c\00\00\00\00\14\00\00\01\00\00\00\80\14\00\00\04\00\00\00\80\15\00\00\04\00\00\00\00\16\00\00\02\00\00\00\80\16\00\00\02\00\00\00\c0\16\00\00\01\00\00\00\00\17\00\00\02\00\00\00\40\17\00\00\01\00\00\00\80\17\00\00\01\00\00\00")
  ;; The answer: everything is covered.
  (data (i32.const 6464) "\00\00\00\00\00\00\00\00\ff\01\00\00\00\00\00\00\01\00\00\00\00\00\00\00\00\68\e5\cf\8b\01\00\00")
  ;; The description, and its one input pattern.
  (data (i32.const 6528) "\00\04\00\00\06\00\00\00\06\04\00\00\05\00\00\00\0b\04\00\00\30\00\00\00\c0\19\00\00\01\00\00\00\4d\04\00\00\7a\00\00\00")
  (data (i32.const 6592) "\3b\04\00\00\08\00\00\00\43\04\00\00\0a\00\00\00\01\00\00\00")

  ;; Gives out memory from the second page on, and never takes it back.
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $len)))
    (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))) (then (unreachable)))
    (local.get $at))

  (func (export "headwater:extractor/plugin@0.1.0#describe") (result i32) (i32.const 6528))

  (func (export "headwater:extractor/plugin@0.1.0#extract")
    (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
    (local $artifact i32)
    (call $log (i32.const 0) (i32.const 1246) (i32.const 5))
    (if (i32.ne (local.get $inputs_len) (i32.const 1)) (then (unreachable)))
    (local.set $artifact (i32.load (local.get $inputs)))
    ;; Each call leaves pointer and length of a text: into the strings, the place and the finding's place.
    (call $read (local.get $artifact) (i64.const 0) (i32.const 64) (i32.const 4104))
    (call $digest (local.get $artifact) (i32.const 4144))
    (call $media_type (local.get $artifact) (i32.const 4288))
    (call $name (local.get $artifact) (i32.const 5120))
    (i64.store (i32.const 6176) (i64.load (i32.const 5120)))
    (if (i64.ne (call $size (local.get $artifact)) (i64.extend_i32_u (i32.load (i32.const 4108))))
      (then (unreachable)))
    (call $drop_artifact (local.get $artifact))
    (i32.store (i32.const 6272) (local.get $sink))
    (call $emit (i32.const 6272) (i32.const 6400))
    (if (i32.load8_u (i32.const 6400)) (then (unreachable)))
    (call $diagnose (local.get $sink) (i32.const 6144) (i32.const 1) (i32.const 6400))
    (if (i32.load8_u (i32.const 6400)) (then (unreachable)))
    (call $drop_sink (local.get $sink))
    (i32.const 6464)))
