"""Two log-log panels as SVG: seconds and updates to the gap against the block width."""

import math
from html import escape

COLOURS = ("#7f7f7f", "#9467bd", "#1f77b4", "#fdae6b", "#fd8d3c", "#e6550d", "#a63603")
WIDE, HIGH, LEFT, TOP, GAP = 330, 260, 60, 40, 70
FONT = 'font-family="sans-serif" font-size="12" fill="#333"'


class Panel:
    """One drawing with logarithmic axes."""

    def __init__(self, x, xs, ys):
        self.x, self.xs = x, [math.log(min(xs)), math.log(max(xs))]
        self.decades = range(math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys))) + 1)

    def at(self, x, y):
        low, high = self.decades[0], max(self.decades[-1], self.decades[0] + 1)
        right = (math.log(x) - self.xs[0]) / (self.xs[1] - self.xs[0])
        up = (math.log10(y) - low) / (high - low)
        return self.x + right * WIDE, TOP + (1 - up) * HIGH

    def axes(self, title, widths):
        parts = [_text(self.x, TOP - 14, title, weight="bold")]
        for decade in self.decades:
            _, y = self.at(widths[0], 10.0**decade)
            parts.append(f'<path d="M{self.x} {y:.1f}h{WIDE}" stroke="#ddd"/>')
            parts.append(_text(self.x - 6, y + 4, _power(decade), anchor="end"))
        for width in widths:
            x, _ = self.at(width, 10.0 ** self.decades[0])
            parts.append(_text(x, TOP + HIGH + 18, str(width), anchor="middle"))
        parts.append(_text(self.x + WIDE / 2, TOP + HIGH + 36, "U, coefficients a round",
                           anchor="middle"))
        return parts


def _power(decade):
    return f"{10.0**decade:,.0f}" if decade >= 0 else f"{10.0**decade:g}"


def _text(x, y, text, anchor="start", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" '
            f'{FONT}>{escape(text)}</text>')


def _line(points, colour):
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points)
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'


def draw(report):
    """The drawing; runs that did not reach the gap are left out."""
    reached = [run for run in report["runs"] if run["reached"]]
    parts = []
    titles = (("seconds", "training, seconds"), ("updates", "coefficient updates"))
    for place, (measure, title) in enumerate(titles):
        left = LEFT + place * (WIDE + GAP + 20)
        panel = Panel(left, report["widths"], [run[measure] for run in reached] or [1, 10])
        parts += panel.axes(f"{title}, to a relative gap of {report['target']:g}", report["widths"])
        for arm, colour in zip(report["arms"], COLOURS):
            points = [panel.at(run["width"], run[measure]) for run in reached if run["arm"] == arm]
            if points:
                parts.append(_line(points, colour))
    right = LEFT + 2 * WIDE + GAP + 40
    for place, (arm, colour) in enumerate(zip(report["arms"], COLOURS)):
        y = TOP + 12 + 20 * place
        parts.append(f'<path d="M{right} {y}h20" stroke="{colour}" stroke-width="3"/>')
        parts.append(_text(right + 28, y + 4, arm))
    wide, high = right + 150, TOP + HIGH + 50
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" '
            f'width="{wide}" height="{high}">\n<rect width="100%" height="100%" fill="#fff"/>\n'
            + "\n".join(parts) + "\n</svg>\n")
