;; Sends the same thousand datasets again and again, whatever the host answers.
(data (i32.const 600) "n")
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  ;; A thousand datasets from 4096 on: all zeros, so that namespace, name and kind are string 0.
  (call $string (i32.const 0) (i32.const 600) (i32.const 1))
  (call $list (i32.const 0) (i32.const 1024) (i32.const 1))
  (call $list (i32.const 2) (i32.const 4096) (i32.const 1000))
  (loop $for_ever
    (call $push (local.get $sink))
    (br $for_ever))
  (unreachable))
