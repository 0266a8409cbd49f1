;; Built for a version of the contract that there is not: refused by that version's name.
(component
  (@custom "headwater-extractor-api" "0.9")
  (import "headwater:extractor/host@0.9.0" (instance))
  (instance $plugin)
  (export "headwater:extractor/plugin@0.9.0" (instance $plugin)))
