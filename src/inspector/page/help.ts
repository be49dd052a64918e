/** The keys, as a dialog. */

import { html } from 'lit'

const keys: readonly (readonly [string, string])[] = [
  ['1 … 5', 'cluster, actors, chart, messages, members'],
  ['/', 'search'],
  ['space', 'stand still; play on'],
  ['← →  or  , .', 'one record back, one on; with shift a hundred'],
  ['m', 'the next that stands out (⚑); with shift the one before'],
  ['b', 'the next broken promise; with shift the one before'],
  ['n', 'back to now'],
  ['↑ ↓  home end', 'along actors and messages; enter goes there'],
  ['← →', 'among the actors: close a node, open it'],
  ['+  −  0', 'the drawing larger, smaller, all of it'],
  ['o', 'open a trace file'],
  ['t', 'light, dark, as the system has it'],
  ['?', 'this'],
]

export const help = html`<dialog aria-label="Keys">
  <h2>Keys</h2>
  <dl>${keys.map(([key, says]) => html`<dt>${key}</dt><dd>${says}</dd>`)}</dl>
  <form method="dialog"><button autofocus>Close</button></form>
</dialog>`
