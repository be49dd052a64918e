/**
 * What the page shows and how the reader got there: the story, the moment in it, the selected actor, the view. The address
 * after `#` says view and selection, so that a reload or a link leads to the same. Tells whoever draws at most once a frame.
 */

import type { ActorPath, TraceHeader, TraceRecord } from '../record.ts'
import { inTime } from './in-time.ts'
import { followLive, type Liveness } from './live.ts'
import { type MarkKind, Marks, type PlacedMark } from './marks.ts'
import { Player, type Speed } from './player.ts'
import { type Moment, recordsMax, Story } from './story.ts'

export type ViewName = 'cluster' | 'actors' | 'chart' | 'sequence' | 'members'
export const viewNames: readonly ViewName[] = ['cluster', 'actors', 'chart', 'sequence', 'members']

export interface Selection {
  readonly node: string
  readonly actor: ActorPath
}

export class Desk extends EventTarget {
  story = new Story()
  liveness: Liveness = 'connecting'
  /** A trace file is shown instead of a cluster. */
  file: TraceHeader | undefined
  view: ViewName = 'cluster'
  selection: Selection | undefined
  /** What went wrong with a file; empty: nothing. */
  problem = ''
  /** Undefined: now. */
  #position: number | undefined
  #stop: (() => void) | undefined
  #drawing = false
  readonly #marks = new Marks()
  readonly #player = new Player({
    story: () => this.story,
    position: () => this.position,
    goTo: (position) => this.#place(position),
    ended: () => this.resume(),
  })

  begin(): void {
    this.#read()
    addEventListener('hashchange', () => {
      this.#read()
      this.changed()
    })
    this.#follow()
  }

  get moment(): Moment {
    return this.#position === undefined ? this.story.now() : this.story.at(this.#position)
  }

  /** The present is shown, and moves. */
  get isNow(): boolean {
    return this.#position === undefined
  }

  get position(): number {
    return this.#position ?? this.story.last
  }

  /** The record that led to what is shown. */
  get latest(): TraceRecord | undefined {
    return this.story.record(this.position - 1)
  }

  goTo(position: number): void {
    this.#player.stop()
    this.#place(position)
  }

  #place(position: number): void {
    const { first, last } = this.story
    this.#position = Math.min(Math.max(position, first), last)
    this.changed()
  }

  /** So many records further, or back. */
  step(by: number): void {
    this.goTo(this.position + by)
  }

  /** What stands out in the story. */
  get marks(): readonly PlacedMark[] {
    return this.#marks.of(this.story)
  }

  /** To what stands out next, or did so before; of one kind, or of any. */
  toMark(way: 1 | -1, kind?: MarkKind): void {
    const marks = kind === undefined ? this.marks : this.marks.filter((mark) => mark.kind === kind)
    const { position } = this
    const mark =
      way === 1
        ? marks.find((each) => each.position >= position)
        : marks.findLast((each) => each.position < position - 1)
    if (mark) this.goTo(mark.position + 1)
  }

  pause(): void {
    this.goTo(this.position)
  }

  get playing(): boolean {
    return this.#player.running
  }

  get speed(): Speed {
    return this.#player.speed
  }

  set speed(speed: Speed) {
    this.#player.speed = speed
    this.changed()
  }

  /** From the moment shown, or from the beginning where there is nothing after it. */
  play(): void {
    this.#place(this.position >= this.story.last ? this.story.first : this.position)
    this.#player.start()
    this.changed()
  }

  /** What the space bar does: time stands still, or goes on. */
  toggle(): void {
    if (this.playing || this.isNow) this.pause()
    else this.play()
  }

  /** Back to the present; of a file, to its end. */
  resume(): void {
    this.#player.stop()
    this.#position = this.file ? this.story.last : undefined
    this.changed()
  }

  show(view: ViewName, selection = this.selection): void {
    const parts = selection ? [view, selection.node, selection.actor] : [view]
    location.hash = `#/${parts.map(encodeURIComponent).join('/')}`
  }

  open(header: TraceHeader, records: Iterable<TraceRecord>): void {
    this.#stop?.()
    this.#stop = undefined
    this.file = header
    this.liveness = 'closed'
    // All of it, or its beginning would be gone before anybody saw it.
    const all = inTime([...records])
    this.story = new Story(Math.max(recordsMax, all.length))
    for (const record of all) this.story.add(record)
    // What a run that went wrong is opened for.
    const broken = this.marks.find(({ kind }) => kind === 'broken')
    this.goTo(broken ? broken.position + 1 : this.story.last)
  }

  /** Away from a file, back to the cluster. */
  close(): void {
    this.#player.stop()
    this.file = undefined
    this.problem = ''
    this.story = new Story()
    this.#position = undefined
    this.#follow()
    this.changed()
  }

  changed(): void {
    if (this.#drawing) return
    this.#drawing = true
    requestAnimationFrame(() => {
      this.#drawing = false
      this.dispatchEvent(new Event('changed'))
    })
  }

  #follow(): void {
    this.#stop = followLive({
      records: (records) => {
        for (const record of inTime(records)) this.story.add(record)
        // What was looked at may be so long ago that it is forgotten.
        if (this.#position !== undefined) this.#position = Math.max(this.#position, this.story.first)
        this.changed()
      },
      liveness: (state) => {
        this.liveness = state
        this.changed()
      },
    })
  }

  #read(): void {
    const [view = '', node, ...actor] = location.hash.replace(/^#\/?/, '').split('/').map(decoded)
    this.view = viewNames.find((name) => name === view) ?? 'cluster'
    if (node !== undefined && actor.length > 0) this.selection = { node, actor: actor.join('/') }
  }
}

/** What somebody typed may be no encoding at all. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
