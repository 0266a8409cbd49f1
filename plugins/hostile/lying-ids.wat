;; Sends an edge between two nodes that nobody has sent, ignores that the host refuses it, and says that all went well.
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (i32.store (i32.const 1600) (i32.const 4211)) (i32.store (i32.const 1604) (i32.const 4212))
  (call $list (i32.const 3) (i32.const 1600) (i32.const 1))
  (call $push (local.get $sink))
  (call $well (local.get $sink)))
