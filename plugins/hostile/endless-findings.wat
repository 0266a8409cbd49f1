;; Reports six hundred findings, again and again.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  ;; Six hundred findings from 4096 on, all zeros: INFO, no code, no message.
  (loop $for_ever
    (call $diagnose (local.get $sink) (i32.const 4096) (i32.const 600) (i32.const 2200))
    (br $for_ever))
  (unreachable))
