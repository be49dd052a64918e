/** The demo as lines of text. Pure. */

import { formatAddress } from '../../address.ts'
import { counted, grouped } from '../output.ts'
import type { Cluster, DemoNode } from './cluster.ts'
import type { Score, Scores } from './scores.ts'

export interface ScreenOptions {
  readonly columns: number
  readonly rows: number
  readonly colour: boolean
  /** How the command line is called here: `reeve` or `npm run reeve --`. */
  readonly command: string
  readonly recordsPerSecond: number
}

type Paint = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

const codes: Record<Paint, number> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 }

interface Cell {
  readonly text: string
  readonly paint?: Paint
  readonly right?: boolean
}

/** So that the columns before the numbers stay where they are while nodes come and go. */
const steadyWidths = new Map([
  ['node', 6],
  ['pid', 7],
  ['process', 11],
  ['run', 8],
  ['sees', 17],
])
/** What a narrow terminal does without, the first one first. */
const spareColumns = ['run', 'pid', 'sees']

export function screenOf(cluster: Cluster, options: ScreenOptions): string[] {
  const paint = (text: string, how: Paint | undefined) =>
    options.colour && how && text.trim() !== '' ? `\x1b[${codes[how]}m${text}\x1b[0m` : text
  const scores = cluster.scores()
  const { table, widths } = fitting(tableOf(cluster, scores), options.columns - 1)
  const rows = table.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column]!
        return paint(cell.right ? cell.text.padStart(width) : cell.text.padEnd(width), cell.paint)
      })
      .join('  '),
  )
  const head = [
    '',
    `${paint('reeve demo', 'bold')}  ${paint(headline(cluster, scores), 'dim')}  ${verdict(cluster, scores, paint)}`,
    paint(`${introduction(cluster, options)}; every record ends up on every node.`, 'dim'),
    '',
    ...rows,
    '',
  ]
  const foot = ['', ...footer(cluster, options).map((line) => paint(line, 'dim'))]
  const room = Math.max(1, options.rows - head.length - foot.length - 1)
  const events = cluster.events.slice(-Math.min(room, 12)).map((event) => {
    return `${paint(clock(event.atMs), 'dim')}  ${paint(event.text, paintOf(event.text))}`
  })
  return [...head, ...events, ...foot].slice(0, options.rows - 1).map((line) => cut(` ${line}`, options.columns))
}

function headline(cluster: Cluster, scores: Scores): string {
  return `${clock(cluster.elapsedMs())} · ${counted(scores.records, 'record')}`
}

function introduction(cluster: Cluster, { recordsPerSecond }: ScreenOptions): string {
  const writes = recordsPerSecond > 0 ? ` takes ${grouped(recordsPerSecond)} writes/s` : ' takes writes'
  return `${cluster.nodes.length} processes, each${writes}`
}

function verdict(cluster: Cluster, scores: Scores, paint: (text: string, how: Paint) => string): string {
  const up = [...scores.byNode.keys()].length
  if (cluster.joinedMs === undefined) return paint('finding each other …', 'yellow')
  if (!scores.equal) return paint('catching up …', 'yellow')
  const missing = cluster.nodes.length - up
  return missing === 0
    ? paint('all copies equal', 'green')
    : paint(`copies equal on ${up} of ${cluster.nodes.length} nodes, ${missing} down`, 'yellow')
}

function tableOf(cluster: Cluster, scores: Scores): Cell[][] {
  const origins = cluster.nodes.map((node) => node.process.name)
  const title = (text: string, right = false): Cell => ({ text, right, paint: 'bold' })
  const fromTitles = origins.map((origin) => title(`from ${origin}`, true))
  const titles = ['', 'node', 'pid', 'process', 'run', 'sees'].map((text) => title(text))
  return [
    [...titles, ...fromTitles, title('total', true), title('behind', true)],
    ...cluster.nodes.map((node, index) => rowOf(node, index, origins, scores)),
  ]
}

/** Without as many of the spare columns as it takes to fit. */
function fitting(table: Cell[][], columns: number): { table: Cell[][]; widths: number[] } {
  let kept = table
  for (const spare of spareColumns) {
    if (widthsOf(kept).reduce((sum, width) => sum + width + 2, -2) <= columns) break
    const at = kept[0]!.findIndex((title) => title.text === spare)
    kept = kept.map((row) => row.toSpliced(at, 1))
  }
  return { table: kept, widths: widthsOf(kept) }
}

function widthsOf(table: readonly Cell[][]): number[] {
  return table[0]!.map((title, column) =>
    Math.max(steadyWidths.get(title.text) ?? 0, ...table.map((row) => row[column]!.text.length)),
  )
}

function rowOf(node: DemoNode, index: number, origins: readonly string[], scores: Scores): Cell[] {
  const score = scores.byNode.get(node.process.name)
  const number = (value: number | undefined, paint?: Paint): Cell => ({
    text: value === undefined ? '·' : grouped(value),
    right: true,
    ...(value === undefined ? { paint: 'dim' as const } : paint && { paint }),
  })
  return [
    { text: String(index + 1), paint: 'cyan' },
    { text: node.process.name },
    { text: String(node.process.pid ?? '·'), paint: 'dim' },
    stateOf(node, score),
    { text: score?.epoch?.slice(-8) ?? '·', paint: 'dim' },
    seenBy(score),
    ...origins.map((origin) => number(score && (score.held.get(origin) ?? 0))),
    number(score?.total),
    number(score?.behind, score && score.behind > 0 ? 'yellow' : 'green'),
  ]
}

function stateOf(node: DemoNode, score: Score | undefined): Cell {
  if (node.process.pid === undefined) return { text: 'down', paint: 'red' }
  if (!score) return { text: 'starting', paint: 'yellow' }
  return node.catchingUp ? { text: 'catching up', paint: 'yellow' } : { text: 'up', paint: 'green' }
}

function seenBy(score: Score | undefined): Cell {
  if (!score) return { text: '·', paint: 'dim' }
  const counts = new Map<string, number>()
  for (const state of score.states.values()) counts.set(state, (counts.get(state) ?? 0) + 1)
  const text = [...counts].map(([state, count]) => `${count} ${state}`).join(', ')
  return { text, ...(counts.has('failed') && { paint: 'red' as const }) }
}

function footer(cluster: Cluster, { command, columns }: ScreenOptions): string[] {
  const up = cluster.nodes.find((node) => node.view) ?? cluster.nodes[0]!
  const addr = formatAddress(up.process.rpc)
  const keys = cluster.nodes.length > 1 ? `1–${Math.min(9, cluster.nodes.length)}` : '1'
  return [
    `${keys} kills that node (kill -9) or starts it again · q quits`,
    ...(up.link === undefined ? [] : ['', ...invitation(up.link, columns)]),
    '',
    'In another terminal:',
    `  ${command} consume demo --follow --from end --addr ${addr}`,
    `  echo hi | ${command} produce hi --copies ${Math.min(2, cluster.nodes.length)} --addr ${addr}`,
    `  ${command} members --addr ${addr}`,
    `  serf agent -node guest -bind 127.0.0.1:7999 -join ${formatAddress(up.process.gossip)}`,
  ]
}

/** Half a link opens nothing: where it does not fit behind the words it has a line of its own. */
function invitation(link: string, columns: number): string[] {
  const words = 'See inside, in a browser:'
  return words.length + link.length + 2 <= columns ? [`${words} ${link}`] : [words, link]
}

function paintOf(text: string): Paint | undefined {
  if (/killed|failed|gone/.test(text)) return 'red'
  return /is back|each other|of each/.test(text) ? 'green' : undefined
}

/** mm:ss */
export function clock(ms: number): string {
  const total = Math.floor(ms / 1000)
  return `${String(Math.floor(total / 60)).padStart(2, '0')}:${String(total % 60).padStart(2, '0')}`
}

/** At most `columns` visible characters; colours take no room. */
function cut(line: string, columns: number): string {
  let visible = 0
  let result = ''
  for (const part of line.split(/(\x1b\[\d+m)/)) {
    if (part.startsWith('\x1b')) result += part
    else {
      const kept = part.slice(0, Math.max(0, columns - visible))
      visible += kept.length
      result += kept
    }
  }
  return result
}
