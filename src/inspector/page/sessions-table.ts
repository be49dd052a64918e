/** Who has had calls under way for a while, at which node. The look is that of the tables of health. */

import { html, nothing, type TemplateResult } from 'lit'
import type { LongCalls } from '../facts.ts'
import type { NodeReplay } from '../replay.ts'
import { clockTime, grouped } from './look.ts'

export function sessionsTable(nodes: readonly NodeReplay[]): TemplateResult | typeof nothing {
  const rows = nodes.flatMap(({ node, facts }) => (facts.server?.long ?? []).map((each) => row(node, each)))
  if (rows.length === 0) return nothing
  return html`<section class="panel" aria-label="Sessions"><div class="title"><h2>Sessions</h2>
      <span class="faint">calls that have been under way for a second or longer</span></div>
    <div class="scroll" tabindex="0" role="group" aria-label="Sessions, as a table"><table>
      <thead><tr>${['Served by', 'Method', 'Caller', 'Calls', 'Since'].map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
      <tbody>${rows}</tbody></table></div></section>`
}

function row(node: string, { method, from, calls, sinceMs }: LongCalls): TemplateResult {
  return html`<tr><th scope="row" title=${node}>${node}</th><td data-what="Method">${method}</td>
    <td data-what="Caller"><span class="mono">${from}</span></td>
    <td data-what="Calls">${grouped(calls)}</td><td data-what="Since">${clockTime(sinceMs)}</td></tr>`
}
