"""Draws what a command prints, as it stands in a terminal, for the README.

    python tools/terminal_picture.py docs/mnist.svg -- cargo run --release --example mnist
"""

import subprocess
import sys
from html import escape

out, command = sys.argv[1], sys.argv[sys.argv.index("--") + 1 :]
done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
noise = ("Compiling", "Finished", "Running", "Blocking")
lines = ["$ " + " ".join(command)] + [line for line in done.stdout.splitlines() if not line.strip().startswith(noise)]
width, height = 9 + 7.3 * max(map(len, lines)) + 9, 20 + 18 * len(lines)
with open(out, "w") as svg:
    svg.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}">\n')
    svg.write('<rect width="100%" height="100%" rx="8" fill="#16202c"/>\n')
    svg.write('<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12" fill="#d5dee8" xml:space="preserve">\n')
    for i, line in enumerate(lines):
        colour = ' fill="#7fc8a9"' if i in (0, len(lines) - 1) else ""
        svg.write(f'<text x="9" y="{24 + 18 * i}"{colour}>{escape(line)}</text>\n')
    svg.write("</g>\n</svg>\n")
