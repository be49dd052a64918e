/** Rows as lines for a terminal and as a table for a page. */

import { median, quantile, type Row, ratios, type Unit } from './figure.ts'
import { type Verdict, verdicts } from './goals.ts'

export interface Spread {
  readonly median: number
  readonly least: number
  readonly greatest: number
}

export function spreadOf(samples: readonly number[]): Spread {
  return { median: median(samples), least: quantile(samples, 0), greatest: quantile(samples, 1) }
}

/** Less of it is better. */
export function lessIsBetter(unit: Unit): boolean {
  return ['ms', '%', 'MiB', 'KiB', 'files', 'B/s', '/s'].includes(unit)
}

export interface Ratio extends Spread {
  /** Name of the row it is divided by. */
  readonly beside: string
}

/** To each row it stands beside, as far as that was measured. */
export function ratiosOf(row: Row, rows: readonly Row[]): Ratio[] {
  return (row.beside ?? []).flatMap((beside) => {
    const other = rows.find(({ name }) => name === beside)
    return other ? [{ beside, ...spreadOf(ratios(row, other)) }] : []
  })
}

export function tableOf(figure: string, rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length))
  const lines: string[] = []
  for (const row of rows) {
    const found = verdicts(figure, row, rows)
    const { median, least, greatest } = spreadOf(row.samples)
    const value = `${shown(median).padStart(9)} ${row.unit} (${shown(least)} – ${shown(greatest)})`
    lines.push(`  ${row.name.padEnd(width)} ${(row.acks ?? '').padEnd(8)} ${value}${judged(found, undefined)}`)
    for (const ratio of ratiosOf(row, rows)) {
      const spread = `${times(ratio.median)} (${times(ratio.least)} – ${times(ratio.greatest)})`
      lines.push(`  ${''.padEnd(width + 10)} ${spread} ${ratio.beside}${judged(found, ratio.beside)}`)
    }
  }
  return lines.map((line) => `${line}\n`).join('')
}

/** As Markdown. */
export function pageTableOf(figure: string, rows: readonly Row[]): string {
  const lines = ['| | acks | median (least – greatest) | beside others | goal |', '| --- | --- | ---: | --- | --- |']
  for (const row of rows) {
    const { median, least, greatest } = spreadOf(row.samples)
    const value = `**${shown(median)}** ${row.unit} (${shown(least)} – ${shown(greatest)})`
    const beside = ratiosOf(row, rows).map((ratio) => {
      const spread = `(${times(ratio.least)} – ${times(ratio.greatest)})`
      return `${times(ratio.median)} ${spread} ${ratio.beside}`
    })
    const goals = verdicts(figure, row, rows).map(({ text, met }) => `${text}: ${met ? '**met**' : 'missed'}`)
    lines.push(`| ${row.name} | ${row.acks ?? ''} | ${value} | ${beside.join('<br>')} | ${goals.join('<br>')} |`)
  }
  return lines.join('\n')
}

function judged(found: readonly Verdict[], beside: string | undefined): string {
  return found
    .filter((verdict) => verdict.beside === beside)
    .map(({ text, met }) => `   goal ${text}: ${met ? 'met' : 'missed'}`)
    .join('')
}

function times(ratio: number): string {
  return `${ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2)} ×`
}

/** Three digits that count, whole numbers grouped; millions as such. */
export function shown(value: number): string {
  if (Math.abs(value) >= 999_500) return `${(value / 1e6).toPrecision(3)} M`
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return Math.abs(value) < 0.0005 ? '0' : value.toPrecision(3)
}
