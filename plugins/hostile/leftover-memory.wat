;; Fills 8 MiB of its memory with ones, after it has looked whether anything is there that another call left: then it traps.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (local $at i32)
  (drop (memory.grow (i32.const 128)))
  (local.set $at (i32.const 131072))
  (loop $next
    (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (unreachable)))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (br_if $next (i32.lt_u (local.get $at) (i32.const 8519680))))
  (memory.fill (i32.const 131072) (i32.const 1) (i32.const 8388608))
  (call $well (local.get $sink)))
