;; Sends JSON of 60 KiB once, and states it as a facet of one dataset five thousand times, to have it checked as often.
(func $fill (memory.fill (i32.const 131072) (i32.const 0x31) (i32.const 61440)))
(data (i32.const 600) "n")
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (local $index i32)
  (drop (memory.grow (i32.const 1)))
  (call $fill)
  (call $string (i32.const 0) (i32.const 600) (i32.const 1))
  (call $string (i32.const 1) (i32.const 131072) (i32.const 61440))
  ;; Five thousand facets from 4096 on, 12 bytes each: their JSON is string 1, a number of 61,440 digits.
  (loop $next
    (i32.store offset=4104 (i32.mul (local.get $index) (i32.const 12)) (i32.const 1))
    (local.set $index (i32.add (local.get $index) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $index) (i32.const 5000))))
  (call $list (i32.const 0) (i32.const 1024) (i32.const 2))
  (call $list (i32.const 2) (i32.const 1600) (i32.const 1))
  (call $list (i32.const 8) (i32.const 4096) (i32.const 5000))
  (call $push (local.get $sink))
  (call $well (local.get $sink)))
