/** What stands out in a story: faults, broken promises, starts, crashes, records that are missing. */

import type { TraceRecord } from '../record.ts'
import type { Story } from './story.ts'

export type MarkKind = 'broken' | 'gap' | 'crash' | 'fault' | 'verdict' | 'other'

export interface Mark {
  readonly kind: MarkKind
  /** A sentence. */
  readonly text: string
}

export interface PlacedMark extends Mark {
  /** Of its record; the moment behind it is the first that has it. */
  readonly position: number
  readonly atMs: number | undefined
}

/** Told by a sign as well as by a colour. */
export const markSigns: Readonly<Record<MarkKind, string>> = {
  ...{ broken: '✕', gap: '≋', crash: '✕', fault: 'ϟ', verdict: '■', other: '⚑' },
}

const whys = {
  slow: 'this page did not keep up',
  forgotten: 'the node had forgotten them',
  away: 'nobody could be asked',
} as const

/** Undefined: a record like any other. */
export function markOf(record: TraceRecord): Mark | undefined {
  switch (record.kind) {
    case 'gap': {
      const count = record.last - record.first + 1
      const missing = `${count.toLocaleString('en')} records of ${record.node} are missing`
      return { kind: 'gap', text: `${missing}: ${whys[record.why] ?? record.why}` }
    }
    case 'note': {
      const { about, node, text } = record
      if (about === undefined) return { kind: 'other', text: `${node}: ${text}` }
      return { kind: about === 'run' ? 'other' : about, text }
    }
    case 'started':
      return record.parent === null ? { kind: 'other', text: `${record.node} starts a run` } : undefined
    case 'stopped': {
      if (record.status !== 'error') return undefined
      const why = record.reason ? `: ${record.reason.message}` : ''
      return { kind: 'crash', text: `${record.node}: ${record.actor} crashed${why}` }
    }
    default:
      return undefined
  }
}

/** Those of a story, found once. */
export class Marks {
  #story: Story | undefined
  #upTo = 0
  #found: PlacedMark[] = []

  /** In their order. */
  of(story: Story): readonly PlacedMark[] {
    if (this.#story !== story) {
      this.#story = story
      this.#upTo = 0
      this.#found = []
    }
    const { first, last } = story
    for (let position = Math.max(first, this.#upTo); position < last; position++) {
      const record = story.record(position)
      const mark = record && markOf(record)
      if (mark) this.#found.push({ ...mark, position, atMs: 'atMs' in record ? record.atMs : undefined })
    }
    this.#upTo = last
    if ((this.#found[0]?.position ?? first) < first) {
      this.#found = this.#found.filter(({ position }) => position >= first)
    }
    return this.#found
  }
}
