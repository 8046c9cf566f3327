"""What the plots of this folder share: an SVG as a list of lines, and an axis of round numbers."""
import html
import math

# Told apart with impaired colour vision too (Okabe and Ito's palette, in the order of the program's own plots).
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999"]
WIDE = 400  # a phone shows it without zooming, so 13 stays 13
SIZE = 13


def width(text, size=SIZE):
    """Pixels a text surely fits in: no font is asked, so labels get more room than they need rather than touch."""
    return 0.66 * size * len(text)


def ticks(low, high, most=4):
    """Round numbers, at most so many steps apart from below low to above high, and their texts."""
    if low == high:
        half = max(abs(low) * 0.05, 1e-3)
        low, high = low - half, high + half
    power = 10 ** math.floor(math.log10((high - low) / most))
    for step in (power, 2 * power, 5 * power, 10 * power, 20 * power):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first <= most:
            break
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [k * step for k in range(first, last + 1)], [f"{k * step:.{digits}f}" for k in range(first, last + 1)]


class Picture:
    def __init__(self):
        self.lines, self.bottom = [], 0

    def text(self, x, y, text, anchor="start", size=SIZE, **more):
        more = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in more.items())
        self.lines.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{more}>'
                          f'{html.escape(text)}</text>')

    def line(self, x1, y1, x2, y2, colour="#ddd", wide=1):
        self.lines.append(f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}" stroke-width="{wide}"/>')

    def dot(self, x, y, colour, radius=4):
        self.lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}" fill-opacity="0.55"/>')

    def panel(self, title, lines, left):
        """A dot plot below what is there: of each line (label, colour, values, (low, high) or None) a dot a value, a notch at their mean, a
        bar from low to high. left: where the axis begins, the labels before it."""
        right = WIDE - 16 - width("-00.0")
        seen = [x for _, _, values, bar in lines for x in (*values, *(bar or ()))]
        at, texts = ticks(min(seen), max(seen), most=max(2, int((right - left) / 40)))

        def place(x):
            return left + (x - at[0]) / (at[-1] - at[0]) * (right - left)
        y = max(self.bottom, 8) + 18
        self.text(8, y, title, font_weight="bold", size=15)
        y += 8
        for x in at:
            self.line(place(x), y, place(x), y + 24 * len(lines))
        for label, colour, values, bar in lines:
            y += 24
            mean = sum(values) / len(values)
            self.text(left - 8, y - 7, label, "end")
            if bar:
                self.line(place(bar[0]), y - 8, place(bar[1]), y - 8, colour, 3)
            self.line(place(mean), y - 13, place(mean), y - 3, colour, 3)
            for x in values:
                self.dot(place(x), y - 17, colour, 3)
            self.text(WIDE - 8, y - 7, f"{mean:.1f}", "end")
        for x, text in zip(at, texts):
            self.text(place(x), y + 14, text, "middle", size=12)
        self.bottom = y + 30

    def note(self, *lines):
        for text in lines:
            self.text(8, self.bottom, text, size=12)
            self.bottom += 16

    def write(self, path):
        size = f'width="{WIDE}" height="{self.bottom:.0f}"'
        with open(path, "w") as out:
            out.write(f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDE} {self.bottom:.0f}" '
                      f'font-family="Helvetica, Arial, sans-serif" fill="#222">\n<rect {size} fill="#fff"/>\n')
            out.write("\n".join(self.lines) + "\n</svg>\n")
