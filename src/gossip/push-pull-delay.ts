/** From this size on, exchanges of the whole state become rarer. */
const threshold = 32

/** Milliseconds between two exchanges of state in a cluster of `n`: twice as long from 33 on, thrice from 65 on, … */
export function pushPullDelayMs(intervalMs: number, n: number): number {
  if (n <= threshold) return intervalMs
  return intervalMs * (Math.ceil(Math.log2(n) - Math.log2(threshold)) + 1)
}
