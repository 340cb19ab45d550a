"""What ``framestream bench`` measures: each stage, and ratios that hold on a slow machine as on a fast one."""

from framestream.bench.report import BenchReport, Ratio
from framestream.bench.run import BenchSettings, run_bench
from framestream.bench.timing import Timings

__all__ = ["BenchReport", "BenchSettings", "Ratio", "Timings", "run_bench"]
