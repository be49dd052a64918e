/** Where a member lies in the space of round trips (Vivaldi with height); all units are seconds. */
export interface Coordinate {
  /** Eight dimensions. */
  readonly vec: readonly number[]
  readonly error: number
  readonly adjustment: number
  readonly height: number
}
