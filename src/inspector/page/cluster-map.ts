/**
 * Who copies from whom, as a picture: a few nodes stand on a circle, with an arrow for each link in the direction
 * in which records flow; more become a matrix. States differ by line style and sign, not by colour alone.
 */

import { css, html, nothing, svg, type TemplateResult } from 'lit'
import { grouped, signs } from './look.ts'
import { type Link, linkLooks, lookOf, type Standing } from './standing.ts'

export const circleMax = 7

export const mapLook = css`
  .map {
    display: block;
    width: 100%;
    max-width: 620px;
    margin: 0 auto;
  }
  .map.few {
    max-width: 480px;
  }
  .map text {
    fill: var(--ink);
    font-size: 14px;
  }
  .map .name {
    font-weight: 600;
  }
  .map .word {
    font-size: 12px;
    fill: var(--faint);
  }
  .map .body {
    fill: var(--raised);
    stroke-width: 2.5;
  }
  .map .down .body {
    stroke-dasharray: 5 5;
    fill: var(--ground);
  }
  .map .down .name {
    fill: var(--faint);
    text-decoration: line-through;
  }
  .map .alarm {
    fill: var(--busy);
    font-size: 15px;
    font-weight: 700;
  }
  .line {
    fill: none;
    stroke-width: 1.8;
  }
  .map .lag {
    font-size: 12px;
    font-weight: 600;
    paint-order: stroke;
    stroke: var(--raised);
    stroke-width: 5px;
    stroke-linejoin: round;
  }
  .good {
    --tone: var(--good);
    --tone-fill: var(--good-fill);
  }
  .busy {
    --tone: var(--busy);
    --tone-fill: var(--busy-fill);
  }
  .bad {
    --tone: var(--bad);
    --tone-fill: var(--bad-fill);
  }
  .quiet {
    --tone: var(--quiet);
    --tone-fill: var(--quiet-fill);
  }
  .map .body,
  .line {
    stroke: var(--tone);
  }
  .head,
  .map .sign,
  .map .lag {
    fill: var(--tone);
  }
  .line.behind {
    stroke-dasharray: 9 5;
  }
  .line.dialing {
    stroke-dasharray: 2 5;
  }
  .line.parked {
    stroke-dasharray: 1 7;
    stroke-linecap: round;
  }
  .line.diverged {
    stroke-width: 3.5;
  }
  .line.doubt {
    stroke: var(--busy);
    stroke-width: 1;
    stroke-dasharray: 3 3;
  }
  .gossip {
    fill: none;
    stroke: var(--edge);
    stroke-width: 5;
  }
  .gossip.within {
    stroke: var(--raised);
    stroke-width: 3;
  }
  .flow {
    stroke: none;
    fill: none;
  }
  @media (prefers-reduced-motion: no-preference) {
    .flow {
      fill: none;
      stroke: var(--tone);
      stroke-width: 5;
      stroke-linecap: round;
      stroke-dasharray: 0 40;
      animation: flow 1.6s linear infinite;
    }
    @keyframes flow {
      from {
        stroke-dashoffset: 80;
      }
    }
  }
  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 16px;
    padding: 4px 14px 12px;
    font-size: 12px;
    color: var(--text);
    list-style: none;
    margin: 0;
    justify-content: center;
  }
  .legend svg {
    width: 34px;
    height: 10px;
    vertical-align: middle;
    margin-right: 4px;
  }
  .matrix {
    overflow: auto;
    padding: 8px 14px;
  }
  .matrix svg {
    display: block;
    margin: 0 auto;
  }
  .matrix svg.small {
    max-width: 100%;
    height: auto;
  }
  .matrix .axis {
    fill: var(--faint);
  }
  .matrix text {
    font-size: 11px;
    fill: var(--text);
  }
  .cell {
    fill: var(--tone-fill);
  }
  .matrix .mark {
    fill: var(--tone);
    font-size: 10px;
  }
`

/** Of the circle's picture. A narrow page has a smaller one, so that what is written in it stays as large. */
const sizes = { many: 560, few: 460, narrow: 350 }

interface Spot {
  readonly x: number
  readonly y: number
}

export function clusterMap(standings: readonly Standing[], links: readonly Link[], narrow: boolean): TemplateResult {
  if (standings.length > circleMax) return matrix(standings, links)
  return circle(standings, links, narrow ? sizes.narrow : standings.length <= 4 ? sizes.few : sizes.many)
}

/** What the lines and signs mean; only what is there to be seen. */
export function legend(standings: readonly Standing[], links: readonly Link[]): TemplateResult {
  const seen = new Set(links.map((link) => lookOf(link).kind))
  const isCircle = standings.length <= circleMax
  const sample = (tone: string, drawn: TemplateResult) =>
    html`<svg viewBox="0 0 34 10" class=${tone} aria-hidden="true">${drawn}</svg>`
  return html`<ul class="legend" aria-label="Legend">${linkLooks
    .filter(({ kind }) => kind === 'live' || seen.has(kind))
    .map(({ kind, tone, sign, says }) => {
      const line = svg`<path class="line ${kind}" d="M0 5h34"></path>`
      const tile = svg`<rect class="cell" x="12" width="10" height="10" rx="2"></rect>`
      return html`<li>${sample(tone, isCircle ? line : tile)}${sign} ${says}</li>`
    })}
    ${
      isCircle && standings.length > 1
        ? html`<li>${sample('', svg`<path class="gossip" d="M2 5h30"></path><path class="gossip within" d="M2 5h30"></path>`)}gossip: alive to each other</li>`
        : nothing
    }</ul>`
}

function circle(standings: readonly Standing[], links: readonly Link[], size: number): TemplateResult {
  const count = standings.length
  const middle = size / 2
  const radius = size === sizes.narrow && count > 4 ? 36 : 46
  const ring = count === 1 ? 0 : middle - radius - 24
  const spots = new Map<string, Spot>()
  for (const [at, { name }] of standings.entries()) {
    const angle = (2 * Math.PI * at) / count - Math.PI / 2
    spots.set(name, { x: middle + ring * Math.cos(angle), y: middle + ring * Math.sin(angle) })
  }
  const down = new Set(standings.filter(({ up }) => !up).map(({ name }) => name))
  const copying = new Set(
    standings.filter(({ replay }) => (replay?.facts.load?.copied ?? 0) > 0).map(({ name }) => name),
  )
  // Only as high as what stands on it: odd counts leave its lower end empty.
  const ys = [...spots.values()].map(({ y }) => y)
  const top = Math.min(...ys) - radius - 24
  const height = Math.max(...ys) + radius + 24 - top
  return html`<svg class="map ${count <= 4 ? 'few' : ''}" viewBox="0 ${top} ${size} ${height}" role="img" aria-label=${spoken(standings, links)}>
    ${gossipLines(standings, spots)}
    ${links.map((link) => {
      const from = spots.get(link.from)
      const to = spots.get(link.to)
      // What a node that is down said of its links is of no interest.
      if (!from || !to || from === to || down.has(link.to)) return nothing
      return arrow(link, from, to, radius, copying.has(link.to) && !down.has(link.from))
    })}
    ${standings.map((standing) => disc(standing, spots.get(standing.name) as Spot, radius))}
  </svg>`
}

/** Who believes whom alive: a faint bond; one side that doubts it shows as a broken line. */
function gossipLines(standings: readonly Standing[], spots: ReadonlyMap<string, Spot>): TemplateResult[] {
  const drawn: TemplateResult[] = []
  for (const [at, one] of standings.entries()) {
    for (const other of standings.slice(at + 1)) {
      const [from, to] = [spots.get(one.name) as Spot, spots.get(other.name) as Spot]
      if (!one.up || !other.up) continue
      const views = [statusOf(one, other.name), statusOf(other, one.name)]
      const doubt = views.some((view) => view === 'suspect' || view === 'failed')
      if (doubt) {
        drawn.push(svg`<line class="line doubt" x1=${from.x} y1=${from.y} x2=${to.x} y2=${to.y}>
          <title>${one.name} and ${other.name}: gossip gets no answer</title></line>`)
      } else if (views.includes('alive')) {
        drawn.push(
          ...['', 'within'].map(
            (part) => svg`<line class="gossip ${part}" x1=${from.x} y1=${from.y} x2=${to.x} y2=${to.y}></line>`,
          ),
        )
      }
    }
  }
  return drawn
}

function statusOf({ replay }: Standing, name: string): string | undefined {
  return replay?.facts.members?.find((member) => member.name === name)?.status
}

/** Bent to its right, so that there and back are two lines. */
function arrow(link: Link, from: Spot, to: Spot, radius: number, flowing: boolean): TemplateResult {
  const { kind, tone, sign, says } = lookOf(link)
  const [dx, dy] = [to.x - from.x, to.y - from.y]
  const length = Math.hypot(dx, dy)
  const [ux, uy] = [dx / length, dy / length]
  const bend = Math.min(46, length * 0.14)
  const control = { x: (from.x + to.x) / 2 - uy * bend, y: (from.y + to.y) / 2 + ux * bend }
  const start = towards(from, control, radius + 4)
  const end = towards(to, control, radius + 6)
  const [hx, hy] = direction(control, end)
  const label = { x: (start.x + 2 * control.x + end.x) / 4, y: (start.y + 2 * control.y + end.y) / 4 }
  const path = `M${start.x} ${start.y}Q${control.x} ${control.y} ${end.x} ${end.y}`
  const lag = link.lagRecords > 0 ? `−${grouped(link.lagRecords)}` : ''
  const text = kind === 'live' ? lag : [sign, lag].filter((part) => part !== '').join(' ')
  return svg`<g class=${tone}>
    <title>${link.to} copies from ${link.from}: ${says}${lag ? `, ${grouped(link.lagRecords)} records behind` : ''}</title>
    <path class="line ${kind}" d=${path}></path>
    ${flowing && kind === 'live' ? svg`<path class="flow" d=${path}></path>` : nothing}
    <path class="head" d="M${end.x + hx * 5} ${end.y + hy * 5}l${-hx * 11 - hy * 5} ${-hy * 11 + hx * 5}l${hy * 10} ${-hx * 10}z"></path>
    ${text ? svg`<text class="lag" x=${label.x} y=${label.y + 4} text-anchor="middle">${text}</text>` : nothing}
  </g>`
}

function direction(from: Spot, to: Spot): [number, number] {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1
  return [(to.x - from.x) / length, (to.y - from.y) / length]
}

function towards(from: Spot, to: Spot, by: number): Spot {
  const [x, y] = direction(from, to)
  return { x: from.x + x * by, y: from.y + y * by }
}

function disc({ name, word, tone, up, why, replay }: Standing, { x, y }: Spot, radius: number): TemplateResult {
  const alarms = up ? (replay?.facts.alarms?.length ?? 0) : 0
  return svg`<g class="${tone} ${up ? '' : 'down'}">
    <title>${name}: ${word}${why ? `. ${why}` : ''}</title>
    <circle class="body" cx=${x} cy=${y} r=${radius}></circle>
    <text class="name" x=${x} y=${y - 1} text-anchor="middle">${cut(name, Math.floor(radius / 4.2))}</text>
    <text class="word" x=${x} y=${y + 15} text-anchor="middle"><tspan class="sign">${signs[tone]}</tspan> ${cut(word, 12)}</text>
    ${alarms > 0 ? svg`<text class="alarm" x=${x} y=${y - radius * 0.42} text-anchor="middle">⚠</text>` : nothing}
  </g>`
}

/** A row for each node that copies, a column for each that it copies from. */
function matrix(standings: readonly Standing[], links: readonly Link[]): TemplateResult {
  const at = new Map(standings.map(({ name }, index) => [name, index]))
  const cellSize = Math.max(18, Math.min(32, Math.floor(480 / standings.length)))
  const left = Math.min(150, 16 + 7 * Math.max(...standings.map(({ name }) => name.length)))
  const above = 84
  const side = standings.length * cellSize
  return html`<div class="matrix" tabindex="0" role="group" aria-label="Who copies from whom">
    <svg class=${standings.length > 20 ? '' : 'small'} viewBox="0 0 ${left + side + 60} ${above + side + 8}"
      width=${left + side + 60} height=${above + side + 8} role="img" aria-label=${spoken(standings, links)}>
      <text class="axis" x="0" y="14">Each row copies</text><text class="axis" x="0" y="28">from the columns</text>
      ${standings.map(({ name, tone, word }, index) => {
        const place = index * cellSize
        return svg`<g class=${tone}><text x=${left - 8} y=${above + place + cellSize / 2 + 4} text-anchor="end">${cut(name, 20)}<title>${name}: ${word}</title></text>
          <text transform="translate(${left + place + cellSize / 2 + 3} ${above - 6}) rotate(-60)">${cut(name, 14)}</text>
          <text class="mark" x=${left + place + cellSize / 2} y=${above + place + cellSize / 2 + 4} text-anchor="middle">${signs[tone]}<title>${name}: ${word}</title></text></g>`
      })}
      ${links.map((link) => cell(link, at, { left, above, size: cellSize }))}
    </svg></div>`
}

function cell(
  link: Link,
  at: ReadonlyMap<string, number>,
  { left, above, size }: { readonly left: number; readonly above: number; readonly size: number },
): TemplateResult | typeof nothing {
  const column = at.get(link.from)
  const row = at.get(link.to)
  if (column === undefined || row === undefined) return nothing
  const { tone, sign, says, kind } = lookOf(link)
  const [x, y] = [left + column * size, above + row * size]
  const lag = link.lagRecords > 0 ? `, ${grouped(link.lagRecords)} records behind` : ''
  return svg`<g class=${tone}><title>${link.to} copies from ${link.from}: ${says}${lag}</title>
    <rect class="cell" x=${x + 1} y=${y + 1} width=${size - 2} height=${size - 2} rx="3"></rect>
    ${kind === 'live' ? nothing : svg`<text class="mark" x=${x + size / 2} y=${y + size / 2 + 4} text-anchor="middle">${sign}</text>`}</g>`
}

/** For those who cannot see it. */
function spoken(standings: readonly Standing[], links: readonly Link[]): string {
  const nodes = standings.slice(0, 50).map(({ name, word }) => `${name} is ${word}`)
  const behind = links.filter((link) => lookOf(link).kind !== 'live').slice(0, 50)
  const others = behind.map((link) => `${link.to} from ${link.from}: ${lookOf(link).says}`)
  return `Replication. ${nodes.join(', ')}. ${others.length === 0 ? 'All links are live.' : others.join('; ')}`
}

function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, Math.max(1, max - 1))}…` : text
}
