/**
 * Holds what members say of each other against the truth. Each rule is what a program that uses membership relies on;
 * how long it may take until it holds stands in `bounds.ts`.
 */

import { type Attendance, type Person, runs } from './attendance.ts'
import {
  backMs,
  condemnedMs,
  farewellMs,
  leavingMs,
  newsMs,
  noticedAloneMs,
  noticedMs,
  refutedMs,
  suspicionMs,
} from './bounds.ts'

export const memberRules = {
  condemned: 'Who is there, or was away for less than the shortest suspicion, is not declared failed.',
  refuted: 'Who is declared failed and hears it is alive again at once.',
  back: 'Who is there again, anywhere, is alive to all again.',
  noticed: 'Who is gone is not alive to anybody any more.',
  left: 'Who has said goodbye has left and not failed, also to those who were away then; nobody goes on leaving.',
  ghost: 'Who is gone does not come back.',
  agreed: 'In the end all say the same of all, down to incarnations, addresses and tags.',
} as const

export type MemberRule = keyof typeof memberRules

export interface Breach {
  readonly rule: MemberRule
  /** Who said it. */
  readonly member: string
  readonly reason: string
}

export type Status = 'alive' | 'leaving' | 'left' | 'failed'

/** What one member says of another one when it is asked. */
export interface Said {
  readonly name: string
  readonly status: Status
  /** `host:port`. */
  readonly at: string
  /** As text that is the same for the same tags. */
  readonly tags: string
  /** Failure detection's count of it; undefined: it knows no node of this name any more. */
  readonly incarnation: number | undefined
  readonly suspect: boolean
}

/** How a member can be found, and what it says of itself. */
export type Place = Pick<Said, 'at' | 'tags'>

/** The time between two looks at the truth and at what everybody says. */
export const lookMs = 250

interface View {
  /** Since when it has been wrong, while both reach each other; undefined: it is right. */
  wrongMs: number | undefined
  leavingMs: number | undefined
  /** Said of it last, after it was declared failed or left; undefined: it was alive last. */
  endedMs: number | undefined
}

export class MemberJudge {
  readonly #attendance: Attendance
  readonly #places: (name: string) => Place
  readonly #found: (breach: Breach) => void
  readonly #views = new Map<string, View>()
  /** Who of all that run holds somebody, who runs, for failed. */
  readonly #deniers = new Map<string, Set<string>>()
  /** When the first of them did, with everybody in reach to hear better. */
  readonly #deniedMs = new Map<string, number>()

  constructor(attendance: Attendance, places: (name: string) => Place, found: (breach: Breach) => void) {
    this.#attendance = attendance
    this.#places = places
    this.#found = found
  }

  /** A new run knows nobody. */
  started(member: string): void {
    for (const name of this.#attendance.people.keys()) this.#views.delete(`${member} ${name}`)
    for (const deniers of this.#deniers.values()) deniers.delete(member)
  }

  /** What a member tells its program at that moment. */
  told(member: string, name: string, kind: 'joined' | 'failed' | 'left', nowMs: number): void {
    const [observer, subject] = [this.#attendance.person(member), this.#attendance.person(name)]
    const view = this.#view(member, name)
    if (kind === 'joined') {
      const { endedMs } = view
      if (isAway(subject) && endedMs !== undefined && endedMs >= subject.sinceMs)
        this.#breach('ghost', member, `says that ${name} joined, which it knew to be gone ${ago(nowMs, endedMs)}`)
      view.endedMs = undefined
      this.#denied(subject, member, false, nowMs)
      return
    }
    view.endedMs = nowMs
    if (kind === 'left') return
    this.#failed(observer, subject, nowMs)
    if (runs(subject)) this.#denied(subject, member, true, nowMs)
  }

  /** What a member says when it is asked, of all others. */
  asked(member: string, others: readonly Said[], nowMs: number): void {
    const observer = this.#attendance.person(member)
    const said = new Map(others.map((other) => [other.name, other]))
    for (const subject of this.#attendance.people.values()) {
      if (subject === observer) continue
      const other = said.get(subject.name)
      if (isAway(subject)) this.#judgeGone(observer, subject, other, nowMs)
      else if (subject.presence === 'present') this.#judgePresent(observer, subject, other, nowMs)
    }
  }

  /** Long after everything: all that run and what they say. */
  rests(all: ReadonlyMap<string, readonly Said[]>): void {
    const first = new Map<string, { readonly by: string; readonly text: string }>()
    for (const [member, others] of all) {
      for (const { name, status, at, tags, incarnation, suspect } of others) {
        const { presence } = this.#attendance.person(name)
        const wanted = presence === 'present' ? 'alive' : presence === 'left' ? 'left' : 'failed'
        if (status !== wanted || suspect) {
          this.#breach('agreed', member, `says that ${name} is ${suspect ? 'suspect' : status}, it is ${presence}`)
        }
        if (presence !== 'present') continue
        const text = `at ${at} with ${tags}, incarnation ${incarnation}`
        const before = first.get(name)
        if (!before) first.set(name, { by: member, text })
        else if (before.text !== text)
          this.#breach('agreed', member, `has ${name} ${text}, ${before.by} has it ${before.text}`)
      }
    }
  }

  // -------------------------------------------------------------------------------------------------------------------

  #failed(observer: Person, subject: Person, nowMs: number): void {
    const { name } = subject
    // Who was away itself reads what was said meanwhile, in order.
    const own = observer.absences.at(-1)
    const sinceMs = own && nowMs <= own.toMs + newsMs ? own.fromMs : nowMs
    // A look late, and an answer that was under way.
    const isDue = subject.absences.some(
      ({ fromMs, toMs, cause }) => nowMs >= fromMs + suspicionMs - lookMs && sinceMs <= toMs + condemnedMs[cause],
    )
    if (!isDue) {
      const last = subject.absences.at(-1)
      const when = last ? `away ${ago(nowMs, last.fromMs)}, back ${ago(nowMs, last.toMs)}` : 'never away'
      this.#breach('condemned', observer.name, `says that ${name} failed, which was ${when}`)
    }
    if (subject.presence === 'left' && this.#heardFarewell(observer, subject))
      this.#breach('left', observer.name, `says that ${name} failed, which has said goodbye`)
  }

  #judgePresent(observer: Person, subject: Person, said: Said | undefined, nowMs: number): void {
    const view = this.#view(observer.name, subject.name)
    view.leavingMs = undefined
    const isRight = said?.status === 'alive' && said.at === this.#places(subject.name).at
    const isInReach = this.#attendance.inReach(observer, subject)
    if (!isInReach) this.#deniedMs.delete(subject.name)
    if (isRight || !isInReach) {
      view.wrongMs = undefined
      return
    }
    view.wrongMs ??= nowMs
    const { name } = subject
    const words = said ? `says that ${name} is ${said.status} at ${said.at}` : `does not know ${name}`
    const excusedMs = Math.max(
      this.#attendance.excusedUntilMs(observer, subject),
      subject.sinceMs + backMs.still,
      observer.sinceMs + backMs.still,
    )
    const wrongForMs = nowMs - view.wrongMs
    if (wrongForMs > refutedMs && nowMs > excusedMs)
      this.#breach('back', observer.name, `${words} ${ago(nowMs, view.wrongMs)}, which is there`)
    const deniedMs = this.#deniedMs.get(name)
    // Nobody gossips to whom they hold for dead.
    const isTold = (this.#deniers.get(observer.name)?.size ?? 0) === 0
    if (isTold && said?.status === 'failed' && deniedMs !== undefined && nowMs > deniedMs + refutedMs)
      this.#breach('refuted', observer.name, `${words}, which heard so ${ago(nowMs, deniedMs)}`)
  }

  #judgeGone(observer: Person, subject: Person, said: Said | undefined, nowMs: number): void {
    const view = this.#view(observer.name, subject.name)
    view.wrongMs = undefined
    const { name, presence, sinceMs } = subject
    if (said?.status !== 'leaving') view.leavingMs = undefined
    else {
      view.leavingMs ??= nowMs
      if (nowMs > Math.max(view.leavingMs, sinceMs) + leavingMs)
        this.#breach('left', observer.name, `says that ${name} leaves ${ago(nowMs, view.leavingMs)}, which is gone`)
    }
    if (said === undefined) return
    const isApart = observer.troubledBy === 'apart' && observer.troubledMs > sinceMs - noticedAloneMs
    const fromMs = Math.max(sinceMs, observer.troubledMs, observer.sinceMs)
    if (said.status === 'alive' && nowMs > fromMs + (isApart ? noticedAloneMs : noticedMs))
      this.#breach('noticed', observer.name, `says that ${name} is alive, which is gone ${ago(nowMs, sinceMs)}`)
    if (presence !== 'left' || said.status === 'left') return
    const lateMs = this.#heardFarewell(observer, subject) ? farewellMs : noticedAloneMs
    if (nowMs > fromMs + lateMs)
      this.#breach('left', observer.name, `says that ${name} is ${said.status}, which has left ${ago(nowMs, sinceMs)}`)
  }

  /** It was within reach from before somebody's goodbye on, and is. */
  #heardFarewell(observer: Person, subject: Person): boolean {
    return Math.max(observer.troubledMs, observer.sinceMs) < subject.byeMs - newsMs
  }

  #denied(subject: Person, member: string, denies: boolean, nowMs: number): void {
    const { name } = subject
    const deniers = this.#deniers.get(name) ?? new Set()
    this.#deniers.set(name, deniers)
    if (denies && deniers.size === 0 && this.#attendance.inReachOfAll(subject)) this.#deniedMs.set(name, nowMs)
    if (denies) deniers.add(member)
    else deniers.delete(member)
    if (deniers.size === 0) this.#deniedMs.delete(name)
  }

  #view(member: string, name: string): View {
    const key = `${member} ${name}`
    const known = this.#views.get(key) ?? { wrongMs: undefined, leavingMs: undefined, endedMs: undefined }
    this.#views.set(key, known)
    return known
  }

  #breach(rule: MemberRule, member: string, reason: string): void {
    this.#found({ rule, member, reason })
  }
}

function isAway({ presence }: Person): boolean {
  return presence === 'gone' || presence === 'left'
}

function ago(nowMs: number, thenMs: number): string {
  return Number.isFinite(thenMs) ? `for ${((nowMs - thenMs) / 1000).toFixed(1)} s` : 'not yet'
}
