;; Well-behaved: a million edges between two datasets, a thousand with each push. Benchmarks run it.
(data (i32.const 600) "n")
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (local $index i32)
  (call $string (i32.const 0) (i32.const 600) (i32.const 1))
  (call $list (i32.const 0) (i32.const 1024) (i32.const 1))
  (call $list (i32.const 2) (i32.const 1600) (i32.const 2))
  (call $push (local.get $sink))
  (call $list (i32.const 0) (i32.const 0) (i32.const 0))
  (call $list (i32.const 2) (i32.const 0) (i32.const 0))
  ;; A thousand edges from 4096 on, 16 bytes each, to node 1.
  (loop $next
    (i32.store offset=4100 (i32.shl (local.get $index) (i32.const 4)) (i32.const 1))
    (local.set $index (i32.add (local.get $index) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $index) (i32.const 1000))))
  (call $list (i32.const 3) (i32.const 4096) (i32.const 1000))
  (loop $again
    (call $push (local.get $sink))
    (local.set $index (i32.sub (local.get $index) (i32.const 1)))
    (br_if $again (local.get $index)))
  (call $well (local.get $sink)))
