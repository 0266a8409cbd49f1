;; Reads where the artifact has ended, and more than it holds; traps if it gets a byte too many.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (local $artifact i32)
  (local.set $artifact (i32.load (local.get $inputs)))
  (call $read (local.get $artifact) (i64.const -1) (i32.const -1) (i32.const 512))
  (if (i32.load (i32.const 516)) (then (unreachable)))
  (call $read (local.get $artifact) (call $size (local.get $artifact)) (i32.const -1) (i32.const 512))
  (if (i32.load (i32.const 516)) (then (unreachable)))
  (call $read (local.get $artifact) (i64.const 1) (i32.const -1) (i32.const 512))
  (if (i64.ne
        (i64.add (i64.extend_i32_u (i32.load (i32.const 516))) (i64.const 1))
        (call $size (local.get $artifact)))
    (then (unreachable)))
  (call $well (local.get $sink)))
