/**
 * Our own coordinate and those of the members we have probed: owns what acks carry of them and what is believed of
 * it. Never measures; `probe.ts` says how long a round trip took.
 */

import type { Decoded } from '../decoded.ts'
import { type Coordinate, dimension, distanceNs, isUsable } from './coordinate.ts'
import type { Problem } from './effects.ts'
import { decodeBody, field, float, list, struct } from './msgpack-struct.ts'
import { MsgpackWriter } from './msgpack-writer.ts'
import { Vivaldi } from './vivaldi.ts'

const version = 1
/** Ours have 130; room for what newer versions may add. */
const maxPayloadBytes = 1024
/** Gravity keeps honest members far below it. */
const maxSeconds = 1000

const wireCoordinate = struct({
  vec: field('Vec', list(float)),
  error: field('Error', float),
  adjustment: field('Adjustment', float),
  height: field('Height', float),
})

export interface CoordinatesParts {
  /** Ours. */
  readonly name: string
  readonly random: () => number
  readonly report: (reason: Problem, detail: string) => void
}

export class Coordinates {
  readonly #parts: CoordinatesParts
  readonly #vivaldi: Vivaldi
  readonly #others = new Map<string, Coordinate>()

  constructor(parts: CoordinatesParts) {
    this.#parts = parts
    this.#vivaldi = new Vivaldi(parts.random)
  }

  get resets(): number {
    return this.#vivaldi.resets
  }

  /** What our acks carry. */
  payload(): Uint8Array {
    return encodeCoordinate(this.#vivaldi.coordinate)
  }

  /** `name` acked our ping directly and in time; `rttMs` after it was sent. */
  acked(name: string, payload: Uint8Array, rttMs: number): void {
    if (payload.length === 0) return
    const decoded = decodeCoordinate(payload)
    if (!decoded.ok) {
      this.#parts.report('malformed', `coordinate of ${name}: ${decoded.problem}`)
      return
    }
    const coordinate = decoded.value
    if (!isCredible(coordinate)) this.#parts.report('incredible', `coordinate of ${name}`)
    else if (this.#vivaldi.update(name, coordinate, Math.round(rttMs * 1e6))) this.#others.set(name, coordinate)
  }

  forget(name: string): void {
    this.#others.delete(name)
    this.#vivaldi.forget(name)
  }

  of(name: string): Coordinate | undefined {
    return name === this.#parts.name ? this.#vivaldi.coordinate : this.#others.get(name)
  }

  /** The estimated round trip; undefined where one of the two is not known. */
  rttMs(a: string, b: string): number | undefined {
    const [from, to] = [this.of(a), this.of(b)]
    return from && to && distanceNs(from, to) / 1e6
  }
}

export function encodeCoordinate(coordinate: Coordinate): Uint8Array {
  const writer = new MsgpackWriter()
  writer.byte(version)
  wireCoordinate.write(writer, coordinate)
  return writer.finish()
}

export function decodeCoordinate(payload: Uint8Array): Decoded<Coordinate> {
  if (payload.length > maxPayloadBytes) return { ok: false, problem: `${payload.length} bytes` }
  if (payload[0] !== version) return { ok: false, problem: `version ${payload[0]}` }
  const decoded = decodeBody('coordinate', wireCoordinate, payload)
  if (!decoded.ok) return decoded
  const { vec, error, adjustment, height } = decoded.value
  const coordinate = { vec, error, adjustment, height }
  if (vec.length !== dimension) return { ok: false, problem: `${vec.length} dimensions` }
  return isUsable(coordinate) ? { ok: true, value: coordinate } : { ok: false, problem: 'not a number' }
}

/** Numbers, but of no place in any network: following them would throw our own coordinate off. */
function isCredible({ vec, error, adjustment, height }: Coordinate): boolean {
  const inRange = [...vec, error, adjustment, height].every((value) => Math.abs(value) <= maxSeconds)
  return inRange && error >= 0 && height >= 0
}
