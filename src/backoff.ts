/**
 * How long to wait before try number `tries` (from 1): doubles from `baseMs` to `maxMs`; half of it is jitter, so that
 * those who failed together do not come back together.
 */
export function backoffMs(tries: number, baseMs: number, maxMs: number, fraction: number): number {
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(30, Math.max(0, tries - 1)))
  return full * (0.5 + fraction / 2)
}
