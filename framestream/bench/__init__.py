"""What `framestream bench` measures: each stage, and ratios that hold on a slow machine as on a fast one."""

from framestream.bench.bench_report import BenchReport, Ratio
from framestream.bench.comparison import Comparison, compare_models
from framestream.bench.run import BenchSettings, run_bench
from framestream.bench.timing import Timings

__all__ = ["BenchReport", "BenchSettings", "Comparison", "Ratio", "Timings", "compare_models", "run_bench"]
