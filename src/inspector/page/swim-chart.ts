/** SWIM's states of one member as a small chart, with how many nodes see it in each. */

import { css, html, svg, type TemplateResult } from 'lit'
import type { MemberFacts } from '../facts.ts'
import type { Tone } from './look.ts'

export type Status = MemberFacts['status']

interface Place {
  readonly x: number
  readonly y: number
  readonly tone: Tone
}

const places: Readonly<Record<Status, Place>> = {
  alive: { x: 37, y: 20, tone: 'good' },
  suspect: { x: 121, y: 20, tone: 'busy' },
  failed: { x: 205, y: 20, tone: 'bad' },
  leaving: { x: 37, y: 66, tone: 'busy' },
  left: { x: 121, y: 66, tone: 'quiet' },
}
const width = 60
const edges: readonly (readonly [Status, Status])[] = [
  ['alive', 'suspect'],
  ['suspect', 'alive'],
  ['suspect', 'failed'],
  ['failed', 'alive'],
  ['alive', 'leaving'],
  ['leaving', 'left'],
]

export const swimLook = css`
  .swim {
    display: block;
    width: 100%;
    max-width: 270px;
  }
  .swim rect {
    fill: var(--raised);
    stroke: var(--frame);
    stroke-width: 1.2;
  }
  .swim text {
    font-size: 11px;
    fill: var(--faint);
  }
  .swim .count {
    font-weight: 700;
  }
  .swim path {
    fill: none;
    stroke: var(--faint);
    stroke-width: 1.2;
  }
  .swim .head {
    fill: var(--faint);
    stroke: none;
  }
  .swim .on rect {
    stroke: var(--tone);
    fill: var(--tone-fill);
    stroke-width: 2;
  }
  .swim .on text {
    fill: var(--tone);
    font-weight: 600;
  }
  .swim .good {
    --tone: var(--good);
    --tone-fill: var(--good-fill);
  }
  .swim .busy {
    --tone: var(--busy);
    --tone-fill: var(--busy-fill);
  }
  .swim .bad {
    --tone: var(--bad);
    --tone-fill: var(--bad-fill);
  }
  .swim .quiet {
    --tone: var(--quiet);
    --tone-fill: var(--quiet-fill);
  }
`

/** `counts`: how many nodes see it so. */
export function swimChart(name: string, counts: ReadonlyMap<Status, number>): TemplateResult {
  const said = [...counts].map(([status, count]) => `${status} to ${count}`).join(', ')
  return html`<svg class="swim" viewBox="0 0 242 86" role="img" aria-label="${name}: ${said}">
    ${edges.map(edge)}
    ${Object.entries(places).map(([status, { x, y, tone }]) => {
      const count = counts.get(status as Status) ?? 0
      return svg`<g class="${tone} ${count > 0 ? 'on' : ''}"><rect x=${x - width / 2} y=${y - 11} width=${width} height="22" rx="6"></rect>
        <text x=${x} y=${y + 4} text-anchor="middle">${status}${count > 1 ? svg`<tspan class="count"> ${count}</tspan>` : ''}</text></g>`
    })}
  </svg>`
}

function edge([source, target]: readonly [Status, Status]): TemplateResult {
  const [from, to] = [places[source], places[target]]
  const half = width / 2
  if (source === 'failed') {
    // Back over the others.
    return svg`<path d="M${from.x} ${from.y + 11}v10H${to.x + 16}v-6"></path><path class="head" d="M${to.x + 16} ${to.y + 12}l-4 6h8z"></path>`
  }
  if (from.x === to.x) {
    return svg`<path d="M${from.x - 8} ${from.y + 11}V${to.y - 15}"></path><path class="head" d="M${to.x - 8} ${to.y - 11}l-4 -6h8z"></path>`
  }
  const way = to.x > from.x ? 1 : -1
  const y = from.y + (way === 1 ? -4 : 4)
  return svg`<path d="M${from.x + way * half} ${y}H${to.x - way * (half + 4)}"></path>
    <path class="head" d="M${to.x - way * (half + 1)} ${y}l${-way * 6} -4v8z"></path>`
}
