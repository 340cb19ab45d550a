"""How the page looks."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --panel: #f4f6f8; --ink: #1b2530; --soft: #5a6876; --line: #d5dce3;
  --blue: #2463c9; --blue-rgb: 36, 99, 201; --orange: #c2570c; --red: #b3261e;
  --green: #1a7f4b; --amber-ground: #fff4dc; }
@media (prefers-color-scheme: dark) { :root { --ground: #12171d; --panel: #1b222b; --ink: #e6ebf0; --soft: #9aa8b6;
  --line: #323c48; --blue: #78a9f5; --blue-rgb: 64, 128, 230; --orange: #f0a35e; --red: #f2867e; --green: #63c793;
  --amber-ground: #33290f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.75rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; overflow-wrap: anywhere; }
p { margin: .5rem 0; max-width: 46rem; }
.soft, figcaption { color: var(--soft); font-size: .9rem; }
.headline { display: flex; flex-wrap: wrap; gap: .5rem 2rem; align-items: baseline; background: var(--panel);
  border-radius: .75rem; padding: 1rem 1.25rem; margin: 1rem 0; }
.headline strong { font-size: 3rem; line-height: 1; white-space: nowrap; }
.headline div { flex: 1 1 18rem; }
.headline p { margin: .15rem 0; }
.warnings { background: var(--amber-ground); border-radius: .75rem; padding: .75rem 1.25rem; margin: 1rem 0; }
.warnings ul { margin: .25rem 0; padding-left: 1.2rem; }
.warnings li { overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: .9rem; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere;
  min-width: 7rem; max-width: 24rem; }
.matrix th, .matrix td { text-align: center; padding: .35rem .25rem; min-width: 4.5rem; max-width: 6rem;
  white-space: normal; }
.matrix th { overflow-wrap: anywhere; }
.matrix th[scope=row] { text-align: right; vertical-align: middle; min-width: 6rem; max-width: 12rem; }
.matrix td { border: 2px solid var(--ground); background: var(--panel); }
.matrix .some { background: rgba(var(--blue-rgb), var(--share)); }
.matrix .much { color: #ffffff; }
.matrix small { display: block; opacity: .8; font-size: .75rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 2rem; }
figure { margin: .75rem 0; flex: 0 1 22rem; min-width: 16rem; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
.key { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem; margin: 0 .35rem 0 0;
  vertical-align: -.05rem; }
.keys span { margin-right: 1rem; overflow-wrap: anywhere; }
.wide thead th { white-space: normal; }
.strip { display: flex; gap: 2px; overflow-x: auto; margin: .4rem 0; }
.strip img { flex: 1 1 0; min-width: 4.5rem; max-width: 9rem; width: 0; height: auto; align-self: flex-start; }
.clip { margin: 1rem 0 1.5rem; }
.clip p { margin: .1rem 0; overflow-wrap: anywhere; }
.wrong { color: var(--red); } .fine { color: var(--green); }
.timeline { min-width: 40rem; margin: .4rem 0 .2rem; }
.lane { display: flex; align-items: center; margin: 2px 0; }
.lane b { flex: 0 0 3.5rem; font-weight: 400; font-size: .8rem; color: var(--soft); }
.lane div { position: relative; flex: 1; height: 1.5rem; background: var(--panel);
  border-radius: .2rem; overflow: hidden; }
.lane span { position: absolute; top: 0; bottom: 0; padding: 0 .25rem; overflow: hidden; white-space: nowrap;
  color: #ffffff; font-size: .75rem; line-height: 1.5rem; border-right: 1px solid var(--ground);
  text-overflow: ellipsis; }
.ticks { height: 1.1rem; }
.ticks div { background: none; height: 1.1rem; }
.ticks span { color: var(--soft); border: 0; border-left: 1px solid var(--line); line-height: 1.1rem;
  overflow: visible; }
code { background: var(--panel); padding: .1rem .35rem; border-radius: .25rem; overflow-wrap: anywhere; }
dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0; max-width: 46rem; color: var(--soft); }
@media print { .wide, .strip { overflow: visible; } }
"""
