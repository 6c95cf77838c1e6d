"""GPU 的编号：各型号占哪一段，怎样挑，作业看到哪些变量。"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scns import gpus


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("gpu", True), ("gpu:a100", True), ("gpus", False), ("mps", False), ("gpu_mem", False)],
)
def test_only_gpus_are_numbered(kind, expected):
    assert gpus.is_gpu(kind) is expected


def test_kinds_are_numbered_one_after_another_by_name():
    gres = {"gpu:v100": 2, "disk": 10**9, "gpu:a100": 4}
    assert gpus.numbered(gres) == {"gpu:a100": range(4), "gpu:v100": range(4, 6)}
    assert gpus.numbered({"disk": 5}) == {}


@pytest.mark.parametrize(
    ("wanted", "used", "picked"),
    [
        ({"gpu:a100": 2}, (), [0, 1]),
        ({"gpu:a100": 2}, (0, 2), [1, 3]),
        ({"gpu:v100": 1}, (), [4]),
        ({"gpu:v100": 1, "gpu:a100": 1, "disk": 7}, (0,), [1, 4]),
        ({"gpu:v100": 2}, (5,), None),
        ({"gpu:h100": 1}, (), None),
        ({"disk": 7}, (), []),
        ({}, (0, 1), []),
    ],
)
def test_idle_ones_are_picked_from_the_lowest_number(wanted, used, picked):
    assert gpus.pick(wanted, {"gpu:a100": 4, "gpu:v100": 2, "disk": 9}, used) == picked


@given(
    counts=st.dictionaries(st.sampled_from(["gpu:a", "gpu:b", "gpu:c"]), st.integers(1, 4)),
    jobs=st.lists(
        st.dictionaries(st.sampled_from(["gpu:a", "gpu:b", "gpu:c"]), st.integers(1, 3)), max_size=6
    ),
)
def test_no_gpu_is_given_twice_and_none_is_refused_while_there_are_enough(counts, jobs):
    used: set[int] = set()
    left = dict(counts)
    for wanted in jobs:
        picked = gpus.pick(wanted, counts, used)
        enough = all(left.get(kind, 0) >= count for kind, count in wanted.items())
        assert (picked is not None) == enough
        if picked is None:
            continue
        assert len(picked) == len(set(picked)) == sum(wanted.values())
        assert not used.intersection(picked)
        used.update(picked)
        for kind, count in wanted.items():
            left[kind] -= count
            assert len(set(gpus.numbered(counts)[kind]).intersection(picked)) == count


def test_variables_name_the_gpus_of_a_job_and_of_a_step():
    found = gpus.variables([1, 3])
    assert found["SLURM_JOB_GPUS"] == found["CUDA_VISIBLE_DEVICES"] == "1,3"
    assert found["SLURM_GPUS_ON_NODE"] == "2"
    assert "SLURM_STEP_GPUS" not in found
    assert gpus.variables([0], step=True)["SLURM_STEP_GPUS"] == "0"


def test_variables_of_one_without_gpus_are_removed():
    found = gpus.variables([])
    assert set(found.values()) == {None}
    assert set(gpus.VISIBLE) < set(found)


def put(root, path, text):
    """在假的 /proc 与 /sys 里放一个文件。"""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_machine_without_gpus_has_none(tmp_path):
    assert gpus.detect(str(tmp_path)) == {}


def test_nvidia_gpus_are_counted_by_model(tmp_path):
    for number, model in enumerate(["NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3", "Tesla T4"]):
        text = f"Model: \t\t {model}\nIRQ:   \t\t 55\nDevice Minor: \t {number}\n"
        put(tmp_path, f"proc/driver/nvidia/gpus/0000:0{number}:00.0/information", text)
    (tmp_path / "proc/driver/nvidia/gpus/empty").mkdir()
    assert gpus.detect(str(tmp_path)) == {"gpu:nvidia_h100_80gb_hbm3": 2, "gpu:tesla_t4": 1}


def test_amd_gpus_are_the_nodes_that_compute(tmp_path):
    for number, count in enumerate((0, 256, 256)):
        text = f"cpu_cores_count 0\nsimd_count {count}\n"
        put(tmp_path, f"sys/class/kfd/kfd/topology/nodes/{number}/properties", text)
    assert gpus.detect(str(tmp_path)) == {"gpu:amd": 2}
