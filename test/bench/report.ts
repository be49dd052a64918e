/** A run as JSON, and the pages' tables and chart made of it. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chartOf } from './chart.ts'
import type { Row } from './figure.ts'
import { goals } from './goals.ts'
import { type Machine, machineText } from './machine.ts'
import { root } from './process.ts'
import { pageTableOf, ratiosOf, shown, spreadOf } from './table.ts'

export interface Run {
  /** ISO 8601. */
  readonly at: string
  readonly machine: Machine
  readonly quick: boolean
  readonly repetitions: number
  readonly figures: Record<string, Row[]>
  /** Of each figure, what is to be known of it, and what is missing. */
  readonly notes: Record<string, string[]>
}

export function parseRun(json: string): Run {
  const run = JSON.parse(json) as Partial<Run>
  if (!run.machine || !run.figures || !run.notes) throw new Error('this is not what --json writes')
  return run as Run
}

/** With as many digits as mean anything. */
export function jsonOf(run: Run): string {
  const short = (_key: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value)
  return `${JSON.stringify(run, short, 1)}\n`
}

/** Of a figure that several runs have, the last one's; where they come from is the last run's, too. */
export function joined(runs: readonly Run[]): Run {
  const last = runs.at(-1)
  if (!last) throw new Error('there is no run')
  return {
    ...last,
    quick: runs.some(({ quick }) => quick),
    repetitions: Math.min(...runs.map(({ repetitions }) => repetitions)),
    figures: Object.assign({}, ...runs.map(({ figures }) => figures)),
    notes: Object.assign({}, ...runs.map(({ notes }) => notes)),
  }
}

const chartFile = join('test', 'bench', 'speed.svg')
const pageFile = join('test', 'bench', 'README.md')
const frontPage = 'README.md'
const markers = ['<!-- figures: begin -->', '<!-- figures: end -->'] as const

/** Short runs are good for the page of the benchmark, but nothing to put in the window. */
export function writeReport(measured: Run): void {
  const json = jsonOf(measured)
  const run = parseRun(json)
  writeFileSync(join(root, 'test', 'bench', 'speed.json'), json)
  writeFileSync(join(root, chartFile), chartOf(run))
  rewrite(pageFile, (page) => withFigures(page, run))
  if (!run.quick) rewrite(frontPage, (page) => withSummary(page, run))
}

function rewrite(file: string, change: (page: string) => string): void {
  const path = join(root, file)
  writeFileSync(path, change(readFileSync(path, 'utf8')))
}

/** The page with all figures of this run between its markers. */
export function withFigures(page: string, run: Run): string {
  return between(page, figuresOf(run))
}

/** The page with those figures that others have something beside, or that a goal was set for. */
export function withSummary(page: string, run: Run): string {
  return between(page, summaryOf(run))
}

function between(page: string, text: string): string {
  const [begin, end] = markers.map((marker) => page.indexOf(marker)) as [number, number]
  if (begin < 0 || end < begin) throw new Error(`the page has no ${markers.join(' … ')}`)
  return `${page.slice(0, begin + markers[0].length)}\n${text}\n${page.slice(end)}`
}

function figuresOf(run: Run): string {
  const parts = [provenance(run)]
  for (const [figure, rows] of Object.entries(run.figures)) {
    parts.push(`### ${figure}`, pageTableOf(figure, rows))
    for (const note of run.notes[figure] ?? []) parts.push(`${note[0]?.toUpperCase()}${note.slice(1)}.`)
  }
  return `${parts.join('\n\n')}\n`
}

function summaryOf(run: Run): string {
  const lines = ['| figure | Reeve | median | beside others |', '| --- | --- | ---: | --- |']
  for (const [figure, rows] of Object.entries(run.figures)) {
    for (const row of rows.filter((one) => goals.some((goal) => goal.figure === figure && goal.row === one.name))) {
      const peers = ratiosOf(row, rows).filter(
        ({ beside }) =>
          rows.find(({ name }) => name === beside)?.side === 'peer' ||
          goals.some((goal) => goal.row === row.name && goal.beside === beside),
      )
      const beside = peers.map((ratio) => `${ratio.median.toPrecision(3)} × ${ratio.beside}`).join('<br>')
      const name = row.name.replace(/^Reeve, /, '').replace(/^Reeve(: p\d+)$/, 'one record$1')
      lines.push(`| ${figure} | ${name} | ${shown(spreadOf(row.samples).median)} ${row.unit} | ${beside} |`)
    }
  }
  const picture = `![Figures of Reeve beside those of other systems](${chartFile})`
  return `${picture}\n\n${provenance(run)}\n\n${lines.join('\n')}\n`
}

function provenance(run: Run): string {
  const haste = run.quick ? ', short runs (`--quick`)' : ''
  return `${run.at.slice(0, 10)}: ${machineText(run.machine)}. ${run.repetitions} repetitions${haste}.`
}
