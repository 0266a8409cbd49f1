;; Grows its table a thousand elements at a time, without end.
(table $elements 1 funcref)
(func $extract (param $config i32) (param $config_len i32) (param $inputs i32) (param $inputs_len i32) (param $sink i32) (result i32)
  (loop $for_ever
    (drop (table.grow $elements (ref.null func) (i32.const 1000)))
    (br $for_ever))
  (unreachable))
