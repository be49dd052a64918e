/** A run as a picture: one panel for what can be compared, one bar a row, in the look of the charts' drawings. */

import { dark, light } from '../../machines/drawings/style.ts'
import type { Row, Unit } from './figure.ts'
import { goals } from './goals.ts'
import type { Run } from './report.ts'
import { lessIsBetter, ratiosOf, type Spread, shown, spreadOf } from './table.ts'

interface Panel {
  readonly title: string
  readonly figure: string
  readonly unit: Unit | '×'
  /** Rows whose names match; default: all of that unit. */
  readonly rows?: RegExp
}

const panels: readonly Panel[] = [
  { title: 'Written to one node', figure: 'produce', unit: 'records/s' },
  { title: 'Read from the start, record by record', figure: 'consume', unit: 'records/s' },
  { title: 'Read from the start, as bytes', figure: 'consume', unit: 'MB/s' },
  { title: 'Written to three nodes', figure: 'copies', unit: 'records/s' },
  { title: 'A backlog to a follower', figure: 'replicate', unit: 'records/s' },
  { title: 'One record at a time, median', figure: 'single', unit: 'ms', rows: /p50$/ },
  { title: 'One record at a time, 99th percentile', figure: 'single', unit: 'ms', rows: /p99$/ },
  { title: 'Calls of one record', figure: 'unary', unit: 'calls/s' },
  { title: 'From one node to another', figure: 'lag', unit: 'ms', rows: /^ack/ },
  { title: 'From the start of a process', figure: 'open', unit: 'ms' },
  { title: 'With TLS: share of the same without', figure: 'tls', unit: '×' },
]

interface Bar {
  readonly label: string
  /** `fsync`, `no fsync` or nothing. */
  readonly acks: string
  readonly side: string
  readonly spread: Spread
  readonly goal: number | undefined
}

const width = 1040
const margin = 24
const gap = 24
const panelWidth = (width - 2 * margin - gap) / 2
const padding = 16
const headHeight = 46
const barStep = 34
const barHeight = 9

/** Panels without rows are left out. */
export function chartOf(run: Run): string {
  const columns = [
    { x: margin, y: margin },
    { x: margin + panelWidth + gap, y: margin },
  ]
  const parts: string[] = []
  for (const panel of panels) {
    const bars = barsOf(panel, run.figures[panel.figure] ?? [])
    if (bars.length === 0) continue
    const column = columns[0]!.y <= columns[1]!.y ? columns[0]! : columns[1]!
    const height = headHeight + bars.length * barStep + 6
    parts.push(drawn(panel, bars, column.x, column.y, height))
    column.y += height + gap
  }
  const bottom = Math.max(...columns.map(({ y }) => y))
  const key = 'Bars are medians, lines reach from the least to the greatest, a mark is the goal. '
  const sides = 'Filled: Reeve. Grey: other systems. Hollow: what the machine does when nothing else is asked of it.'
  parts.push(`<text class="note" x="${margin}" y="${bottom + 2}">${key}${sides}</text>`)
  const height = bottom + margin
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title>Figures of Reeve beside those of other systems</title>`,
    `<style>${style}</style>`,
    `<g class="bench"><rect class="paper" width="${width}" height="${height}"/>`,
    ...parts,
    '</g></svg>\n',
  ].join('\n')
}

function barsOf({ figure, unit, rows: names }: Panel, rows: readonly Row[]): Bar[] {
  if (unit === '×') {
    return rows.flatMap((row) => {
      const [ratio] = ratiosOf(row, rows)
      if (!ratio) return []
      const share = row.unit === 'ms' ? inverse(ratio) : ratio
      const label = row.name.replace(/, TLS$/, '')
      return [{ label, acks: '', side: 'reeve', spread: share, goal: 0.7 }]
    })
  }
  return rows
    .filter((row) => row.unit === unit && (names?.test(row.name) ?? true))
    .map((row) => {
      const goal = goals.find((one) => one.figure === figure && one.row === row.name && one.beside === undefined)
      return {
        label: figure === 'single' ? row.name.replace(/: p\d+$/, '') : row.name,
        ...{ acks: row.acks ?? '', side: row.side ?? 'reeve', spread: spreadOf(row.samples) },
        goal: goal?.atLeast ?? goal?.atMost,
      }
    })
}

function inverse({ median, least, greatest }: Spread): Spread {
  return { median: 1 / median, least: 1 / greatest, greatest: 1 / least }
}

function drawn({ title, unit }: Panel, bars: readonly Bar[], x: number, y: number, height: number): string {
  const most = Math.max(...bars.map(({ spread, goal }) => Math.max(spread.greatest, goal ?? 0)))
  const scale = (panelWidth - 2 * padding) / most
  const at = (value: number) => round(Math.max(0, value) * scale)
  const better = unit === '×' ? 'more is better' : `${unit}, ${lessIsBetter(unit) ? 'less' : 'more'} is better`
  const lines = bars.map(({ label, acks, side, spread, goal }, index) => {
    const top = headHeight + index * barStep
    const middle = round(top + 15 + barHeight / 2)
    const acked = acks === '' ? '' : `<tspan class="acks" dx="5">· ${acks}</tspan>`
    return [
      `<g class="${side}" transform="translate(${padding} 0)">`,
      `<text class="label" y="${top + 8}">${escaped(label)}${acked}</text>`,
      `<text class="value" x="${round(panelWidth - 2 * padding)}" y="${top + 8}">${shown(spread.median)}</text>`,
      `<rect class="bar" y="${top + 15}" width="${Math.max(1, at(spread.median))}" height="${barHeight}" rx="2"/>`,
      `<path class="spread" d="M${at(spread.least)} ${middle}H${at(spread.greatest)}"/>`,
      ...(goal === undefined ? [] : [`<path class="goal" d="M${at(goal)} ${top + 12}v${barHeight + 6}"/>`]),
      '</g>',
    ].join('')
  })
  return [
    `<g transform="translate(${round(x)} ${round(y)})">`,
    `<rect class="panel" width="${round(panelWidth)}" height="${height}" rx="8"/>`,
    `<text class="name" x="${padding}" y="24">${escaped(title)}</text>`,
    `<text class="unit" x="${round(panelWidth - padding)}" y="24">${escaped(better)}</text>`,
    ...lines,
    '</g>',
  ].join('\n')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

function colours(c: typeof light): string {
  return `
.bench .paper{fill:${c.paper}}
.bench .panel{fill:${c.group};stroke:${c.frame}}
.bench .name{fill:${c.name}}
.bench .label{fill:${c.text}}
.bench .unit,.bench .acks,.bench .note{fill:${c.faint}}
.bench .value{fill:${c.text}}
.bench .bar{fill:${c.border};stroke:${c.border}}
.bench .spread{stroke:${c.text}}
.bench .reeve .bar{fill:${c.hot};stroke:${c.hot}}
.bench .reeve .label,.bench .reeve .value{fill:${c.hotText}}
.bench .reeve .spread{stroke:${c.name}}
.bench .limit .bar{fill:${c.group};stroke:${c.line}}
.bench .goal{stroke:${c.entry}}`
}

const style = `
.bench{font-family:'DejaVu Sans',Verdana,Geneva,sans-serif;font-size:11px}
.bench .panel{stroke-width:1.4}
.bench .name{font-size:13px;font-weight:bold}
.bench .unit,.bench .value{text-anchor:end}
.bench .note{font-size:10.5px}
.bench .reeve .value{font-weight:bold}
.bench .spread{stroke-width:1.4;opacity:.55}
.bench .goal{stroke-width:2.4}${colours(light)}
@media (prefers-color-scheme:dark){${colours(dark)}
}
`
