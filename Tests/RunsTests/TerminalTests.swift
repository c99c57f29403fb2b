// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Runs

@Suite struct TerminalTests {
  private var few: [ModelScores] {
    [Fixture.models[0], Fixture.models[2], Fixture.models[4], Fixture.models[5], Fixture.models[9]]
  }

  @Test func `the result table at 100 columns`() {
    #expect(
      ResultTable(models: few).rendered(TerminalStyle(width: 100)) == """
        model            source acc  target acc  source bpb  target bpb      Δ CT→SFT  tokens   time
        ────────────────────────────────────────────────────────────────────────────────────────────
        majority         0.25 ±0.04  0.25 ±0.07

        base             0.19 ±0.04  0.18 ±0.07       1.842       2.311

        CT only          0.20 ±0.04  0.21 ±0.07       1.913       1.702  −0.25 ±0.08*   3.20M  5m41s
        CT→SFT           0.58 ±0.04  0.46 ±0.07       1.938       1.718          ref.   3.61M  6m29s

        task_arithmetic  0.60 ±0.04  0.53 ±0.06       1.884       1.781  +0.07 ±0.06*   3.61M  6m32s
        acc: accuracy with its 95% interval. bpb: bits per byte of held-out text, lower is better.
        Δ: target acc minus that of CT→SFT, paired by row; * the 95% interval excludes 0.

        """)
  }

  @Test func `at 80 columns intervals go before columns, at 40 the names are cut`() {
    let narrow = ResultTable(models: few).rendered(TerminalStyle(width: 80))
    #expect(narrow.contains("source bpb") && narrow.contains("time"))
    #expect(narrow.contains("CT only                0.20  0.21 ±0.07") == true)
    var long = few
    long[4].name = "a merge with a name that no terminal is wide enough for, ever and ever"
    for width in [20, 40, 50, 80, 120] {
      let text = ResultTable(models: long).rendered(TerminalStyle(width: width))
      let table = text.split(separator: "\n").prefix {
        !$0.hasPrefix("acc:") && !$0.hasPrefix("Left")
      }
      #expect(table.allSatisfy { DisplayWidth.of($0) <= max(width, 32) })
      #expect(
        width < 80
          ? text.replacing("\n", with: " ").contains("Left out for width: ") : true)
    }
  }

  @Test func `the Markdown form`() {
    var models = [few[3], few[4]]
    models[1].name = "a|b_<script>"
    #expect(
      ResultTable(models: models).markdown() == """
        | model | source acc | target acc | source bpb | target bpb | Δ CT→SFT | tokens | time |
        | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
        | CT→SFT | 0.58 (0.54–0.62) | 0.46 (0.40–0.53) | 1.938 | 1.718 | ref. | 3.61M | 6m29s |
        | **a\\|b\\_&lt;script&gt;** | 0.60 (0.56–0.64) | **0.53 (0.47–0.59)** | 1.884 | 1.781 | \
        +0.07 (0.01–0.13)\\* | 3.61M | 6m32s |

        acc: accuracy with its 95% interval. bpb: bits per byte of held-out text, lower is better. \
        Δ: target acc minus that of CT→SFT, paired by row; \\* the 95% interval excludes 0.

        """)
  }

  @Test func `one source heads its column and several are named below the table`() {
    let one = ResultTable(models: few, sources: ["Kirundi"]).rendered(TerminalStyle(width: 100))
    #expect(one.contains("Kirundi acc"))
    let more = ResultTable(models: few, sources: ["Icelandic", "Swedish"])
    #expect(more.rendered(TerminalStyle(width: 100)).contains("source acc"))
    #expect(more.rendered().contains("\nsource: Icelandic, Swedish.\n"))
    #expect(more.markdown().contains(" source: Icelandic, Swedish. "))
  }

  @Test func `colour only where it may be`() {
    let styled = TerminalStyle(isStyled: true, isTerminal: true, width: 100)
    let text = ResultTable(models: few).rendered(styled)
    #expect(text.contains("\u{1B}[32m+0.07 ±0.06*\u{1B}[0m"))
    #expect(text.contains("\u{1B}[31m−0.25 ±0.08*\u{1B}[0m"))
    #expect(!ResultTable(models: few).rendered().contains("\u{1B}"))
    let style = { (terminal: Bool, environment: [String: String]) in
      TerminalStyle.resolve(isTerminal: terminal, columns: nil, environment: environment)
    }
    #expect(style(true, [:]) == TerminalStyle(isStyled: true, isTerminal: true, width: 80))
    #expect(!style(true, ["NO_COLOR": "1"]).isStyled && style(true, ["NO_COLOR": ""]).isStyled)
    #expect(!style(true, ["TERM": "dumb"]).isStyled && !style(true, ["TERM": "dumb"]).isTerminal)
    #expect(style(false, ["COLUMNS": "72"]) == TerminalStyle(width: 72))
  }

  @Test func `no model, one model`() {
    #expect(ResultTable(models: []).rendered() == "No model was evaluated.\n")
    let lines = ResultTable(models: [Fixture.models[2]]).rendered().split(separator: "\n")
    #expect(lines.count == 5 && !lines.contains { $0.hasPrefix("Δ") })
  }

  @Test func `the legend is broken between words at the width`() {
    let text = ResultTable(models: few).rendered(TerminalStyle(width: 80))
    #expect(
      text.hasSuffix(
        """
        acc: accuracy with its 95% interval. bpb: bits per byte of held-out text, lower
        is better.
        Δ: target acc minus that of CT→SFT, paired by row; * the 95% interval excludes
        0.

        """))
    #expect(DisplayWidth.wrapped("", to: 20) == [""])
    #expect(DisplayWidth.wrapped("ab cd  ef", to: 5) == ["ab cd", "ef"])
    #expect(DisplayWidth.wrapped("日本 日本", to: 8) == ["日本", "日本"])
    #expect(DisplayWidth.wrapped("a /long/path b", to: 4) == ["a", "/long/path", "b"])
    let styled = TerminalStyle(isStyled: true, isTerminal: true, width: 3)
    #expect(styled.paragraph("a b c", .faint) == "\u{1B}[2ma b\u{1B}[0m\n\u{1B}[2mc\u{1B}[0m\n")
  }

  @Test func `width counts cells, not characters`() {
    for (text, width) in [
      ("abc", 3), ("føroyskt", 8), ("e\u{301}", 1), ("日本語", 6), ("한글", 4), ("👩‍👩‍👧", 2),
      ("∆→±−", 4), ("ＡＢ", 4), ("\u{200B}", 0), ("", 0), ("❤️", 2), ("नमस्ते", 4),
      ("\u{1112}\u{1161}\u{11AB}", 2), ("🇫🇴", 2),
    ] { #expect(DisplayWidth.of(text) == width, "\(text)") }
    #expect(DisplayWidth.truncated("日本語", to: 5) == "日本…")
    #expect(DisplayWidth.truncated("日本語", to: 4) == "日…")
    #expect(DisplayWidth.padded("日", to: 4, right: true) == "  日")
    #expect(DisplayWidth.printable("a\u{1B}[31mb\nc\u{202E}") == "a\u{FFFD}[31mb c\u{FFFD}")
  }

  @Test func `numbers as text`() {
    #expect(NumberText.fixed(-0.004, 2, signed: true) == "0.00")
    #expect(NumberText.fixed(0.126, 2, signed: true) == "+0.13")
    #expect(NumberText.fixed(.nan, 2) == "–")
    #expect(
      [0, 999, 1000, 12_345, 999_999, 3_612_000].map(NumberText.count) == [
        "0", "999", "1.00k", "12.3k", "1.00M", "3.61M",
      ])
    #expect(NumberText.bytes(1_930_000_000) == "1.93 GB")
    #expect(
      [0.04, 9.96, 59.6, 185, 7620, 273_600].map { NumberText.duration(seconds: $0) } == [
        "0.0s", "10s", "1m00s", "3m05s", "2h07m", "3d04h",
      ])
    #expect(NumberText.grouped(-1_234_567) == "−1,234,567" && NumberText.grouped(123) == "123")
    #expect(NumberText.range(Interval(low: -0.02, high: 0.12), 2) == "−0.02 to 0.12")
  }
}

@Suite struct ProgressTests {
  private var line: ProgressLine {
    ProgressLine(
      label: "ct 3/9", done: 1_234_000, total: 3_200_000, unit: "tok", rate: 9_420,
      memoryByteCount: 1_880_000_000, losses: [4, 3.5, 3.2, 3.1, 3.05, 3.011])
  }

  @Test func `a progress line loses its parts in order`() {
    #expect(
      line.rendered(width: 120)
        == "ct 3/9  ▕██████▏         ▏   38%  1.23M/3.20M  9.42k tok/s  ETA 3m29s  loss 3.011  █▄▂▂▁▁  1.88 GB"
    )
    #expect(
      line.rendered(width: 85)
        == "ct 3/9  ▕██████▏         ▏   38%  1.23M/3.20M  9.42k tok/s  ETA 3m29s  loss 3.011")
    #expect(line.rendered(width: 60) == "ct 3/9   38%  1.23M/3.20M  ETA 3m29s  loss 3.011")
    #expect(line.rendered(width: 20) == "ct …  38%  ETA 3m29s")
    for width in 1...130 { #expect(DisplayWidth.of(line.rendered(width: width)) <= width) }
  }

  @Test func `a training's line keeps its loss and trend longest`() {
    var training = line
    training.utilization = 0.412
    training.estimatedSeconds = 209
    #expect(
      training.rendered(width: 120)
        == "ct 3/9  ▕██████▏         ▏   38%  1.23M/3.20M  9.42k tok/s  MFU 41%  ETA 3m29s  loss 3.011  █▄▂▂▁▁  1.88 GB"
    )
    #expect(
      training.rendered(width: 80)
        == "ct 3/9   38%  1.23M/3.20M  9.42k tok/s  MFU 41%  ETA 3m29s  loss 3.011  █▄▂▂▁▁")
    #expect(training.rendered(width: 40) == "ct 3/9   38%  ETA 3m29s  loss 3.011")
    for width in 1...130 { #expect(DisplayWidth.of(training.rendered(width: width)) <= width) }
  }

  @Test func `without a total there is no bar and no guess`() {
    #expect(ProgressLine(label: "reading", done: 950).rendered(width: 80) == "reading  950")
    let odd = ProgressLine(label: "x", done: 5, total: 0, rate: 0, losses: [.nan, .nan])
    #expect(odd.fraction == nil && odd.remainingSeconds == nil)
    #expect(odd.rendered(width: 80) == "x  5/0  loss –  ")
  }

  @Test func `the bar is exact to an eighth`() {
    #expect(ProgressLine.bar(0, width: 2) == "  ")
    #expect(ProgressLine.bar(1 / 16, width: 2) == "▏ ")
    #expect(ProgressLine.bar(0.75, width: 2) == "█▌")
    #expect(ProgressLine.bar(1, width: 2) == "██")
  }

  @Test func `on a terminal ten times a second, elsewhere every five seconds`() {
    var terminal = ProgressPolicy(TerminalStyle(isStyled: true, isTerminal: true, width: 60))
    var file = ProgressPolicy(TerminalStyle())
    var drawn = 0
    var lines = 0
    for step in 0..<1200 {
      let now = Duration.milliseconds(step * 10)
      if let text = terminal.text(for: line, now: now) {
        drawn += 1
        #expect(text.hasPrefix("\r") && text.hasSuffix("\u{1B}[K") && !text.contains("\n"))
      }
      if let text = file.text(for: line, now: now) {
        lines += 1
        #expect(text.hasSuffix("\n") && !text.contains("\u{1B}") && !text.contains("\r"))
      }
    }
    #expect(drawn == 120 && lines == 3)
    let last = terminal.text(for: line, now: .milliseconds(11_991), isFinal: true)
    #expect(last?.hasSuffix("\u{1B}[K\n") == true)
  }

  @Test func `the rate follows a change and survives a resume`() {
    var meter = RateMeter()
    #expect(meter.update(done: 5000, now: .zero) == nil)
    var rate: Double?
    for second in 1...30 {
      rate = meter.update(done: 5000 + Double(second) * 100, now: .seconds(second))
    }
    #expect(abs((rate ?? 0) - 100) < 1e-9)
    for second in 31...60 {
      rate = meter.update(done: 8000 + Double(second - 30) * 10, now: .seconds(second))
    }
    #expect((10...25).contains(rate ?? 0))
  }
}
