/**
 * How long a suspected member has to refute (Lifeguard's dynamic suspicion timeout): long while one accuser stands
 * alone, falling towards the minimum with every further member that confirms.
 */

/** The shortest time until a suspect is declared dead in a cluster of `n` known nodes, ourselves included. */
export function suspicionTimeoutMs(suspicionMult: number, n: number, probeIntervalMs: number): number {
  const nodeScale = Math.max(1, Math.log10(Math.max(1, n)))
  // Cut to three decimals, as memberlist does; reckoned in thousandths, so that no rounding error gets in.
  return (suspicionMult * Math.trunc(nodeScale * 1000) * probeIntervalMs) / 1000
}

/** What is left of the timeout after `confirmations` of `k` and `elapsedMs`; zero or less: fire now. */
export function remainingSuspicionMs(
  confirmations: number,
  k: number,
  elapsedMs: number,
  minMs: number,
  maxMs: number,
): number {
  const share = Math.log(confirmations + 1) / Math.log(k + 1)
  const totalMs = Math.max(minMs, Math.floor(maxMs - share * (maxMs - minMs)))
  return totalMs - elapsedMs
}

export interface SuspicionBounds {
  /** Confirmations that bring the timeout down to `minMs`; 0: it starts there. */
  readonly k: number
  readonly minMs: number
  readonly maxMs: number
}

export function suspicionBounds(
  n: number,
  profile: { suspicionMult: number; suspicionMaxTimeoutMult: number; probeIntervalMs: number },
): SuspicionBounds {
  const wanted = Math.max(0, profile.suspicionMult - 2)
  const minMs = suspicionTimeoutMs(profile.suspicionMult, n, profile.probeIntervalMs)
  // Without enough others to confirm, nobody could ever shorten the timeout: it starts at the minimum.
  return { k: n - 2 < wanted ? 0 : wanted, minMs, maxMs: profile.suspicionMaxTimeoutMult * minMs }
}

/** One running suspicion of one member. */
export class Suspicion {
  readonly #accusers: Set<string>
  readonly #bounds: SuspicionBounds
  #startedMs: number

  constructor(firstAccuser: string, bounds: SuspicionBounds, nowMs: number) {
    this.#accusers = new Set([firstAccuser])
    this.#bounds = bounds
    this.#startedMs = nowMs
  }

  get confirmations(): number {
    return this.#accusers.size - 1
  }

  /** When the suspect is to be declared dead; in the past: now. */
  get deadlineMs(): number {
    const { k, minMs, maxMs } = this.#bounds
    if (k < 1) return this.#startedMs + minMs
    return this.#startedMs + remainingSuspicionMs(this.confirmations, k, 0, minMs, maxMs)
  }

  /** The suspect gets so much longer. */
  extend(byMs: number): void {
    this.#startedMs += byMs
  }

  /** False: we knew that accuser, or have enough of them. */
  confirm(accuser: string): boolean {
    if (this.confirmations >= this.#bounds.k || this.#accusers.has(accuser)) return false
    this.#accusers.add(accuser)
    return true
  }
}
