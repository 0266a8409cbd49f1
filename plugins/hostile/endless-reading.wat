;; Reads the first artifact and has it digested, again and again, into the same memory.
(func $realloc (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
  (i32.const 65536))
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (local $artifact i32)
  (local.set $artifact (i32.load (local.get $inputs)))
  (loop $for_ever
    (call $read (local.get $artifact) (i64.const 0) (i32.const 64) (i32.const 512))
    (call $digest (local.get $artifact) (i32.const 512))
    (br $for_ever))
  (unreachable))
