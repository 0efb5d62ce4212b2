"""Wrong changes of the product, as patches: the tests have to find each."""
