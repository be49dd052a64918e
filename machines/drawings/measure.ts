/** How much room the text of a box or label takes, and where in it each row stands. */

import type { Arrow, Box, Line } from './chart.ts'
import { type Font, textWidth, wrap } from './text.ts'

export const fonts = {
  name: { sizePx: 13, weight: 'bold' },
  title: { sizePx: 17, weight: 'bold' },
  description: { sizePx: 11, weight: 'regular' },
  line: { sizePx: 11, weight: 'regular' },
  event: { sizePx: 11, weight: 'regular' },
  action: { sizePx: 10.5, weight: 'regular' },
} as const satisfies Record<string, Font>

export type RowKind = keyof typeof fonts

/** One row of text; `x` and `y` are those of its baseline's start, from the box's own corner. */
export interface Row {
  readonly kind: RowKind
  readonly x: number
  readonly y: number
  readonly text: string
  /** Greyer text that follows on the same row. */
  readonly rest: string
  readonly restX: number
  /** Stands before the row. */
  readonly sign: Line['sign'] | undefined
  /** The transition the row speaks of. */
  readonly transition: string | undefined
}

export interface Sheet {
  readonly width: number
  readonly height: number
  readonly rows: readonly Row[]
  /** Where thin lines part the rows. */
  readonly rules: readonly number[]
}

/** Room inside a box, left and right of its text. */
const marginX = 12
const rowHeight = 17
const signWidth = 16
/** Rows longer than this are broken. */
const widestRow = 250
const widestDescription = 300
const widestAction = 150

/** The text of a box; of one with children, the part above them. */
export function measureBox(box: Box, isRoot: boolean): Sheet {
  if (box.kind === 'initial' || box.kind === 'any') return { width: 10, height: 10, rows: [], rules: [] }
  const rows: Row[] = []
  const holds = box.children.length > 0
  const nameKind = isRoot ? 'title' : 'name'
  const textX = box.kind === 'final' ? marginX + 2 : marginX
  let y = isRoot ? 29 : 20
  rows.push(row(nameKind, textX, y, box.name))
  for (const text of wrap(box.description, fonts.description, isRoot ? 640 : widestDescription)) {
    y += isRoot ? 19 : 15
    rows.push(row('description', textX, y, text))
  }
  const barY = holds || box.lines.length > 0 ? y + (isRoot ? 12 : 9) : undefined
  if (box.lines.length > 0) y = barY! + 1
  for (const line of box.lines) {
    for (const each of lineRows(line, textX)) {
      y += rowHeight
      rows.push({ ...each, y })
    }
  }
  const bottom = box.lines.length > 0 ? y + 9 : (barY ?? y + 10)
  const width = Math.max(...rows.map(rowEnd)) + textX
  return {
    width: Math.ceil(Math.max(width, 72)),
    height: Math.ceil(bottom),
    rows,
    rules: barY === undefined ? [] : [barY],
  }
}

/**
 * The label of an arrow: its events, and under those that have the same actions these actions, once. Where the actions
 * differ a thin line parts them.
 */
export function measureLabel(arrow: Arrow): Sheet | undefined {
  if (arrow.labels.length === 0) return undefined
  const rows: Row[] = []
  const rules: number[] = []
  let y = 2
  for (const actions of new Set(arrow.labels.map((label) => label.actions))) {
    const labels = arrow.labels.filter((label) => label.actions === actions)
    if (rows.length > 0) {
      rules.push(y + 5)
      y += 6
    }
    for (const label of labels) {
      y += 14
      rows.push({ ...row('event', 0, y, label.text), transition: label.transition })
    }
    const all = labels.map((label) => label.transition).join(' ')
    for (const text of actions === '' ? [] : wrap(`/ ${actions}`, fonts.action, widestAction)) {
      y += 13.5
      rows.push({ ...row('action', 0, y, text), transition: all })
    }
  }
  const width = Math.ceil(Math.max(...rows.map(rowEnd))) + 20
  // Centred: the label sits on its arrow.
  const centred = rows.map((each) => ({ ...each, x: (width - rowEnd(each)) / 2 }))
  return { width, height: Math.ceil(y + 6), rows: centred, rules }
}

function lineRows(line: Line, x: number): Row[] {
  const start = line.sign === 'own' ? x : x + signWidth
  const sign = line.sign === 'own' ? undefined : line.sign
  const first = { ...row('line', start, 0, line.text), sign, transition: line.transition }
  if (line.actions === '') return [first]
  const whole = withRest(first, `/ ${line.actions}`, 4)
  if (rowEnd(whole) <= x + widestRow) return [whole]
  const indent = start + 10
  return [
    first,
    ...wrap(`/ ${line.actions}`, fonts.action, widestRow - 10).map((text) => ({
      ...withRest(row('line', indent, 0, ''), text),
      transition: line.transition,
    })),
  ]
}

function row(kind: RowKind, x: number, y: number, text: string): Row {
  return { kind, x, y, text, rest: '', restX: x, sign: undefined, transition: undefined }
}

function withRest(start: Row, rest: string, gap = 0): Row {
  return { ...start, rest, restX: start.x + textWidth(start.text, fonts[start.kind]) + gap }
}

/** Where the row ends, from the box's corner. */
export function rowEnd(row: Row): number {
  const end = row.x + textWidth(row.text, fonts[row.kind])
  return row.rest === '' ? end : row.restX + textWidth(row.rest, fonts.action)
}
