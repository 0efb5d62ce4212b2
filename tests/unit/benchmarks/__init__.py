"""Of the benchmarks themselves; none of what they measure is tested."""
