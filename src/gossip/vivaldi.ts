/**
 * Finds our own coordinate: every round trip to a member whose coordinate we know pulls ours nearer or pushes it away.
 * The numbers and the order of the arithmetic are Serf's, to the last bit, so that mixed clusters agree.
 */

import {
  type Coordinate,
  difference,
  distanceNs,
  initialCoordinate,
  initialError,
  isUsable,
  magnitude,
  minHeight,
  rawDistance,
  secondsOf,
} from './coordinate.ts'

/** How much one round trip may change our error, and move us. */
const errorShare = 0.25
const moveShare = 0.25
const adjustmentSamples = 20
/** The median of so many round trips to a member counts. */
const latencySamples = 3
/** Pulls everybody towards the origin, so that the whole cluster does not drift away; stronger the farther. */
const gravityRho = 150
/** Below this nothing is divided by it. */
const tiny = 1e-6
const maxRttNs = 10e9

export class Vivaldi {
  readonly #random: () => number
  readonly #latencies = new Map<string, number[]>()
  readonly #adjustments = new Array<number>(adjustmentSamples).fill(0)
  #adjusted = 0
  #coordinate: Coordinate
  #resets = 0

  /** `random`: uniform in [0, 1). */
  constructor(random: () => number, start: Coordinate = initialCoordinate) {
    this.#random = random
    this.#coordinate = start
  }

  get coordinate(): Coordinate {
    return this.#coordinate
  }

  /** How often our own coordinate had become useless and was begun anew. */
  get resets(): number {
    return this.#resets
  }

  /** A round trip to the member `name`, who stands at `other`. False: not usable, nothing was changed. */
  update(name: string, other: Coordinate, rttNs: number): boolean {
    if (!isUsable(other) || !(rttNs >= 0 && rttNs <= maxRttNs)) return false
    const rtt = this.#median(name, secondsOf(rttNs))
    this.#follow(other, Math.max(rtt, tiny))
    this.#adjust(other, rtt)
    const distance = secondsOf(distanceNs(initialCoordinate, this.#coordinate))
    this.#push(-1 * (distance / gravityRho) ** 2, initialCoordinate)
    if (!isUsable(this.#coordinate)) {
      this.#resets += 1
      this.#coordinate = initialCoordinate
    }
    return true
  }

  forget(name: string): void {
    this.#latencies.delete(name)
  }

  #median(name: string, rtt: number): number {
    const latest = [...(this.#latencies.get(name) ?? []), rtt].slice(-latencySamples)
    this.#latencies.set(name, latest)
    return [...latest].sort((a, b) => a - b)[Math.floor(latest.length / 2)] as number
  }

  #follow(other: Coordinate, rtt: number): void {
    const ours = this.#coordinate
    const distance = secondsOf(distanceNs(ours, other))
    const wrong = Math.abs(distance - rtt) / rtt
    const weight = ours.error / Math.max(ours.error + other.error, tiny)
    const error = Math.min(initialError, errorShare * weight * wrong + ours.error * (1 - errorShare * weight))
    this.#coordinate = { ...ours, error }
    this.#push(moveShare * weight * (rtt - distance), other)
  }

  #adjust(other: Coordinate, rtt: number): void {
    this.#adjustments[this.#adjusted] = rtt - rawDistance(this.#coordinate, other)
    this.#adjusted = (this.#adjusted + 1) % adjustmentSamples
    // Half of what is missing: the other side adds its half.
    const adjustment = this.#adjustments.reduce((sum, sample) => sum + sample, 0) / (2 * adjustmentSamples)
    this.#coordinate = { ...this.#coordinate, adjustment }
  }

  /** Moves us away from `from`, or towards it when `force` is negative. */
  #push(force: number, from: Coordinate): void {
    const ours = this.#coordinate
    const apart = difference(ours.vec, from.vec)
    const length = magnitude(apart)
    const far = length > tiny
    const direction = far ? apart.map((value) => value * (1 / length)) : this.#anyDirection()
    const vec = ours.vec.map((value, i) => value + (direction[i] as number) * force)
    const height = far ? Math.max(minHeight, ((ours.height + from.height) * force) / length + ours.height) : ours.height
    this.#coordinate = { ...ours, vec, height }
  }

  #anyDirection(): number[] {
    for (;;) {
      const vec = initialCoordinate.vec.map(() => this.#random() - 0.5)
      const length = magnitude(vec)
      if (length > tiny) return vec.map((value) => value * (1 / length))
    }
  }
}
