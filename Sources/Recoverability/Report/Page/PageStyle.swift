/// The style sheet of the page: one column on a phone, light and dark, and ink-saving on paper.
enum PageStyle {
  static let sheet: Markup = #"""
    :root{color-scheme:light dark;--ink:#1c2126;--soft:#59636e;--paper:#fff;--ground:#f3f4f6;--line:#d8dde3;
    --holds:#17753f;--holds-soft:#e2f3e8;--fails:#b3261e;--fails-soft:#fce8e6;--unknown:#8a5300;--unknown-soft:#fdf1d8;
    --rest:#d3d9e0;--on:#fff}
    @media (prefers-color-scheme:dark){:root{--ink:#e8ebee;--soft:#a3adb8;--paper:#1d2227;--ground:#14171a;--line:#363d45;
    --holds:#5fca8c;--holds-soft:#173325;--fails:#ff8f85;--fails-soft:#43191a;--unknown:#f0b95a;--unknown-soft:#3b2c10;
    --rest:#424b54;--on:#14171a}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
    "Noto Sans","DejaVu Sans",sans-serif;overflow-wrap:anywhere;-webkit-text-size-adjust:100%}
    main{max-width:60rem;margin:0 auto;padding:1rem}
    h1,h2,h3,p,ul,ol,dl,dd,figure{margin:0}
    h1{font-size:clamp(1.3rem,4.5vw,1.75rem);line-height:1.25;text-wrap:balance}
    h2{font-size:1.15rem;line-height:1.3;margin-bottom:.75rem}
    h3{font-size:1rem;line-height:1.3}
    .verdict{display:grid;grid-template-columns:auto 1fr;gap:.35rem 1rem;align-items:center;padding:1.25rem;
    border-radius:12px;border-left:8px solid}
    .verdict svg{width:3rem;height:3rem;display:block}
    .verdict p{grid-column:1/-1;color:var(--ink)}
    .verdict.holds{background:var(--holds-soft);border-color:var(--holds)}
    .verdict.fails{background:var(--fails-soft);border-color:var(--fails)}
    .verdict.unknown{background:var(--unknown-soft);border-color:var(--unknown)}
    svg .holds{fill:var(--holds)}svg .fails{fill:var(--fails)}svg .unknown{fill:var(--unknown)}
    svg .rest{fill:var(--rest)}svg .mark{fill:none;stroke:var(--on);stroke-width:5;stroke-linecap:round;
    stroke-linejoin:round}svg .dot{fill:var(--on)}
    section,footer{margin-top:1rem}
    section{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:1.25rem}
    .soft,footer,dt,th,figcaption{color:var(--soft)}
    .steps{padding-left:1.4rem}.steps li+li{margin-top:.35rem}
    .group{border-top:1px solid var(--line);padding-top:.75rem;margin-top:.75rem;display:grid;
    grid-template-columns:1fr;gap:.5rem}
    .group:first-of-type{border-top:0;padding-top:0;margin-top:0}
    .findings{list-style:none;padding:0;display:grid;gap:.75rem}
    .findings li{display:grid;grid-template-columns:5.2rem 1fr;gap:0 .75rem;align-items:baseline}
    .findings li>:not(.pill){grid-column:2}
    .findings .pill{grid-row:1}
    .pill{display:inline-block;min-width:4.9rem;text-align:center;font-size:.8rem;font-weight:600;line-height:1.5;
    padding:.05rem .5rem;border-radius:99px}
    .pill.holds{color:var(--holds);background:var(--holds-soft)}
    .pill.fails{color:var(--fails);background:var(--fails-soft)}
    .pill.unknown{color:var(--unknown);background:var(--unknown-soft)}
    code{font:.85em/1.45 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace}
    .todo::before{content:"\2192\00a0";color:var(--soft)}
    .examples{list-style:none;padding:.25rem 0 0;font-size:.9rem;color:var(--soft)}
    .examples li{display:block}
    .bar{display:block;width:100%;height:1.25rem;border-radius:6px;overflow:hidden}
    .bar.thin{height:.6rem;border-radius:4px}
    .legend{list-style:none;padding:0;margin-top:.6rem;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}
    .legend svg{width:.8rem;height:.8rem;margin-right:.4rem;vertical-align:-.08rem}
    .squares{display:block;width:100%;max-width:40rem;height:auto}
    .bound{display:grid;gap:1rem}.bound h2{margin:0}.bound .said{font-size:1.05rem;font-weight:600}
    table{border-collapse:collapse;width:100%;font-size:.95rem}
    caption{text-align:left;font-weight:600;padding:.9rem 0 .25rem}
    th{font-weight:500;font-size:.85rem;text-align:left}
    th,td{padding:.3rem .75rem .3rem 0;vertical-align:baseline;border-top:1px solid var(--line)}
    thead th{border-top:0}
    tr>:last-child{padding-right:0}.covers{table-layout:fixed}.covers .number{width:8.5rem}
    .number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
    .draws{width:30%;vertical-align:middle}
    tbody th{font-size:inherit;color:var(--ink);font-weight:400}
    .bad{color:var(--fails);font-weight:600}.unsure{color:var(--unknown);font-weight:600}
    .problems{list-style:none;padding:0}
    .problems li{padding:.6rem 0;border-top:1px solid var(--line);display:grid;gap:.1rem .75rem;
    grid-template-columns:5.2rem 1fr}
    .problems li>:not(.pill){grid-column:2}.problems .pill{grid-row:1;align-self:start}
    .problems .name{font-weight:600}
    summary{cursor:pointer;font-weight:600;padding:.4rem 0}
    .facts{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.3rem 1rem}
    footer{padding:0 .25rem 1rem;font-size:.85rem}
    @media (max-width:30rem){main{padding:.6rem}section,.verdict{padding:1rem}
    .verdict svg{width:2.25rem;height:2.25rem}
    .findings li,.problems li{grid-template-columns:1fr;gap:.2rem}
    .findings li>:not(.pill),.problems li>:not(.pill){grid-column:1}.pill{justify-self:start}
    .covers .number{width:6.6rem}.draws{width:25%}th,td{padding-right:.5rem}
    .facts{grid-template-columns:1fr;gap:0}.facts dd+dt{margin-top:.5rem}}
    @media print{:root{color-scheme:light;--ink:#000;--soft:#444;--paper:#fff;--ground:#fff;--line:#bbb;--holds:#17753f;
    --holds-soft:#e2f3e8;--fails:#b3261e;--fails-soft:#fce8e6;--unknown:#8a5300;--unknown-soft:#fdf1d8;--rest:#d3d9e0;
    --on:#fff}
    html{font-size:10.5pt}body{font-size:1rem;background:none}main{max-width:none;padding:0}section{padding:.6rem 0;border:0;border-top:1px solid var(--line);
    border-radius:0}
    *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
    h2,h3,caption,summary{break-after:avoid}.findings li,.problems li,tr,.bound,.verdict{break-inside:avoid}
    details::details-content{content-visibility:visible;display:block}
    @page{margin:16mm}}
    """#
}
