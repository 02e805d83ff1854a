"""The page: whole, self-contained, harmless whatever packets say, and of bounded size."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from captures.write import FOLDER
from dissect.analysis import Analysis
from dissect.html import write_html
from dissect.html.charts import Answer, Scale, answers_chart, mark_of, operations_chart
from dissect.html.gather import SLICES, answers_of
from dissect.html.markup import milliseconds, shown
from dissect.html.sessions import SESSIONS_SHOWN, STEPS_SHOWN
from dissect.model import Device, Totals
from dissect.stats import statistics
from tests.conftest import Run
from tests.synthetic import anomaly, at, exchange, feed, message, session, source

VOID = {"meta", "br", "path", "rect", "circle"}
HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", "</title></style></svg></table></details><h1>own", "<!--", "]]>",
    "javascript:alert(1)", "&lt;b&gt;&#60;", "\x1b[2J\x00\x07\x7f\x9b", "\u202eevil\u2066\u2069\u200f", "\ud800", "\u200b\ufeff\u2028", "<svg/onload=alert(1)>",
    "{body}{style}{hash}", "a" * 10_000, "\u3000中文 שלום",
]


class Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page_of(analysis: Analysis, **named: Any) -> str:
    out = io.BytesIO()
    write_html(analysis, out, **named)
    return out.getvalue().decode()


def made(hostile: str = "plain", sessions: int = 1, messages: int = 4) -> Analysis:
    """*hostile* stands wherever a packet's text can."""
    analysis = Analysis()
    analysis.source(source())
    ident = 0
    for number in range(1, sessions + 1):
        analysis.session(session(number, address=hostile, device_id=hostile, client_id=hostile, carrier=hostile), False)
        for _ in range(messages // 2):
            ident += 2
            analysis.message(message(ident - 1, ident, type=hostile, name=hostile, key={hostile: hostile}, fields={hostile: [hostile]}, device_id=hostile,
                                     carrier={"topic": hostile}), number, at(ident), b"{}", None)
            analysis.message(message(ident, ident + 5, direction="down", type=None, name=None, key=None, fields=None, raw_b64="AAEC"), number, at(ident + 5),
                             b"", None)
            analysis.exchange(exchange(ident // 2, ident - 1, ident, operation=hostile, key={hostile: hostile}), number)
        analysis.anomaly(anomaly(number, "schema.bad-value", "warning", 1, [1], message=hostile, reference=hostile), number, at(1))
        analysis.session(session(number, address=hostile, device_id=hostile, client_id=hostile), True)
    analysis.device(Device(id=hostile, protocol="fogslink", identity={"eqSN": hostile}, addresses=[hostile], sessions=[1]))
    analysis.finish(source(), Totals())
    return analysis


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:24])
def test_nothing_that_a_packet_says_is_markup(text: str) -> None:
    plain, told = Page(page_of(made())), Page(page_of(made(text)))
    assert told.open == [] and told.tags == plain.tags
    assert [(tag, name) for tag, name, _ in told.attributes] == [(tag, name) for tag, name, _ in plain.attributes]
    assert [one for one in told.attributes if one[1] != "aria-label" and text in one[2]] == []


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:24])
def test_nothing_that_a_packet_says_steers_or_hides(text: str) -> None:
    page = page_of(made(text))
    assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", page) is None


def test_text_is_escaped_and_cut() -> None:
    assert shown("<a href='x' on=\"y\">&\u202e") == "&lt;a href=&#x27;x&#x27; on=&quot;y&quot;&gt;&amp;\\u202e"
    assert len(shown("x" * 5000, 100)) == 100


def test_the_page_brings_all_that_it_needs_and_the_browser_is_told_so() -> None:
    page = page_of(made())
    told = Page(page)
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(value for tag, name, value in told.attributes if tag == "meta" and name == "content" and "default-src" in value)
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert {"script", "link", "img", "iframe", "object", "form", "base"} & set(told.tags) == set()
    assert {name for _, name, _ in told.attributes} & {"style", "src", "srcset", "onclick", "onload"} == set()
    assert all(value.startswith("#") for _, name, value in told.attributes if name == "href")
    assert "url(" not in style[1] and "@import" not in style[1]


def test_every_link_leads_somewhere() -> None:
    told = Page(page_of(made(sessions=3)))
    targets = [value for _, name, value in told.attributes if name == "id"]
    assert len(targets) == len(set(targets))
    assert {value[1:] for _, name, value in told.attributes if name == "href"} <= set(targets)


def test_an_analysis_of_nothing_is_a_page_too() -> None:
    analysis = Analysis()
    analysis.source(source())
    analysis.finish(source(), Totals())
    told = Page(page_of(analysis))
    assert told.open == [] and "None was found." in told.texts


def test_fields_are_left_out_with_the_messages() -> None:
    analysis = Analysis()
    feed(analysis)
    assert "eqData" in page_of(analysis) and "eqData" not in page_of(analysis, messages=False)


def test_a_long_capture_gives_a_page_of_bounded_size_that_says_what_it_leaves_out() -> None:
    few, many = page_of(made(sessions=SESSIONS_SHOWN, messages=STEPS_SHOWN)), page_of(made(sessions=SESSIONS_SHOWN + 50, messages=STEPS_SHOWN + 40))
    assert len(many) < 1.25 * len(few) < 12e6
    assert "and 50 more sessions" in many and "and 40 more messages" in many and "more messages" not in few


def test_sessions_with_the_worst_anomalies_come_first() -> None:
    analysis = Analysis()
    feed(analysis)
    assert re.findall(r'<details id="session-(\d+)" class="(\w*)"', page_of(analysis)) == [("1", "error"), ("2", "warning")]


def test_a_plot_of_many_answers_is_thinned_out_and_keeps_the_longest() -> None:
    analysis = Analysis()
    analysis.source(source())
    analysis.session(session(1), False)
    count = 5000
    for number in range(1, count + 1):
        analysis.message(message(number, number), 1, at(number), b"{}", None)
        analysis.exchange(exchange(number, number, number, latency_ms=9999.0 if number == 1234 else 1 + number % 7), 1)
    analysis.finish(source(), Totals())
    answers = answers_of(analysis)
    assert len(answers) <= 3 * SLICES and max(one.latency_ms for one in answers) == 9999.0
    assert all(0 <= one.place <= 1 for one in answers)


@pytest.mark.parametrize(("values", "marks"), [
    ([5.0], [1.0, 10.0]), ([0.0], [1.0, 10.0]), ([0.5, 200.0], [0.1, 1.0, 10.0, 100.0, 1000.0]), ([1e-30, 1.0], [10.0**power for power in range(-9, 1)]),
])
def test_a_scale_holds_its_values_and_has_few_marks(values: list[float], marks: list[float]) -> None:
    scale = Scale.of(values, 0, 100)
    assert scale.marks() == pytest.approx(marks)
    assert all(0 <= scale.at(value) <= 100 for value in values)


def test_charts_of_nothing_are_nothing() -> None:
    assert list(operations_chart([])) == [] == list(answers_chart([], "", ""))
    assert len(list(answers_chart([Answer(0, 1, "ok")], "a", "b"))) > 1


@pytest.mark.parametrize(("value", "expected"), [
    (None, ""), (0.0123, "12 µs"), (5.43, "5.4 ms"), (250.4, "250 ms"), (12_345.0, "12.35 s"), (180_000.0, "3.0 min")
])
def test_durations(value: float | None, expected: str) -> None:
    assert milliseconds(value) == expected


@pytest.mark.parametrize(("value", "expected"), [(0.1, "100 µs"), (10.0, "10 ms"), (1000.0, "1 s")])
def test_marks(value: float, expected: str) -> None:
    assert mark_of(value) == expected


def test_the_command_writes_the_page_of_the_demo(call_dissect: Run, tmp_path: Path) -> None:
    folder = FOLDER / "demo"
    done = call_dissect("report", "--format", "html", "capture.pcapng", "--keys", "keys.toml", "-o", tmp_path / "page.html", cwd=folder)
    told = Page((tmp_path / "page.html").read_text())
    assert done.returncode == 0 and told.open == []
    for heading in ("Anomalies", "Answer times", "Devices", "Sessions", "Ladder", "Pairs"):
        assert heading in told.texts
    assert told.tags.count("svg") >= 5


@pytest.mark.slow
def test_a_browser_finds_nothing_to_object_to(tmp_path: Path) -> None:
    """Chromium tells on stderr what the policy made it refuse: of the page nothing is, whatever packets say."""
    path = tmp_path / "page.html"
    path.write_text(page_of(made("<script>document.title='owned'</script><img src=x onerror=alert(1)>")))
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--dump-dom", path.as_uri()],
        capture_output=True, timeout=120, check=True, text=True)  # fmt: skip
    assert "Content Security Policy" not in done.stderr and "Content-Security-Policy" not in done.stderr
    assert "<title>dissect: made.pcap</title>" in done.stdout and "<script" not in done.stdout and "<img" not in done.stdout


def test_figures_on_the_page_are_those_of_stats() -> None:
    analysis = Analysis()
    feed(analysis)
    texts = Page(page_of(analysis)).texts
    figures = statistics(analysis)
    assert texts[texts.index("messages") - 1] == str(figures.messages) and texts[texts.index("retries") - 1] == str(figures.retries)


def test_names_of_the_keys_file_stand_beside_devices_and_ends(call_dissect: Run, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text('[names]\n"fogslink:20260031" = "boiler <1>"\n"203.0.113.10" = "our cloud"\n')
    keys.chmod(0o600)
    words = ("report", "--format", "html", FOLDER / "demo" / "capture.pcapng", "--keys", keys)
    texts = Page(call_dissect(*words).stdout.decode()).texts
    assert "fogslink:20260031 (boiler <1>)" in texts and any("203.0.113.10:63321 (our cloud)" in text for text in texts)
    assert "our cloud" not in call_dissect(*words, "--redact").stdout.decode()
