/**
 * Writes a layout as SVG. Whoever shows it can find everything: a state is the group with its path as `id`
 * (`membership.alive`); a transition is lit by giving `hot` to all that carry its id in `data-on`
 * (`[data-on~="membership.alive:leave:0"]`), see `transitionId`; `data-source`, `data-target` and `data-event` say what
 * it is.
 */

import { type Point, type Rectangle, tenths } from './geometry.ts'
import type { Layout, PlacedArrow, PlacedBox, PlacedLabel } from './layout.ts'
import type { Row, Sheet } from './measure.ts'
import { style } from './style.ts'

const cornerRadius = 8
const headLength = 8

export function render(name: string, layout: Layout): string {
  const { width, height } = layout
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" data-chart="${escapeXml(name)}" ` +
      `data-arrangement="${escapeXml(JSON.stringify(layout.arrangement))}" ` +
      `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title>${escapeXml(name)}</title>`,
    `<style>${style}</style>`,
    ...layout.boxes.map(drawBox),
    ...layout.arrows.map(drawArrow),
    ...layout.arrows.map(drawLabel),
    '</svg>',
  ]
  return `${lines.filter((line) => line !== '').join('\n')}\n`
}

function drawBox(placed: PlacedBox): string {
  const { box, sheet, x, y, width, height } = placed
  const middle = { x: tenths(x + width / 2), y: tenths(y + height / 2) }
  if (box.kind === 'initial') return `<circle class="initial" cx="${middle.x}" cy="${middle.y}" r="5"/>`
  if (box.kind === 'any') return `<circle class="any" cx="${middle.x}" cy="${middle.y}" r="4.2"/>`
  const isRoot = placed.around.length === 0
  const classes = [
    'state',
    box.kind,
    isRoot ? 'root' : '',
    box.region ? 'region' : '',
    box.children.length ? '' : 'leaf',
  ]
  const parts = [
    `<g id="${escapeXml(box.id)}" class="${classes.filter((each) => each !== '').join(' ')}">`,
    rect('body', x, y, width, height, isRoot ? 12 : 8),
  ]
  if (box.kind === 'final') parts.push(rect('inner', x + 3, y + 3, width - 6, height - 6, 5.5))
  parts.push(...drawRules(sheet, placed, box.kind === 'final' ? 3 : 0))
  for (const row of sheet.rows) parts.push(drawRow(row, placed))
  return [...parts, '</g>'].join('\n')
}

function drawRules(sheet: Sheet, { x, y, width }: Rectangle, inset: number): string[] {
  const length = tenths(width - 2 * inset)
  return sheet.rules.map((at) => `<path class="rule" d="M${tenths(x + inset)} ${tenths(y + at)}h${length}"/>`)
}

function drawRow(row: Row, at: Point): string {
  const x = tenths(at.x + row.x)
  const y = tenths(at.y + row.y)
  const on = row.transition === undefined ? '' : ` data-on="${escapeXml(row.transition)}"`
  const rest =
    row.rest === '' ? '' : `<tspan class="rest" x="${tenths(at.x + row.restX)}">${escapeXml(row.rest)}</tspan>`
  const kind = row.kind === 'line' ? 'row' : row.kind
  const text = `<text class="${kind}${on && ' on'}"${on} x="${x}" y="${y}">${escapeXml(row.text)}${rest}</text>`
  return row.sign ? `<g class="${row.sign}">${drawSign(row.sign, x - 16, y)}${text}</g>` : text
}

/** Signs are shapes, not letters: fonts disagree about them. `y` is the baseline. */
function drawSign(sign: NonNullable<Row['sign']>, x: number, y: number): string {
  if (sign === 'entry') return `<path class="sign" d="M${tenths(x + 1)} ${tenths(y - 8)}l7 4l-7 4z"/>`
  if (sign === 'exit') return `<path class="sign" d="M${tenths(x + 8)} ${tenths(y - 8)}l-7 4l7 4z"/>`
  if (sign === 'again') {
    return (
      `<path class="turn" d="M${tenths(x + 7.6)} ${tenths(y - 7)}a3.9 3.9 0 1 0 1.3 3.4"/>` +
      `<path class="sign" d="M${tenths(x + 9.6)} ${tenths(y - 9.2)}v4.4h-4.4z"/>`
    )
  }
  return `<path class="sign" fill-rule="evenodd" transform="translate(${tenths(x + 5)} ${tenths(y - 4)})" d="${gear}"/>`
}

const gear = gearPath(8, 5.6, 4.1, 1.9)

function gearPath(teeth: number, outer: number, inner: number, hole: number): string {
  const corners: string[] = []
  for (let tooth = 0; tooth < teeth; tooth++) {
    for (const [part, radius] of [
      [-0.3, inner],
      [-0.17, outer],
      [0.17, outer],
      [0.3, inner],
    ] as const) {
      const angle = ((tooth + part) / teeth) * 2 * Math.PI
      corners.push(`${tenths(radius * Math.sin(angle))} ${tenths(-radius * Math.cos(angle))}`)
    }
  }
  return `M${corners.join('L')}zM${hole} 0A${hole} ${hole} 0 1 0 ${-hole} 0A${hole} ${hole} 0 1 0 ${hole} 0z`
}

function drawArrow({ arrow, points }: PlacedArrow): string {
  const tip = points.at(-1)!
  const before = points.at(-2)!
  const length = Math.hypot(tip.x - before.x, tip.y - before.y) || 1
  const along = { x: (tip.x - before.x) / length, y: (tip.y - before.y) / length }
  const neck = { x: tip.x - along.x * headLength, y: tip.y - along.y * headLength }
  const side = { x: -along.y * 4, y: along.x * 4 }
  const head = [tip, { x: neck.x + side.x, y: neck.y + side.y }, { x: neck.x - side.x, y: neck.y - side.y }]
  const ids = arrow.labels.map((label) => label.transition).join(' ')
  const events = arrow.labels.map((label) => label.event).join(' ')
  return [
    `<g id="${escapeXml(arrow.id)}" class="edge${arrow.tone === 'error' ? ' error' : ''}"`,
    ` data-source="${escapeXml(arrow.source)}" data-target="${escapeXml(arrow.target)}"`,
    ids === '' ? '' : ` data-event="${escapeXml(events)}" data-on="${escapeXml(ids)}"`,
    `><path d="${roundedPath([...points.slice(0, -1), neck])}"/>`,
    `<path class="head" d="M${head.map(pair).join('L')}z"/></g>`,
  ].join('')
}

function drawLabel({ arrow, label }: PlacedArrow): string {
  if (!label) return ''
  const ids = arrow.labels.map((each) => each.transition).join(' ')
  return [
    `<g class="label${arrow.tone === 'error' ? ' error' : ''}" data-on="${escapeXml(ids)}">`,
    labelBody(label),
    ...drawRules(label.sheet, label, 0.7),
    ...label.sheet.rows.map((row) => drawRow(row, label)),
    '</g>',
  ].join('\n')
}

function labelBody({ x, y, width, height }: PlacedLabel): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${Math.min(10, height / 2)}"/>`
}

/** Straight lines with their corners rounded, as far as the lines are long enough for it. */
function roundedPath(points: readonly Point[]): string {
  let path = `M${pair(points[0]!)}`
  for (let i = 1; i < points.length - 1; i++) {
    const [before, corner, after] = [points[i - 1]!, points[i]!, points[i + 1]!]
    const radius = Math.min(cornerRadius, distance(before, corner) / 2, distance(corner, after) / 2)
    path += `L${pair(towards(corner, before, radius))}Q${pair(corner)} ${pair(towards(corner, after, radius))}`
  }
  return `${path}L${pair(points.at(-1)!)}`
}

function distance(a: Point, b: Point): number {
  return Math.abs(a.x - b.x) + Math.abs(a.y - b.y)
}

function towards(from: Point, to: Point, step: number): Point {
  return { x: from.x + Math.sign(to.x - from.x) * step, y: from.y + Math.sign(to.y - from.y) * step }
}

function rect(name: string, x: number, y: number, width: number, height: number, radius: number): string {
  return (
    `<rect class="${name}" x="${tenths(x)}" y="${tenths(y)}" width="${tenths(width)}" height="${tenths(height)}" ` +
    `rx="${radius}"/>`
  )
}

function pair({ x, y }: Point): string {
  return `${tenths(x)} ${tenths(y)}`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
