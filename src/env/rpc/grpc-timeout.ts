/** Timers hold no more (24.8 days); nobody waits for a later deadline. */
export const timerMaxMs = 2 ** 31 - 1

/** Milliseconds in a unit of `grpc-timeout`. */
const unitMs = new Map([
  ['H', 3_600_000],
  ['M', 60_000],
  ['S', 1000],
  ['m', 1],
  ['u', 1e-3],
  ['n', 1e-6],
])

/** `grpc-timeout`, one to eight digits and a unit, as milliseconds; undefined where malformed. */
export function parseGrpcTimeout(text: string): number | undefined {
  if (!/^[0-9]{1,8}[HMSmun]$/.test(text)) return undefined
  return Number(text.slice(0, -1)) * unitMs.get(text.slice(-1))!
}

/** Milliseconds as `grpc-timeout`, rounded up to what eight digits hold. */
export function formatGrpcTimeout(timeoutMs: number): string {
  const ms = Math.max(0, Math.ceil(timeoutMs))
  if (ms < 1e8) return `${ms}m`
  return `${Math.min(99_999_999, Math.ceil(ms / 1000))}S`
}
