;; Sends new strings of 60 KiB and no facts, again and again.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (call $string (i32.const 0) (i32.const 4096) (i32.const 61440))
  (call $list (i32.const 0) (i32.const 1024) (i32.const 1))
  (loop $for_ever
    (call $push (local.get $sink))
    (br $for_ever))
  (unreachable))
