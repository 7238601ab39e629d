/** @file The look of a page, light and dark as the reader's system is. Part colours are told apart by people who do not see red and green (Okabe and Ito, 2008). */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #59636e; --line: #d1d9e0; --bad: #b3261e; --warn: #8a5a00; --good: #1a6b34;
  --part0: #0072b2; --part1: #e69f00; --part2: #009e73; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --paper: #14171a; --soft: #9aa4ae; --line: #363d44; --bad: #ff8a80; --warn: #f2c063; --good: #7fd69a;
  --part0: #56b4e9; --part1: #e69f00; --part2: #2fc79a; } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
p.soft, figcaption, dt { color: var(--soft); }
.wide { overflow-x: auto; } table { border-collapse: collapse; } th, td { text-align: left; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.ok { color: var(--good); } .warn { color: var(--warn); } .fail { color: var(--bad); font-weight: 600; }
figure { margin: 1rem 0; } svg { width: 100%; max-width: 48rem; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .end { text-anchor: end; } svg .middle { text-anchor: middle; fill: var(--soft); }
svg line { stroke: var(--soft); } svg .strong { stroke: var(--ink); stroke-width: 2; }
.part0 { fill: var(--part0); } .part1 { fill: var(--part1); } .part2 { fill: var(--part2); }
.key { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 .9rem; }
.swatch { display: inline-block; width: 2.5rem; height: 1.2rem; border: 1px solid var(--line); vertical-align: middle; }
`
