/** What all clients of a run share: the nodes, desks to sit at, the history, chance, and the kinds of question they ask. */

import type { MessageInitShape } from '@bufbuild/protobuf'
import { type ConsumeRequestSchema, LogService } from '../../gen/reeve/v1/log_service_pb.ts'
import type { LogId, Position } from '../../gen/reeve/v1/record_pb.ts'
import type { History, Positions, ProduceAsked, ReadAsked, ReadRun } from '../history.ts'
import { SeededRandom } from '../random.ts'
import { recordSum } from '../universe/record-sums.ts'
import type { Answered, Desk, Server } from './desk.ts'
import { epochText, type ReadAnswer, readAnswer } from './read-answer.ts'

/** A node as clients know it: an address that may answer. */
export interface Counter {
  /** Of its machine. */
  readonly name: string
  /** Somebody may be there. */
  readonly isUp: boolean
  /** Names the disk that the machine has at present. */
  readonly disk: string
  readonly server: Server
}

/** What clients need of the world they are in: a simulated one, or the real one. */
export interface Surroundings {
  after(delayMs: number, callback: () => void): void
  /** Where a client at the machine of that node sits. */
  deskAt(counter: Counter): Desk
}

export interface FloorOptions {
  readonly world: Surroundings
  readonly seed: number
  readonly history: History
  readonly counters: readonly Counter[]
  readonly topics: readonly string[]
  /** Mean pause of a writer between two questions; looked at before each. */
  readonly pauseMs: number
  readonly recordMaxBytes: number
}

/** Who writes it, so that it is stored once; `place` says the same for the history. */
export interface ProducerClaim {
  readonly producerId: Uint8Array
  readonly producerSequence: bigint
  readonly producerSkips: boolean
  readonly place: string
}

export const allCopies = 4_294_967_295

export class Floor {
  readonly options: FloorOptions
  readonly #desks = new Map<Counter, Desk>()
  #open = true
  #silent = false

  constructor(options: FloorOptions) {
    this.options = options
  }

  /** No client begins anything new. */
  close(): void {
    this.#open = false
  }

  /** Nobody goes on with anything. */
  silence(): void {
    this.#silent = true
  }

  get isSilent(): boolean {
    return this.#silent
  }

  get isOpen(): boolean {
    return this.#open
  }

  random(client: string): SeededRandom {
    return new SeededRandom(this.options.seed, `client/${client}`)
  }

  /** At the machine of that node. */
  desk(counter: Counter): Desk {
    const known = this.#desks.get(counter)
    if (known !== undefined) return known
    const desk = this.options.world.deskAt(counter)
    this.#desks.set(counter, desk)
    return desk
  }

  /** Mostly one that is up. */
  pick(random: SeededRandom): Counter {
    const { counters } = this.options
    const up = counters.filter(({ isUp }) => isUp)
    return random.pick(up.length === 0 || random.chance(0.05) ? counters : up)
  }

  /** After a pause, whose mean is so many of a writer's. */
  later(random: SeededRandom, work: () => void, pauses = 1): void {
    const { world, pauseMs } = this.options
    world.after(random.between(0.1, 1.9) * pauses * pauseMs, work)
  }

  /** Again and again, with pauses, for as long as `step` says and the floor is open; `step` calls back when it is done. */
  loop(random: SeededRandom, pauses: number, step: (done: () => void) => void): void {
    const next = (): void => {
      if (this.#open) step(again)
    }
    const again = (): void => this.later(random, next, pauses)
    again()
  }

  produce(
    desk: Desk,
    counter: Counter,
    asked: { client: string; topic: string; payloads: readonly Uint8Array[]; copies: number; timeoutMs: number },
    extra: ProducerClaim | undefined,
    told: (operation: ProduceAsked) => void = () => {},
  ): void {
    const { client, topic, payloads, copies, timeoutMs } = asked
    const { place, ...request } = extra ?? { place: undefined }
    const operation = this.options.history.begin<ProduceAsked>({
      ...{ kind: 'produce', client, node: counter.name, disk: counter.disk, topic, place },
      sums: payloads.map((payload) => recordSum(new Uint8Array(0), payload)),
      copies: copies === allCopies ? 0 : copies,
    })
    const batch = { records: payloads.map((value) => ({ value })) }
    desk.ask(counter.server, LogService.method.produce, { topic, batch, copies, ...request }, timeoutMs, (answer) => {
      const { history } = this.options
      if (!answer.ok) history.end(operation, answer)
      else {
        const { log, baseOffset, recordCount, copies: held, duplicate } = answer.message
        const stored = { ok: true as const, log: logOf(log), base: Number(baseOffset), count: recordCount }
        history.end(operation, { ...stored, copies: held, duplicate })
      }
      told(operation)
    })
  }

  read(
    desk: Desk,
    counter: Counter,
    asked: Pick<ReadAsked, 'client' | 'topic' | 'reading' | 'from'> & Partial<ReadAsked>,
    request: MessageInitShape<typeof ConsumeRequestSchema>,
    timeoutMs: number,
    told: (operation: ReadAsked, cursor: Uint8Array | undefined) => void,
  ): void {
    const operation = this.beginRead(counter, asked)
    const { topic } = asked
    const answered = (answer: Answered<ReadAnswer>): void => {
      const { history } = this.options
      if (answer.ok) history.end(operation, { ok: true, ...answer.message })
      else history.end(operation, answer)
      told(operation, answer.ok ? answer.message.cursor : undefined)
    }
    const decode = (bytes: Uint8Array): ReadAnswer => readAnswer(topic, bytes)
    desk.ask(counter.server, LogService.method.consume, { topic, ...request }, timeoutMs, answered, decode)
  }

  beginRead(
    counter: Counter,
    asked: Pick<ReadAsked, 'client' | 'topic' | 'reading' | 'from'> & Partial<ReadAsked>,
  ): ReadAsked {
    const fixed = {
      kind: 'read' as const,
      node: counter.name,
      disk: counter.disk,
      waitsFor: {},
      byTime: false,
    }
    return this.options.history.begin<ReadAsked>({ ...fixed, ...asked })
  }
}

export function positionsAfter(from: Positions, runs: readonly ReadRun[]): Positions {
  const positions = { ...from }
  for (const run of runs) positions[run.log] = run.from + run.sums.length
  return positions
}

/** As the contract has them on the wire. */
export function onTheWire(positions: Positions): Omit<Position, '$typeName'>[] {
  return Object.entries(positions).map(([log, offset]) => {
    const [, origin, epoch] = log.split('/') as [string, string, string]
    return { origin, epoch: epochBytes(epoch), offset: BigInt(offset) }
  })
}

export function epochBytes(epoch: string): Uint8Array {
  return new Uint8Array(Buffer.from(epoch.replaceAll('-', ''), 'hex'))
}

function logOf(log: LogId | undefined): string {
  return `${log?.topic}/${log?.origin}/${epochText(log?.epoch ?? new Uint8Array(0))}`
}
