"""Cores that a process may use, with the quotas of containers: trees of files as Linux shows them."""

from pathlib import Path

import pytest

from framestream.cores import usable_cores, visible_cores
from framestream.cpu_quota import read_cpu_quota


class Kernel:
    """A process's files in /proc, and control groups, below a folder."""

    def __init__(self, folder: Path) -> None:
        self.process = folder / "proc self"
        self.process.mkdir()
        self.groups = folder / "cgroup"
        self.groups.mkdir()
        self._mounts = ["21 1 0:5 / / rw - ext4 /dev/root rw"]

    def mount(self, kind: str, *, root: str = "/", point: str = "", options: str = "rw") -> None:
        shown = str(self.groups / point).replace(" ", "\\040")
        self._mounts.append(f"30 21 0:26 {root} {shown} rw,nosuid shared:9 - {kind} {kind} {options}")
        (self.process / "mountinfo").write_text("\n".join(self._mounts) + "\n")

    def join(self, *lines: str) -> None:
        (self.process / "cgroup").write_text("\n".join(lines) + "\n")

    def write(self, name: str, text: str) -> None:
        path = self.groups / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")

    @property
    def quota(self) -> float | None:
        return read_cpu_quota(self.process)


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    (tmp_path / "a space").mkdir()
    return Kernel(tmp_path / "a space")


def test_version_2_in_a_namespace_of_its_own(kernel: Kernel) -> None:
    """As in a container of today: its group is at the top of what it sees."""
    kernel.mount("cgroup2")
    kernel.join("0::/")
    kernel.write("cpu.max", "150000 100000")
    assert kernel.quota == 1.5


def test_version_2_of_a_service_counts_the_groups_above(kernel: Kernel) -> None:
    kernel.mount("cgroup2")
    kernel.join("0::/system.slice/watch.service")
    kernel.write("system.slice/watch.service/cpu.max", "max 100000")
    assert kernel.quota is None
    kernel.write("system.slice/cpu.max", "200000 100000")
    assert kernel.quota == 2.0
    kernel.write("system.slice/watch.service/cpu.max", "50000 100000")
    assert kernel.quota == 0.5


def test_version_1_with_the_hosts_path(kernel: Kernel) -> None:
    """As Docker shows it without a namespace: the path is the host's, and the mount is that very group."""
    kernel.mount("cgroup", root="/docker/abc", point="cpu,cpuacct", options="rw,cpu,cpuacct")
    kernel.mount("cgroup", root="/docker/abc", point="memory", options="rw,memory")
    kernel.join("5:memory:/docker/abc", "4:cpu,cpuacct:/docker/abc", "1:name=systemd:/docker/abc")
    kernel.write("cpu,cpuacct/cpu.cfs_period_us", "100000")
    kernel.write("cpu,cpuacct/cpu.cfs_quota_us", "-1")
    assert kernel.quota is None
    kernel.write("cpu,cpuacct/cpu.cfs_quota_us", "300000")
    assert kernel.quota == 3.0


def test_version_1_of_a_service_in_a_hybrid_system(kernel: Kernel) -> None:
    kernel.mount("cgroup", point="cpu", options="rw,cpu")
    kernel.mount("cgroup2", point="unified")
    kernel.join("3:cpuset:/", "1:cpu:/system.slice/watch.service", "0::/system.slice/watch.service")
    kernel.write("cpu/system.slice/watch.service/cpu.cfs_period_us", "50000")
    kernel.write("cpu/system.slice/watch.service/cpu.cfs_quota_us", "100000")
    kernel.write("unified/system.slice/watch.service/cgroup.procs", "1")
    assert kernel.quota == 2.0


@pytest.mark.parametrize("group", ["/../../other", "/kubepods/pod1/abc", "/"])
def test_a_path_that_cannot_be_seen_means_the_top(kernel: Kernel, group: str) -> None:
    kernel.mount("cgroup2")
    kernel.join(f"0::{group}")
    kernel.write("cpu.max", "400000 100000")
    assert kernel.quota == 4.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "max",
        "max 100000",
        "0 100000",
        "1 0",
        "a b",
        "-1 100000",
        "1 2 3",
        "\xff",
        "9" * 400 + " 1",
        "9" * 5000 + " 9",
        "²00 100",
    ],
)
def test_what_says_nothing_limits_nothing(kernel: Kernel, text: str) -> None:
    kernel.mount("cgroup2")
    kernel.join("0::/")
    kernel.write("cpu.max", text)
    assert kernel.quota is None


def test_a_group_whose_name_begins_as_the_mounted_one_is_not_inside(kernel: Kernel) -> None:
    kernel.mount("cgroup2", root="/pod")
    kernel.join("0::/pods/1")
    kernel.write("s/1/cpu.max", "10000 100000")
    kernel.write("cpu.max", "300000 100000")
    assert kernel.quota == 3.0


def test_mounts_that_cannot_be_are_passed_over(kernel: Kernel) -> None:
    kernel.mount("cgroup2", point="\\000")
    kernel.mount("cgroup2")
    kernel.join("0::/")
    kernel.write("cpu.max", "300000 100000")
    assert kernel.quota == 3.0


def test_other_systems_have_none(tmp_path: Path) -> None:
    assert read_cpu_quota(tmp_path) is None


@pytest.mark.parametrize(("text", "cores"), [("10000 100000", 1), ("100000 100000", 1), ("150000 100000", 2)])
def test_a_part_of_a_core_counts_as_one(kernel: Kernel, text: str, cores: int) -> None:
    kernel.mount("cgroup2")
    kernel.join("0::/")
    kernel.write("cpu.max", text)
    assert usable_cores(kernel.process) == min(visible_cores(), cores)


def test_more_than_there_is_gives_no_more(kernel: Kernel) -> None:
    kernel.mount("cgroup2")
    kernel.join("0::/")
    kernel.write("cpu.max", "100000000 100000")
    assert usable_cores(kernel.process) == visible_cores()
