"""Step through moving points in a page: plain SVG and a slider, no server, no library, nothing from outside."""

import json
from collections.abc import Mapping

from torch import Tensor

from fgr.figures.style import BLACK, RULES

PAGE = """<div class="step-browser" id="{name}">
<label>step <output>0</output>
<input type="range" min="0" max="{last}" value="0" aria-label="regularisation step"></label>
<div style="display:flex;flex-wrap:wrap;gap:8px">{panels}</div>
<script>
(() => {{
  const root = document.getElementById("{name}"), paths = {paths}, every = {every};
  const draw = t => {{
    root.querySelector("output").textContent = t * every;
    root.querySelectorAll("svg").forEach((svg, p) => svg.querySelectorAll("line").forEach((line, i) => {{
      line.setAttribute("x2", 60 * paths[p][t][i][0]);
      line.setAttribute("y2", -60 * paths[p][t][i][1]);
    }}));
  }};
  root.querySelector("input").addEventListener("input", event => draw(+event.target.value));
  draw(0);
}})();
</script></div>"""

PANEL = """<figure style="margin:0"><svg viewBox="-70 -70 140 140" width="128" role="img" aria-label="{title}">
<circle r="60" fill="none" stroke="{black}" stroke-opacity="0.3"/>{lines}</svg>
<figcaption style="text-align:center">{title}</figcaption></figure>"""


def step_browser(paths: Mapping[str, Tensor], every: int = 5, name: str = "steps") -> str:
    """Return HTML in which a slider moves through the steps of several paths.

    Args:
        paths: title -> (steps + 1, N, 2) points in the unit circle.
        every: show every so many steps.
        name: id of the element, unique in its page.

    Example:
        >>> import torch
        >>> html = step_browser({"local rule": torch.zeros(11, 3, 2)}, every=5)
        >>> html.count("<line"), 'max="2"' in html, "http" in html
        (3, True, False)
    """
    frames = [path[::every] for path in paths.values()]
    panels = []
    for title, path in paths.items():
        color = RULES["global" if "global" in title else "local"]
        lines = f'<line x1="0" y1="0" x2="0" y2="0" stroke="{color}" stroke-width="2"/>' * path.shape[1]
        panels.append(PANEL.format(title=title, black=BLACK, lines=lines))
    data = json.dumps([[[[round(c, 3) for c in xy] for xy in step] for step in frame.tolist()] for frame in frames])
    return PAGE.format(name=name, last=len(frames[0]) - 1, panels="".join(panels), paths=data, every=every)
