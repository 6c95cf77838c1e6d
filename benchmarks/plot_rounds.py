"""把 planner_rounds 的表画成图：一轮的毫秒数对等待的作业数，一条线一种（形状数，节点数）。

用法：
    python -m benchmarks.planner_rounds > rounds.txt
    python benchmarks/plot_rounds.py rounds.txt docs/planner-rounds.svg
需要 matplotlib（可选依赖 `plot`）。
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt


def read(text: str) -> dict[tuple[str, int, int], list[tuple[int, float]]]:
    """（情形，形状数，节点数）到（等待数，毫秒）的各点。"""
    lines: dict[tuple[str, int, int], list[tuple[int, float]]] = {}
    for row in text.splitlines():
        words = row.replace(",", "").split()
        if len(words) == 7 and words[1].isdigit():
            scene, shapes, waiting, nodes, load, plan, _ = words
            key = (scene, int(shapes), int(nodes))
            lines.setdefault(key, []).append((int(waiting), float(load) + float(plan)))
    return lines


def main() -> None:
    """读表，画图。"""
    lines = read(Path(sys.argv[1]).read_text("utf-8"))
    scenes = sorted({scene for scene, _, _ in lines})
    figure, axes = plt.subplots(1, len(scenes), figsize=(11, 4.2), sharey=True)
    for panel, scene in zip(axes, scenes, strict=True):
        for (name, shapes, nodes), points in sorted(lines.items()):
            if name == scene:
                style = "-o" if shapes == 10 else "--s"
                panel.plot(
                    *zip(*sorted(points), strict=True),
                    style,
                    label=f"{shapes:,} shapes, {nodes:,} nodes",
                )
        panel.set(xscale="log", yscale="log", xlabel="waiting jobs", title=scene)
        panel.grid(alpha=0.3)
    axes[0].set_ylabel("one round, ms")
    axes[-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.tight_layout()
    figure.savefig(sys.argv[2])


if __name__ == "__main__":
    main()
