;; Names a dataset with a string that nobody has sent.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (i32.store (i32.const 1604) (i32.const 0xffffffff))
  (call $list (i32.const 2) (i32.const 1600) (i32.const 1))
  (call $push (local.get $sink))
  (call $well (local.get $sink)))
