/**
 * What clients asked and what they were answered, as plain data: who, where, when begun, when ended. Judges read nothing
 * else of what nodes say.
 */

/** A run of records of one log, as a reader got it. */
export interface ReadRun {
  /** `topic/origin/epoch` */
  readonly log: string
  readonly from: number
  /** Of each record; offsets follow one by one, unless `offsets` says otherwise. */
  readonly sums: readonly number[]
  readonly timestamp: bigint
}

/** Offsets behind which a reader stands, by log. */
export type Positions = Readonly<Record<string, number>>

export type Refused = { readonly ok: false; readonly code: string; readonly facts: Readonly<Record<string, string>> }

export interface Stored {
  readonly ok: true
  readonly log: string
  readonly base: number
  readonly count: number
  readonly copies: number
  readonly duplicate: boolean
}

export interface Read {
  readonly ok: true
  readonly runs: readonly ReadRun[]
  readonly atEnd: boolean
}

export interface Done {
  readonly ok: true
}

export interface Members {
  readonly ok: true
  /** Names of those that the node believes alive, itself included. */
  readonly alive: readonly string[]
  /** Of those that it knows to have left. */
  readonly left?: readonly string[]
}

interface Asked<Kind extends string, Answer> {
  readonly kind: Kind
  /** Who asked. */
  readonly client: string
  /** The machine that was asked, and the disk that it has, or had when it answered. */
  readonly node: string
  disk: string
  readonly beganMs: number
  endedMs: number | undefined
  /** Undefined: nothing came back, and perhaps never will. */
  answer: Answer | Refused | undefined
}

export interface ProduceAsked extends Asked<'produce', Stored> {
  readonly topic: string
  readonly sums: readonly number[]
  /** 0: all that are known. */
  readonly copies: number
  /** `PRODUCER/SEQUENCE` of the first record, of who may send it again. */
  readonly place: string | undefined
}

export interface ReadAsked extends Asked<'read', Read> {
  readonly topic: string
  /** Readings with one name go on from each other, in order: a cursor was handed on. */
  readonly reading: string
  /** Where that reading stands, from what it was given so far and the holes that it was told of. */
  readonly from: Positions
  /** What the node had to have before it answered. */
  readonly waitsFor: Positions
  readonly byTime: boolean
  /** Nothing but records of this origin, or of this log from this offset on. */
  readonly only?: { readonly origin?: string; readonly log?: string }
  /** The named cursor that it went on from. */
  readonly cursorName?: string
}

export interface CommitAsked extends Asked<'commit', Done> {
  readonly topic: string
  readonly name: string
  /** What it says was read. */
  readonly positions: Positions
}

export interface TopicAsked extends Asked<'setTopic' | 'deleteTopic', Done> {
  readonly topic: string
}

export interface MembersAsked extends Asked<'members', Members> {}

export type Operation = ProduceAsked | ReadAsked | CommitAsked | TopicAsked | MembersAsked

export interface HistoryListener {
  begun(operation: Operation): void
  /** In the very event in which an answer came. */
  ended(operation: Operation): void
}

export class History {
  /** All but readings, which are many and long: they are judged when they end. */
  readonly operations: Operation[] = []
  readonly #listener: HistoryListener
  readonly #nowMs: () => number

  constructor(nowMs: () => number, listener: HistoryListener) {
    this.#nowMs = nowMs
    this.#listener = listener
  }

  begin<One extends Operation>(asked: Omit<One, 'beganMs' | 'endedMs' | 'answer'>): One {
    const operation = { ...asked, beganMs: this.#nowMs(), endedMs: undefined, answer: undefined } as unknown as One
    if (operation.kind !== 'read') this.operations.push(operation)
    this.#listener.begun(operation)
    return operation
  }

  end<One extends Operation>(operation: One, answer: NonNullable<One['answer']>): void {
    operation.endedMs = this.#nowMs()
    operation.answer = answer
    this.#listener.ended(operation)
  }
}
