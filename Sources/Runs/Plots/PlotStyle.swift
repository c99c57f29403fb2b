// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Colours and classes of all pictures, as CSS. The hues are Okabe and Ito's (safe for the common
/// colour-vision deficiencies), kinds differ in shape too, and ink follows the page's theme.
enum PlotStyle {
  /// Custom properties of the light theme.
  static let light: HTML = """
    --paper:#fcfbf8;--card:#ffffff;--ink:#1f1e1b;--soft:#66635b;--rule:#dedad0;--grid:#ebe8e0;
    --base:#4b4a46;--baseline:#0067a5;--merge:#c4520a;--good:#00745a;--bad:#b3261e;--floor:#7d7a71;
    --heat:#0067a5;
    """
  /// Custom properties of the dark theme.
  static let dark: HTML = """
    --paper:#151618;--card:#1b1d20;--ink:#e9e6df;--soft:#a19d93;--rule:#383a3f;--grid:#292b2f;
    --base:#c9c5bb;--baseline:#5db8f0;--merge:#f2994a;--good:#4fc3a1;--bad:#ff8a80;--floor:#8e8a80;
    --heat:#5db8f0;
    """
  /// Rules for elements inside pictures.
  static let rules: HTML = """
    .plot{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;\
    font-size:12px;fill:var(--ink);font-variant-numeric:tabular-nums}
    .plot .tick{fill:var(--soft);font-size:11px}
    .plot .name{fill:var(--soft)}
    .plot .grid{stroke:var(--grid);stroke-width:1;fill:none}
    .plot .axis{stroke:var(--rule);stroke-width:1;fill:none}
    .plot .zero{stroke:var(--soft);stroke-width:1;fill:none}
    .plot .floor{stroke:var(--floor);stroke-width:1;stroke-dasharray:2 4;fill:none}
    .plot .whisker{stroke-width:1.25;fill:none;opacity:.42}
    .plot .leader{stroke:var(--soft);stroke-width:.75;fill:none;opacity:.7}
    .plot .base{fill:var(--base);stroke:var(--base)}
    .plot .baseline{fill:var(--baseline);stroke:var(--baseline)}
    .plot .merge{fill:var(--merge);stroke:var(--merge)}
    .plot .mark{stroke:var(--card);stroke-width:1.5}
    .plot .ring{fill:none;stroke:var(--baseline);stroke-width:1.5}
    .plot .whisker.base{fill:none}.plot .whisker.baseline{fill:none}.plot .whisker.merge{fill:none}
    .plot text.label{stroke:var(--card);stroke-width:4;stroke-linejoin:round;paint-order:stroke}
    .plot .train{fill:none;stroke:var(--baseline);stroke-width:1.25;opacity:.75}
    .plot .valid{fill:none;stroke:var(--merge);stroke-width:1.75}
    .plot .dot{fill:var(--merge);stroke:var(--card);stroke-width:1}
    .plot .tried{fill:var(--baseline);stroke:var(--card);stroke-width:1}
    .plot .cell{fill:var(--heat)}
    .plot .chosen{fill:none;stroke:var(--merge);stroke-width:2.25}
    .plot .path{fill:none;stroke:var(--baseline);stroke-width:1.25}
    .plot .title{font-size:15px;font-weight:600}
    .plot .background{fill:var(--card)}

    """
}
