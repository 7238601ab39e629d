/** @file The report's style: one page, nothing fetched, light or dark as the reader's system is. */

export const STYLE = `
:root { color-scheme: light dark; --ink: #1d2129; --paper: #fff; --quiet: #5a6270; --rule: #d5dae1; --heat: 37 99 175;
  --good: #1a6b34; --bad: #b3261e; --c0: #2563af; --c1: #b4442c; --c2: #2f7d4f; --c3: #8a4fa3; --c4: #a06a00; --c5: #0e7c86; --c6: #b03a78; --c7: #5b6470; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14171c; --quiet: #a2abb8; --rule: #363d47; --heat: 106 164 232;
  --good: #7fd69a; --bad: #ff8a80; --c0: #6aa4e8; --c1: #ee8a70; --c2: #6cc48f; --c3: #c795dd; --c4: #dba94a; --c5: #55c2cc; --c6: #ec83b8; --c7: #aab3bf; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto; max-width: 80rem; padding: 1.5rem clamp(0.75rem, 3vw, 1.5rem); }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-bottom: 1px solid var(--rule); } h3 { font-size: 1rem; }
p, figcaption, caption { color: var(--quiet); text-align: left; }
table { border-collapse: collapse; margin: 0.75rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: 0.2rem 0.75rem; border-bottom: 1px solid var(--rule); text-align: right; font-weight: 400; }
td { white-space: nowrap; } thead th { color: var(--quiet); vertical-align: bottom; } tbody th { text-align: left; }
.wide { overflow-x: auto; } .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1rem 2rem; }
figure { margin: 0.5rem 0; } svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: var(--quiet); }
.band { opacity: 0.15; } .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.1rem 1rem; margin: 0; padding: 0; font-size: 13px; }
.legend svg { width: 22px; height: 8px; margin-right: 0.4rem; } .right { color: var(--good); } .wrong { color: var(--bad); }
.tiles th, .tiles td { white-space: nowrap; text-align: center; } .tiles tbody th { text-align: left; }
.grid { stroke: var(--rule); } .whisker { stroke: var(--ink); stroke-width: 2; } .low { color: var(--quiet); }
pre { overflow-x: auto; font-size: 13px; border: 1px solid var(--rule); padding: 0.75rem; } summary { cursor: pointer; padding: 0.25rem 0; }
`
