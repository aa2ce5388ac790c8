"""The page of the report in a real browser: on a desk, a phone and paper, light and dark."""

import io
import shutil
import subprocess

import pytest
from PIL import Image

from conftest import NAMES

# What stands beyond the right edge, were it not for the scroll bar.
OVERFLOW = """(() => { const wide = document.documentElement.clientWidth;
  return [document.documentElement.scrollWidth - wide,
    [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > wide + 0.5).length] })()"""

# The least contrast of text with what is behind it (WCAG 2.2, 1.4.3), and whose it is.
CONTRAST = """(() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  let worst = [99, ''];
  let count = 0;
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('svg') || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    let behind = e, colour;
    do { colour = parse(getComputedStyle(behind).backgroundColor); behind = behind.parentElement } while (colour[3] === 0 && behind);
    const a = light(parse(getComputedStyle(e).color).slice(0, 3)), b = light(colour.slice(0, 3));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    count++;
    if (ratio < worst[0]) worst = [ratio, e.outerHTML.slice(0, 100)];
  }
  return [count, ...worst] })()"""


@pytest.mark.parametrize("dark", (False, True), ids=("light", "dark"))
@pytest.mark.parametrize(
    "name, width", [(name, width) for name in NAMES for width in (1280, 360)] + [("fails", 390), ("hostile", 390)]
)
def test_the_page_is_readable(browser, samples, tmp_path, name, width, dark):
    file = samples / f"{name}.html"
    page = browser.open(file, width, dark=dark)
    assert page.run(OVERFLOW) == [0, 0]
    texts, contrast, where = page.run(CONTRAST)
    assert texts > 10
    assert contrast >= 4.5, where
    assert page.requests == [file.resolve().as_uri()]
    assert page.complaints == []
    picture = page.picture()
    (samples / f"{name}-{width}-{'dark' if dark else 'light'}.png").write_bytes(picture)
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    assert image.width == width
    colours = image.getcolors(1 << 24)
    # Not blank: many colours, and the most frequent is not all of it.
    assert len(colours) > 30
    assert max(count for count, _ in colours) < 0.9 * image.width * image.height
    brightness = sum(image.resize((1, 1)).getpixel((0, 0))) / 3
    assert brightness < 90 if dark else brightness > 170
    page.close()


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_an_order_for_who_cannot_see_it(browser, samples, name):
    page = browser.open(samples / f"{name}.html", 1280)
    levels = page.run("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in zip(levels, levels[1:]))
    assert page.run("document.documentElement.lang") == "en"
    assert page.run("document.title")
    pictures = "[...document.querySelectorAll('svg')].filter(s => s.ariaHidden !== 'true' && !s.getAttribute('aria-label'))"
    assert page.run(f"{pictures}.length") == 0
    assert page.run("[...document.querySelectorAll('th')].filter(t => !t.scope).length") == 0
    page.close()


def test_hostile_names_stay_text(browser, samples):
    page = browser.open(samples / "hostile.html", 390)
    assert page.run("document.querySelectorAll('script, img, [onload], [onerror], iframe').length") == 0
    assert page.run("document.body.textContent.includes('<script>alert(1)</script>')")
    assert page.run("document.body.textContent.includes('\\\\u{202E}gnp.exe')")
    page.close()


def test_the_browser_would_refuse_what_is_put_in(browser, samples, tmp_path):
    """The tests above can fail: with a script, a style and a picture from elsewhere the browser complains."""
    text = (samples / "holds.html").read_text()
    file = tmp_path / "changed.html"
    intruder = (
        "<script>document.title='run'</script><style>h1{width:3000px}</style><img src='https://example.org/x.png'>"
        "<p style='color:red'>x</p></main>"
    )
    file.write_text(text.replace("</main>", intruder))
    page = browser.open(file, 360)
    assert page.run("document.title") != "run"
    assert len(page.complaints) >= 4
    page.close()
    file.write_text(text.replace("<h1>", f"<h1><code>{'x' * 200}</code>").replace("overflow-wrap:anywhere", ""))
    page = browser.open(file, 360)
    # The style sheet was changed, so it is refused.
    assert page.complaints
    assert page.run(OVERFLOW)[0] > 0
    page.close()


@pytest.mark.parametrize("name", NAMES)
def test_it_prints(browser, samples, tmp_path, name):
    page = browser.open(samples / f"{name}.html", 1280, dark=True)
    pdf = samples / f"{name}.pdf"
    pdf.write_bytes(page.printed())
    page.close()
    if not shutil.which("pdftotext"):
        pytest.exit("poppler-utils is not installed; run scripts/install-needs", 4)
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True).stdout.decode()
    for heading in ("What to do next", "To look it up, and to repeat it"):
        assert heading in text
    if name == "fails":
        # The list of files is open on paper.
        assert text.count("signed as version 4") == 14
    subprocess.run(["pdftoppm", "-r", "40", "-png", pdf, tmp_path / "sheet"], check=True)
    sheets = sorted(tmp_path.glob("sheet*.png"))
    assert sheets
    for sheet in sheets:
        # Dark ink on white paper, also when the screen is dark.
        assert Image.open(sheet).convert("L").getpixel((3, 3)) > 250
