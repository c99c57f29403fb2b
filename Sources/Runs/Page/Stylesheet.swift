// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// How the report looks: a printed page, not a dashboard. Text in a serif face, numbers in tabular
/// figures, rules instead of boxes, colour only where it carries data.
enum Stylesheet {
  static let css: HTML = """
    :root{color-scheme:light dark;\(PlotStyle.light)}
    @media(prefers-color-scheme:dark){:root{\(PlotStyle.dark)}}
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%}
    body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.55 "Iowan Old Style",\
    "Palatino Linotype",Palatino,"Source Serif 4",Georgia,"Liberation Serif",serif}
    main{max-width:66rem;margin:0 auto;padding:3.5rem 1.75rem 4rem}
    h1{font-size:2.5rem;line-height:1.12;font-weight:600;letter-spacing:-.015em;margin:.2em 0 .25em;\
    overflow-wrap:anywhere;text-wrap:balance}
    h2{font-size:1.35rem;font-weight:600;line-height:1.25;margin:3.6rem 0 .4rem;padding-top:1.1rem;\
    border-top:1px solid var(--rule)}
    h3{font-size:1rem;font-weight:600;margin:0 0 .3rem;overflow-wrap:anywhere}
    p{margin:.5rem 0 .9rem;max-width:44rem}
    .over{font:600 .78rem/1.4 system-ui,sans-serif;letter-spacing:.09em;text-transform:uppercase;\
    color:var(--soft);margin:0}
    .lead{font-size:1.2rem;line-height:1.5;max-width:46rem}
    .soft,figcaption,.caption{color:var(--soft)}
    .meta{color:var(--soft);font-size:.92rem}
    nav{font:.88rem/1.9 system-ui,sans-serif;margin:1.4rem 0 0}
    nav a{margin-right:1.15rem;white-space:nowrap}
    a{color:var(--baseline);text-decoration-thickness:1px;text-underline-offset:.18em}
    .figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(11.5rem,1fr));\
    gap:1.5rem 2.2rem;margin:2.2rem 0 0;padding:0}
    .figures div{border-top:2px solid var(--ink);padding-top:.55rem}
    .figures dt{font:.83rem/1.35 system-ui,sans-serif;color:var(--soft)}
    .figures dd{margin:0}
    .figures .big{font-size:2.15rem;line-height:1.2;font-variant-numeric:lining-nums tabular-nums;\
    letter-spacing:-.01em}
    .figures .small{font:.83rem/1.4 system-ui,sans-serif;color:var(--soft);overflow-wrap:anywhere}
    figure{margin:1.2rem 0 0}
    figcaption{font-size:.92rem;max-width:46rem;margin-top:.5rem}
    .panel{background:var(--card);border:1px solid var(--rule);border-radius:6px;padding:.5rem}
    svg.plot{display:block;width:100%;height:auto}
    svg.slim{display:none}
    .multiples{display:grid;grid-template-columns:repeat(auto-fill,minmax(17.5rem,1fr));\
    gap:1.1rem;margin-top:1.2rem}
    .multiples figure{margin:0;min-width:0}
    .multiples .panel{padding:.7rem .8rem .4rem}
    .multiples svg{max-width:26rem}
    .multiples figcaption{font-size:.84rem;overflow-wrap:anywhere}
    .key{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;font:.85rem/1.5 system-ui,sans-serif;\
    color:var(--soft);margin:.2rem 0 0;padding:0;list-style:none}
    .key svg{width:18px;height:14px;vertical-align:-2px;margin-right:.4rem;display:inline}
    .scroll{overflow-x:auto;margin:1rem 0 .4rem}
    table{border-collapse:collapse;width:100%;font:.89rem/1.4 system-ui,-apple-system,"Segoe UI",\
    Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums lining-nums}
    .caption{font-size:.92rem;max-width:46rem;margin:.6rem 0 0}
    th{font-weight:600;text-align:left;vertical-align:bottom}
    thead th{color:var(--soft);font-weight:500;border-bottom:1px solid var(--soft);\
    padding:.3rem .8rem .35rem 0}
    tbody th,td{padding:.38rem .8rem .38rem 0;border-bottom:1px solid var(--grid);\
    vertical-align:top}
    tbody th{font-weight:500;overflow-wrap:anywhere;min-width:7rem}
    tbody+tbody tr:first-child>*{border-top:1px solid var(--rule)}
    .n{text-align:right;white-space:nowrap}
    th.n{text-align:right;white-space:normal}
    .n+:not(.n){padding-left:.8rem}
    tr>:last-child{padding-right:0}
    td small,th small{display:block;color:var(--soft);font-size:.84em;font-weight:400}
    tbody .group{color:var(--soft);font-weight:400;font-size:.84em;padding-top:1rem}
    tr.best>th,tr.best>td.acc{font-weight:700}
    .good{color:var(--good)}.bad{color:var(--bad)}
    .settled{font-weight:600}
    .whisk{display:block;width:7.5rem;height:12px;margin:.25rem 0 0 auto}
    .whisk path{stroke:var(--soft);stroke-width:1.25;fill:none}
    .whisk .zero{stroke:var(--rule)}
    .whisk circle{fill:var(--ink)}
    .whisk .settled path{stroke:currentColor}.whisk .settled circle{fill:currentColor}
    .time{display:block;height:5px;border-radius:2px;background:var(--baseline);opacity:.55;\
    margin-top:.3rem;min-width:1px}
    code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
    code{font-size:.88em;overflow-wrap:anywhere}
    pre{font-size:.8rem;line-height:1.5;background:var(--card);border:1px solid var(--rule);\
    border-radius:6px;padding:1rem 1.1rem;overflow-x:auto;tab-size:2;margin:1rem 0 0}
    .sample{border-left:2px solid var(--rule);padding-left:1.1rem;margin:1.5rem 0 0}
    .prompt{font-size:1.05rem;max-width:none;margin:0 0 .5rem;white-space:pre-wrap;\
    overflow-wrap:anywhere}
    .sample dl{display:grid;grid-template-columns:minmax(5.5rem,max-content) 1fr;gap:.3rem 1.1rem;\
    margin:0}
    .sample dt{font:.84rem/1.75 system-ui,sans-serif;color:var(--soft);max-width:11rem;\
    overflow-wrap:anywhere}
    .sample dd{margin:0;min-width:0;white-space:pre-wrap;overflow-wrap:anywhere}
    .facts{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.25rem 1.5rem;\
    font-size:.93rem;margin:1rem 0}
    .facts dt{color:var(--soft);max-width:16rem;overflow-wrap:anywhere}
    .facts dd{margin:0;overflow-wrap:anywhere;min-width:0}
    ul.notes{padding-left:1.1rem;max-width:46rem}
    ul.notes li{margin:.35rem 0}
    footer{margin-top:4rem;padding-top:1rem;border-top:1px solid var(--rule);font-size:.88rem;\
    color:var(--soft)}
    @media(max-width:640px){
    body{font-size:16px}main{padding:1.8rem 1.1rem 2.5rem}h1{font-size:1.85rem}
    .lead{font-size:1.08rem}svg.wide{display:none}svg.slim{display:block}h2{margin-top:2.6rem}
    .figures{grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:1.2rem 1.3rem}
    .figures .big{font-size:1.7rem}.sample dl,.facts{grid-template-columns:1fr;gap:0}
    .sample dd,.facts dd{margin-bottom:.5rem}
    tbody th:first-child,thead th:first-child{position:sticky;left:0;background:var(--paper);\
    min-width:8.2rem;max-width:10.5rem}}
    @media print{:root{color-scheme:light;\(PlotStyle.light)--paper:#fff}
    body{font-size:10.5pt}main{max-width:none;padding:0}nav{display:none}
    h2{margin-top:1.8rem;break-after:avoid}figure,.sample,tr,.figures{break-inside:avoid}
    pre{white-space:pre-wrap;overflow-wrap:anywhere}.scroll{overflow:visible}
    table{font-size:8.5pt}a{color:inherit;text-decoration:none}
    .multiples{grid-template-columns:repeat(3,1fr)}}
    \(PlotStyle.rules)
    """
}
