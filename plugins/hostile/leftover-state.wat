;; Counts its calls, and traps at the second.
(global $calls (mut i32) (i32.const 0))
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
  (if (i32.ne (global.get $calls) (i32.const 1)) (then (unreachable)))
  (call $well (local.get $sink)))
