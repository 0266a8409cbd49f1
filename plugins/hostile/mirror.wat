;; Well-behaved: the first artifact's bytes name a dataset, which the job `load` writes into `mart`.
;; Tests run it to see that the host goes on after another guest misbehaved.
(data (i32.const 600) "filesTABLEloadTASKmart")
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (local $artifact i32)
  (local.set $artifact (i32.load (local.get $inputs)))
  ;; Content to 512, name to 520.
  (call $read (local.get $artifact) (i64.const 0) (i32.const 64) (i32.const 512))
  (call $name (local.get $artifact) (i32.const 520))
  (call $string (i32.const 0) (i32.const 600) (i32.const 5)) ;; files
  (call $string (i32.const 1) (i32.load (i32.const 512)) (i32.load (i32.const 516)))
  (call $string (i32.const 2) (i32.const 605) (i32.const 5)) ;; TABLE
  (call $string (i32.const 3) (i32.const 610) (i32.const 4)) ;; load
  (call $string (i32.const 4) (i32.const 614) (i32.const 4)) ;; TASK
  (call $string (i32.const 5) (i32.const 618) (i32.const 4)) ;; mart
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
  (call $list (i32.const 0) (i32.const 1024) (i32.const 6))
  (call $list (i32.const 1) (i32.const 1200) (i32.const 1))
  (call $list (i32.const 2) (i32.const 1400) (i32.const 3))
  (call $list (i32.const 3) (i32.const 1600) (i32.const 2))
  (call $push (local.get $sink))
  (drop (call $well (local.get $sink)))
  ;; The answer covers DATASETS and EDGES, generated at 1,700,000,000,000 ms.
  (i32.store16 (i32.const 2312) (i32.const 9))
  (i32.store8 (i32.const 2320) (i32.const 1))
  (i64.store (i32.const 2328) (i64.const 1700000000000))
  (i32.const 2304))
