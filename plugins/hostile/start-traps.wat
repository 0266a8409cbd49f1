;; Traps while it is instantiated, before anything of it is called.
(func $trap (unreachable))
(start $trap)
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (unreachable))
