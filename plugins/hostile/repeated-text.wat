;; Sends 60 KiB once, and states them as the description of a thousand datasets: 60 MiB, were each written out.
(func $fill (memory.fill (i32.const 131072) (i32.const 0x61) (i32.const 61440)))
(data (i32.const 600) "n")
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (local $index i32)
  (drop (memory.grow (i32.const 1)))
  (call $fill)
  (call $string (i32.const 0) (i32.const 600) (i32.const 1))
  (call $string (i32.const 1) (i32.const 131072) (i32.const 61440))
  ;; A thousand datasets from 4096 on: the description is string 1.
  (loop $next
    (i32.store8 offset=4116 (i32.mul (local.get $index) (i32.const 48)) (i32.const 1))
    (i32.store offset=4120 (i32.mul (local.get $index) (i32.const 48)) (i32.const 1))
    (local.set $index (i32.add (local.get $index) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $index) (i32.const 1000))))
  (call $list (i32.const 0) (i32.const 1024) (i32.const 2))
  (call $list (i32.const 2) (i32.const 4096) (i32.const 1000))
  (call $push (local.get $sink))
  (call $well (local.get $sink)))
