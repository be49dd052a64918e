/**
 * Where a member stands in the network: a point whose distance to another one estimates the round trip between the two
 * (Vivaldi: Dabek and others, SIGCOMM 2004; with the height and the adjustment that Serf adds). All values in seconds.
 */

export interface Coordinate {
  /** `dimension` numbers. */
  readonly vec: readonly number[]
  /** How unsure it is, 0 to `initialError`. */
  readonly error: number
  /** Added to distances: what the points alone get wrong, on average. */
  readonly adjustment: number
  /** The way to and from the network, which every round trip contains. */
  readonly height: number
}

export const dimension = 8
export const initialError = 1.5
export const minHeight = 1e-5

export const initialCoordinate: Coordinate = {
  vec: new Array<number>(dimension).fill(0),
  error: initialError,
  adjustment: 0,
  height: minHeight,
}

/** Only numbers, and the right number of them. */
export function isUsable({ vec, error, adjustment, height }: Coordinate): boolean {
  return vec.length === dimension && [...vec, error, adjustment, height].every(Number.isFinite)
}

/** Without the adjustments. */
export function rawDistance(a: Coordinate, b: Coordinate): number {
  return magnitude(difference(a.vec, b.vec)) + a.height + b.height
}

/** The estimated round trip in whole nanoseconds: as Go has it, so that every member reckons the same. */
export function distanceNs(a: Coordinate, b: Coordinate): number {
  const raw = rawDistance(a, b)
  const adjusted = raw + a.adjustment + b.adjustment
  return Math.trunc((adjusted > 0 ? adjusted : raw) * 1e9)
}

/** A duration in seconds as Go reckons it: whole seconds and the rest are converted apart. */
export function secondsOf(ns: number): number {
  return Math.floor(ns / 1e9) + (ns % 1e9) / 1e9
}

export function magnitude(vec: readonly number[]): number {
  let sum = 0
  for (const value of vec) sum += value * value
  return Math.sqrt(sum)
}

export function difference(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, i) => value - (b[i] as number))
}
